"""What a lab site is given of the office's sealing keys: made once, and anew when the statement is over."""

from datetime import timedelta
from pathlib import Path

import pytest

from azukari.people import lab_site
from azukari.site import Site, holders_dir, load

MADE = "the office's sealing key for contact"


def _private(site: Site) -> list[Path]:
    return sorted((holders_dir(site) / "office" / "sealing").iterdir())


def test_the_sealing_key_is_made_once(declared: Path) -> None:
    first = lab_site.make(declared)
    assert MADE in first.made
    assert first.approval.state == "approved"
    site = load(declared)
    statement = (site.path / "keys/sealing/contact.json").read_bytes()
    again = lab_site.make(declared)
    assert MADE not in again.made
    assert (site.path / "keys/sealing/contact.json").read_bytes() == statement
    assert len(_private(site)) == 1


def test_a_statement_that_is_over_is_made_anew_and_the_old_key_stays(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,) = _private(site)
    last = site.today() + timedelta(days=365)
    monkeypatch.setattr(Site, "today", lambda _site: last)
    assert MADE not in lab_site.make(site.path).made
    monkeypatch.setattr(Site, "today", lambda _site: last + timedelta(days=1))
    made = lab_site.make(site.path)
    assert MADE in made.made
    assert made.approval.state == "approved"
    assert made.approved
    assert old in _private(site)
    assert len(_private(site)) == 2


def test_a_statement_that_was_lost_is_made_anew(site: Site) -> None:
    (site.path / "keys/sealing/contact.json.sig").unlink()
    assert MADE in lab_site.make(site.path).made
    assert len(_private(site)) == 2
