"""`azukari evidence` and `azukari report`, as a user calls them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from typer import Typer
from typer.testing import CliRunner

from azukari import evidence
from azukari.cli import evidence as evidence_command
from azukari.cli import report as report_command
from azukari.errors import InputError
from azukari.evidence import EvidenceInvalid
from azukari.evidence.signer import KeyFileSigner
from azukari.site import Site, home
from azukari.verify import RunResult

REPORT = Typer()
REPORT.command("report")(report_command.command)


@pytest.fixture
def folder(run: RunResult, site: Site, signer: KeyFileSigner) -> Path:
    """Evidence signed by the key that the site declares as the auditor's."""
    line = signer.public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    (site.path / site.contract.auditor.evidence_key).write_bytes(line)
    return evidence.write(run, site, signer)


def _said(*words: str, app: Typer = evidence_command.app) -> str:
    done = CliRunner(env={"COLUMNS": "300"}).invoke(app, list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_verify_by_the_sites_own_keys(folder: Path, site: Site) -> None:
    said = _said("verify", "--site", str(site.path))
    assert f"{folder.name}: every byte is as the auditor" in said
    assert "nonce n-123" in said
    assert "not that it is true" in said


def test_verify_by_a_public_key_and_nothing_else(
    folder: Path, signer: KeyFileSigner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = signer.public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    (tmp_path / "key.pub").write_bytes(line)
    monkeypatch.setenv("AZUKARI_HOME", str(tmp_path / "nothing-here"))
    monkeypatch.chdir(tmp_path)
    assert "every byte is as key.pub" in _said("verify", str(folder), "--key", str(tmp_path / "key.pub"))


def test_verify_names_what_was_changed(folder: Path, site: Site) -> None:
    with (folder / "facts.json").open("ab") as file:
        file.write(b" ")
    with pytest.raises(EvidenceInvalid, match=r"facts\.json was changed"):
        _said("verify", "--site", str(site.path))


def test_show_names_each_key_that_a_drill_tried(site: Site, signer: KeyFileSigner) -> None:
    now = datetime.now(UTC)
    key = {"path": "/etc/x.key", "kind": "DER, EC prime256v1", "opens": [], "said": "opens nothing"}
    steps = [
        {"what": "every key tried, on app", "passed": True, "said": "1 key", "tried": [key]},
        {"what": "an older drill's step", "passed": True, "said": "said"},
    ]
    record = evidence.of_drill(site.name, "canary", ["app"], steps, now, now, policy="x")
    shown = _said("show", str(evidence.write(record, site, signer)))
    assert "every key tried, on app: 1 key /etc/x.key (DER, EC prime256v1): opens nothing" in shown
    assert "an older drill's step: said" in shown


def test_list_and_show(folder: Path, site: Site) -> None:
    listed = json.loads(_said("list", "--json", "--site", str(site.path)))
    assert [(each["evidence"], each["outcome"]) for each in listed["evidence"]] == [(folder.name, "FAILED")]
    shown = _said("show", folder.name, "--site", str(site.path))
    assert "failed: LEAK-10 test_ssh.py::test_refuses[db]" in shown
    assert site.digest() in shown


def test_an_unknown_name_is_a_sentence(folder: Path, site: Site) -> None:
    with pytest.raises(InputError, match="no evidence “nothing”"):
        _said("show", "nothing", "--site", str(site.path))


def test_no_evidence_yet_is_a_sentence(site: Site) -> None:
    with pytest.raises(InputError, match="azukari verify"):
        _said("show", "--site", str(site.path))


def test_evidence_of_a_lone_host_verifies_by_ones_own_key(run: RunResult, site: Site, signer: KeyFileSigner) -> None:
    evidence.write(run.model_copy(update={"site": "root@192.0.2.7"}), None, signer)
    with pytest.raises(InputError, match="--key"):
        _said("verify", "--hosts")
    pem = signer._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (home() / "evidence.pem").write_bytes(pem)
    assert "this user's own key" in _said("verify", "--hosts")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_report_writes_one_file(folder: Path, site: Site, tmp_path: Path, language: str) -> None:
    to = tmp_path / "out" / "report.html"
    said = _said("--site", str(site.path), "--output", str(to), "--language", language, app=REPORT)
    assert said.startswith("Report:")
    assert f'<html lang="{language}">' in to.read_text("utf-8")


def test_report_of_a_plan_is_refused(site: Site, signer: KeyFileSigner, run: RunResult) -> None:
    plan = evidence.of_plan(site.name, ["web"], [], run.started, whole=True)
    name = evidence.write(plan, site, signer).name
    with pytest.raises(InputError, match="is a plan"):
        _said(name, "--site", str(site.path), app=REPORT)
