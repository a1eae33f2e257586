import json

import pytest
from typer.testing import CliRunner

from azukari.cli.people import app
from azukari.errors import InputError
from azukari.people import authority
from azukari.people.ledger import LedgerBroken
from azukari.site import Site, fingerprint, holders_dir
from azukari.ssh import keys


def _run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_list_tells_who_has_access_on_a_day(site: Site) -> None:
    today = json.loads(_run("list", "--site", str(site.path), "--json"))["people"]
    assert {one["name"]: one["access"] for one in today} == dict.fromkeys(
        ("tanaka", "suzuki", "sato", "kimura"), "access"
    )
    assert all(key.startswith("SHA256:") for one in today for key in one["keys"])
    later = json.loads(_run("list", "--site", str(site.path), "--json", "--on", "2040-01-01"))["people"]
    assert {one["access"] for one in later} == {"none: outside the contract"}


def test_audit_issues_what_is_at_hand_and_names_who_keeps_the_rest(site: Site) -> None:
    (holders_dir(site) / "vault" / "vault-password").unlink()
    said = _run("audit", "--site", str(site.path), "--hours", "2")
    auditor = holders_dir(site) / "auditor"
    assert "Left out: vault, whose keys sato keeps." in said
    assert {path.name for path in auditor.glob("audit-*-cert.pub")} == {
        f"audit-{name}-cert.pub" for name in ("jump", "bastion", "production", "log")
    }
    assert {path.name for path in (auditor / "decoys").iterdir()} == {"production", "log"}


def test_audit_certifies_the_key_that_the_auditor_gave(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    given = tmp_path_factory.mktemp("auditor") / "audit.pub"
    given.write_text("not a key\n")
    with pytest.raises(InputError, match="is no OpenSSH public key"):
        _run("audit", "--site", str(site.path), "--key", str(given))
    public = keys.public_text(keys.new_key())
    given.write_text(public)
    _run("audit", "--site", str(site.path), "--key", str(given))
    issued = {entry.key for entry in authority.ledger(site, "log").entries() if entry.key_id == "auditor/audit/log"}
    assert issued == {fingerprint(public)}


def test_without_any_domains_keys_the_keeper_is_named(site: Site) -> None:
    for domain in ("production", "vault", "log"):
        (holders_dir(site) / domain / "vault-password").unlink()
    with pytest.raises(authority.KeysNotAtHand, match="kept by tanaka"):
        _run("audit", "--site", str(site.path))


def test_ledger_shows_every_certificate_and_finds_a_line_taken_out(site: Site) -> None:
    _run("audit", "--site", str(site.path))
    shown = json.loads(_run("ledger", "--site", str(site.path), "--domain", "log", "--json"))["ledger"]["log"]
    assert "auditor/audit/log" in {entry["key_id"] for entry in shown}
    assert "entries; each follows from the one before" in _run("ledger", "--site", str(site.path))
    path = authority.ledger(site, "log").path
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    with pytest.raises(LedgerBroken, match="line 1"):
        _run("ledger", "--site", str(site.path))
    with pytest.raises(InputError, match="no domain “mail”"):
        _run("ledger", "--site", str(site.path), "--domain", "mail")
