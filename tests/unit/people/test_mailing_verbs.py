"""`azukari site mail-key` and `site send`: what they say, and what they refuse before a host is asked."""

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from azukari.cli.site import app
from azukari.drills import sending
from azukari.errors import InputError, NotJudged
from azukari.people import letters, mail_keys
from azukari.provision import session
from azukari.site import Site, holders_dir

WRITTEN = {"subject": {"ja": "お知らせ", "en": "News"}, "text": {"ja": "本文", "en": "Text"}}


def run(site: Site, *arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments, "--site", str(site.path)])


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A mail host that has sent a letter at once."""
    found: dict[str, Any] = {"progress": {}, "files": []}

    @contextlib.contextmanager
    def at(site: Site, limit: list[str]) -> Any:
        found["limit"] = limit
        yield SimpleNamespace(site=site)

    def hand_over(_at: Any, letter: Any, file: bytes) -> None:
        found["files"].append((letter.name, file))
        found["progress"] = found.get("after", {"sent": 7, "left": 1, "done": True})

    monkeypatch.setattr(session, "session", at)
    monkeypatch.setattr(sending, "subscribers", lambda _at: 8)
    monkeypatch.setattr(sending, "progress", lambda _at, _letter: found["progress"])
    monkeypatch.setattr(sending, "hand_over", hand_over)
    monkeypatch.setattr("azukari.cli.site_send.time.sleep", lambda _seconds: None)
    return found


def signed(site: Site, tmp_path: Path, *only: str) -> Path:
    file = tmp_path / "letter.signed"
    file.write_bytes(letters.sign(site, WRITTEN, holders_dir(site) / "office" / "approval", only))
    return file


def test_the_key_is_made_once_and_it_is_said_what_comes_next(site: Site) -> None:
    assert "is there already" in run(site, "mail-key").output
    [public] = (site.path / mail_keys.FOLDER).glob("*.pem")
    public.unlink()
    said = run(site, "mail-key").output
    assert f"Made keys/mail/{public.name}" in said
    assert "azukari office key mail_service" in said


def test_without_yes_it_is_only_said_to_how_many_it_would_go(
    site: Site, handed: dict[str, Any], tmp_path: Path
) -> None:
    done = run(site, "send", str(signed(site, tmp_path)))
    assert done.exit_code == 0, done.output
    assert handed["files"] == []
    assert sorted(handed["limit"]) == ["db", "mail"]


def test_with_yes_the_signed_file_is_handed_over_as_it_is(site: Site, handed: dict[str, Any], tmp_path: Path) -> None:
    file = signed(site, tmp_path)
    done = run(site, "send", str(file), "--yes")
    assert done.exit_code == 0, done.output
    assert [text for _, text in handed["files"]] == [file.read_bytes()]
    again = run(site, "send", str(file), "--yes")
    assert isinstance(again.exception, InputError)
    assert "was sent before, to 7" in again.exception.message
    assert len(handed["files"]) == 1


def test_one_that_is_still_being_sent_is_said_so(site: Site, handed: dict[str, Any], tmp_path: Path) -> None:
    handed["after"] = {"sent": 3, "left": 0, "done": False}
    done = run(site, "send", str(signed(site, tmp_path)), "--yes")
    assert isinstance(done.exception, NotJudged)
    assert "3" in done.exception.message


def test_what_is_not_the_offices_letter_is_handed_to_nobody(site: Site, handed: dict[str, Any], tmp_path: Path) -> None:
    own, drill = signed(site, tmp_path), tmp_path / "drill"
    forged = tmp_path / "forged"
    forged.write_bytes(own.read_bytes().replace(b"News", b"Fake"))
    drill.write_bytes(signed(site, tmp_path, "row").read_bytes())
    refused = {
        forged: "not signed by the office",
        drill: "letter of a drill",
        tmp_path / "nothing": "cannot be read",
    }
    for path, said in refused.items():
        done = run(site, "send", str(path), "--yes")
        assert isinstance(done.exception, InputError)
        assert said in done.exception.message
    assert "limit" not in handed
