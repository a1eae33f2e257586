"""The office's sealing key: whoever seals finds it by the office's word; its private half stays with the office."""

import dataclasses
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from typer.testing import CliRunner

from azukari.cli.office import app
from azukari.errors import InputError
from azukari.people import sealing_keys
from azukari.site import Site, approval, approve, holders_dir, load
from azukari.site.keys import public_key
from reference_site.recipients import recipient
from reference_site.sealing import Place, seal, unseal

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("AZUKARI_HOME", str(tmp_path / "home"))
    folder = shutil.copytree(CHECKOUT / "inventory" / "example", tmp_path / "site")
    key = _pair(holders_dir(load(folder)) / "office" / "approval")
    shutil.copy(key.with_suffix(".pub"), folder / "keys" / "office_approval.pub")
    return load(folder)


def _pair(private: Path) -> Path:
    private.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", private], check=True)
    return private


def _approval_key(site: Site) -> Path:
    return holders_dir(site) / "office" / "approval"


def _recipient(site: Site):
    office = public_key(site.path, site.contract.office.key)
    return recipient(site.path / "keys" / "sealing", site.name, "contact", "office", office, site.today())


def test_what_is_sealed_for_the_stated_key_the_office_opens(site: Site) -> None:
    private, made = sealing_keys.make(site, "contact", _approval_key(site), site.contract.end)
    found = _recipient(site)
    assert (found, found.holder, found.until) == (made, "office", site.contract.end)
    assert isinstance(found.key, RSAPublicKey)
    assert found.key.key_size == 3072
    place = Place("contact", "1", "reply")
    key = load_pem_private_key(private.read_bytes(), None)
    assert unseal(seal(b"x", place, found.key), place, key) == b"x"
    assert private.stat().st_mode & 0o777 == 0o600
    assert not private.is_relative_to(site.path)


def test_an_earlier_key_stays_and_the_newer_one_is_stated(site: Site) -> None:
    first, _ = sealing_keys.make(site, "contact", _approval_key(site), site.contract.end)
    second, made = sealing_keys.make(site, "contact", _approval_key(site), site.contract.end)
    assert first != second
    assert first.is_file()
    assert _recipient(site) == made
    identifiers = {path.stem.removeprefix("contact-") for path in (first, second)}
    assert {name: set(keys) for name, keys in sealing_keys.stated_keys(site).items()} == {"contact": identifiers}


def test_what_the_office_reads_is_what_the_policy_says(site: Site) -> None:
    assert sealing_keys.readable(site) == ["contact"]
    nobody = [each.model_copy(update={"readers": ()}) for each in site.policy.collections]
    unread = dataclasses.replace(site, policy=site.policy.model_copy(update={"collections": tuple(nobody)}))
    assert sealing_keys.readable(unread) == []


def test_a_statement_holds_on_its_days_and_by_the_offices_word(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not sealing_keys.stated(site, "contact")
    until = site.today() + timedelta(days=1)
    sealing_keys.make(site, "contact", _approval_key(site), until)
    assert sealing_keys.stated(site, "contact")
    assert not sealing_keys.stated(site, "mail_service")
    for day, holds in ((until, True), (until + timedelta(days=1), False), (until - timedelta(days=2), False)):
        with monkeypatch.context() as on:
            on.setattr(Site, "today", lambda _site, day=day: day)
            assert sealing_keys.stated(site, "contact") is holds


@pytest.mark.parametrize("change", ["altered", "unsigned", "another office"])
def test_a_statement_that_is_not_the_offices_is_none(site: Site, tmp_path: Path, change: str) -> None:
    sealing_keys.make(site, "contact", _approval_key(site), site.contract.end)
    statement = site.path / "keys" / "sealing" / "contact.json"
    if change == "altered":
        statement.write_bytes(statement.read_bytes() + b"\n")
    elif change == "unsigned":
        statement.with_suffix(".json.sig").unlink()
    else:
        shutil.copy(_pair(tmp_path / "other").with_suffix(".pub"), site.path / "keys" / "office_approval.pub")
    assert not sealing_keys.stated(site, "contact")
    assert sealing_keys.stated_keys(site) == {}


def test_a_passphrase_closes_the_private_half(site: Site) -> None:
    private, _ = sealing_keys.make(site, "contact", _approval_key(site), site.contract.end, "long words")
    with pytest.raises(TypeError):
        load_pem_private_key(private.read_bytes(), None)
    assert load_pem_private_key(private.read_bytes(), b"long words")


def test_the_statement_belongs_to_the_site_and_to_its_approval(site: Site) -> None:
    approve(site, _approval_key(site))
    sealing_keys.make(site, "contact", _approval_key(site), site.contract.end)
    changed = approval(load(site.path))
    assert changed.state == "changed"
    assert changed.changed == ("keys/sealing/contact.json", "keys/sealing/contact.json.sig")


def test_somebody_elses_key_states_nothing(site: Site, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not the office's: the contract names keys/office_approval\.pub"):
        sealing_keys.make(site, "contact", _pair(tmp_path / "somebody"), site.contract.end)
    assert not (site.path / "keys" / "sealing").exists()
    assert not (holders_dir(site) / "office" / "sealing").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["access"], "The office reads no collection “access”; those that it reads: contact."),
        (["mail_service"], "The mail tier has no key in keys/mail of the site; make it: azukari site mail-key"),
        (["nothing"], "The office reads no collection “nothing”"),
        (["contact", "--until", "2020-01-01"], "The last day 2020-01-01 is not between today"),
        (["contact", "--until", "2099-01-01"], "and the contract's end"),
        (["contact", "--key", "/nowhere"], "is not on this machine"),
    ],
)
def test_wrong_use_is_a_sentence_and_changes_nothing(site: Site, arguments: list[str], said: str) -> None:
    found = CliRunner().invoke(app, ["key", *arguments, "--site", str(site.path)])
    assert isinstance(found.exception, InputError)
    assert said in found.exception.message
    assert not (site.path / "keys" / "sealing").exists()


def test_the_verb_says_where_the_halves_are(site: Site) -> None:
    found = CliRunner().invoke(app, ["key", "contact", "--site", str(site.path)])
    assert found.exit_code == 0, found.output
    (private,) = (holders_dir(site) / "office" / "sealing").iterdir()
    words = found.output.replace("\n", "")
    assert f"not encrypted: {private}" in words
    assert f"{site.path}/keys/sealing/contact.json" in words
