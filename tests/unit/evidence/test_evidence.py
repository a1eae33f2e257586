"""What is signed can be verified with the public key alone, and nothing in it can be changed unseen."""

import base64
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from azukari import evidence
from azukari.evidence import Evidence, EvidenceInvalid, dsse
from azukari.evidence.folder import CONTEXT, FACTS, RESULTS, STATEMENT
from azukari.evidence.signer import KeyFileSigner, fingerprint
from azukari.site import Site
from azukari.verify import RunResult


@pytest.fixture
def folder(run: RunResult, site: Site, signer: KeyFileSigner) -> Path:
    return evidence.write(run, site, signer)


def test_untouched_evidence_verifies_anywhere(folder: Path, signer: KeyFileSigner, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(folder, tmp_path / "on-another-machine"))
    assert evidence.verify(moved, signer.public_key).key == fingerprint(signer.public_key)


def test_the_statement_is_an_in_toto_test_result(folder: Path, site: Site) -> None:
    found = evidence.Evidence(folder).statement
    assert found["_type"] == "https://in-toto.io/Statement/v1"
    assert found["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert found["subject"] == [{"name": site.name, "digest": {"sha256": site.digest()}}]
    predicate = found["predicate"]
    assert predicate["result"] == "FAILED"
    assert predicate["passedTests"] == ["LEAK-10 test_ssh.py::test_refuses[web]"]
    assert predicate["failedTests"] == ["LEAK-10 test_ssh.py::test_refuses[db]"]
    assert predicate["warnedTests"] == ["LEAK-11 test_ssh.py::test_refuses[db]"]
    assert {part["name"] for part in predicate["configuration"]} >= {"azukari", "catalogue", "facts program", "site"}
    assert predicate["azukari"]["nonce"] == "n-123"
    assert predicate["azukari"]["vantages"] == ["outside"]
    assert {each["name"] for each in predicate["azukari"]["files"]} == {RESULTS, FACTS, CONTEXT}


def test_every_changed_byte_is_found(folder: Path, signer: KeyFileSigner) -> None:
    tried = 0
    for path in sorted(folder.iterdir()):
        original = path.read_bytes()
        step = max(1, len(original) // 150)
        for place in [*range(0, len(original), step), len(original) - 1]:
            changed = bytearray(original)
            changed[place] ^= 1
            path.write_bytes(changed)
            with pytest.raises(EvidenceInvalid, match=path.name):
                evidence.verify(folder, signer.public_key)
            tried += 1
        path.write_bytes(original)
    assert tried > 400
    evidence.verify(folder, signer.public_key)


@pytest.mark.parametrize("name", [RESULTS, FACTS, CONTEXT, STATEMENT])
class TestWholeFiles:
    def test_a_missing_file_is_named(self, folder: Path, signer: KeyFileSigner, name: str) -> None:
        (folder / name).unlink()
        with pytest.raises(EvidenceInvalid, match=name):
            evidence.verify(folder, signer.public_key)

    def test_a_byte_appended_or_cut_off_is_found(self, folder: Path, signer: KeyFileSigner, name: str) -> None:
        original = (folder / name).read_bytes()
        for changed in (original + b"\n", original + b" ", b" " + original, original[:-1], b""):
            (folder / name).write_bytes(changed)
            with pytest.raises(EvidenceInvalid, match=name):
                evidence.verify(folder, signer.public_key)

    def test_a_link_in_a_files_place_is_refused(
        self, folder: Path, signer: KeyFileSigner, name: str, tmp_path: Path
    ) -> None:
        elsewhere = tmp_path / "elsewhere"
        (folder / name).rename(elsewhere)
        (folder / name).symlink_to(elsewhere)
        if name != STATEMENT:
            with pytest.raises(EvidenceInvalid, match="not an ordinary file"):
                evidence.verify(folder, signer.public_key)


def test_an_added_file_is_named(folder: Path, signer: KeyFileSigner) -> None:
    (folder / "more.json").write_text("{}")
    with pytest.raises(EvidenceInvalid, match=r"more\.json was added"):
        evidence.verify(folder, signer.public_key)


def test_another_key_is_refused(folder: Path) -> None:
    with pytest.raises(EvidenceInvalid, match="not the key given"):
        evidence.verify(folder, Ed25519PrivateKey.generate().public_key())


def test_another_signature_under_the_same_key_id_is_refused(folder: Path, signer: KeyFileSigner) -> None:
    envelope = dsse.parse((folder / STATEMENT).read_bytes())
    forged = Ed25519PrivateKey.generate().sign(dsse.signed_bytes(envelope.payload))
    (folder / STATEMENT).write_bytes(dsse.Envelope(envelope.payload, envelope.key_id, forged).to_bytes())
    with pytest.raises(EvidenceInvalid, match="signature does not fit"):
        evidence.verify(folder, signer.public_key)


def test_a_signed_statement_of_another_kind_is_refused(folder: Path, signer: KeyFileSigner) -> None:
    envelope = dsse.parse((folder / STATEMENT).read_bytes())
    document = json.loads(envelope.payload)
    document["predicateType"] = "https://slsa.dev/provenance/v1"
    payload = json.dumps(document).encode()
    signed = dsse.Envelope(payload, envelope.key_id, signer.sign(dsse.signed_bytes(payload)))
    (folder / STATEMENT).write_bytes(signed.to_bytes())
    with pytest.raises(EvidenceInvalid, match="another kind"):
        evidence.verify(folder, signer.public_key)


@pytest.mark.parametrize("name", [STATEMENT, RESULTS])
def test_what_is_nested_without_end_is_refused(folder: Path, signer: KeyFileSigner, name: str) -> None:
    (folder / name).write_text("[" * 100_000)
    with pytest.raises(EvidenceInvalid, match=name):
        evidence.verify(folder, signer.public_key)
    with pytest.raises(EvidenceInvalid, match=name):
        _ = Evidence(folder).statement if name == STATEMENT else Evidence(folder).results


def test_the_envelope_has_one_form_only(folder: Path) -> None:
    data = (folder / STATEMENT).read_bytes()
    document = json.loads(data)
    for text in (json.dumps(document, indent=1), json.dumps({**document, "note": ""}), data.decode().rstrip()):
        with pytest.raises(dsse.NotAnEnvelope):
            dsse.parse(text.encode())


def test_the_signature_is_dsses(folder: Path, signer: KeyFileSigner) -> None:
    """Written out by hand from DSSE's protocol.md, so that other tools' verifiers agree."""
    document = json.loads((folder / STATEMENT).read_bytes())
    payload = base64.b64decode(document["payload"])
    kind = "application/vnd.in-toto+json"
    encoded = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    signer.public_key.verify(base64.b64decode(document["signatures"][0]["sig"]), encoded)


def test_secrets_are_taken_out_before_signing(run: RunResult, site: Site, signer: KeyFileSigner) -> None:
    run.facts["web"]["commands"] = {
        "ok": True,
        "value": ["root:$y$j9T$abcdefghijk$0123456789abcdefghijklmnop:1:", "password=hunter2hunter2"],
    }
    folder = evidence.write(run, site, signer)
    text = (folder / FACTS).read_text("utf-8")
    assert "0123456789abcdefghijklmnop" not in text
    assert "hunter2" not in text
    evidence.verify(folder, signer.public_key)


def test_newest_is_the_newest_of_its_kind(run: RunResult, site: Site, signer: KeyFileSigner) -> None:
    assert evidence.newest(site, "verify") is None
    older = evidence.write(run, site, signer)
    newer = evidence.write(run.model_copy(update={"ended": run.ended.replace(hour=5)}), site, signer)
    plan = evidence.of_plan(site.name, ["web"], [("web", "ssh : Files")], datetime.now(UTC), whole=True)
    planned = evidence.write(plan, site, signer)
    assert [each.folder for each in evidence.listed(site, "verify")] == [newer, older]
    latest = evidence.newest(site, "plan")
    assert latest is not None
    assert latest.folder == planned
    assert latest.results["changes"] == [{"host": "web", "task": "ssh : Files"}]
    assert latest.outcome == "WARNED"


def test_a_plan_without_changes_has_passed(site: Site, signer: KeyFileSigner) -> None:
    plan = evidence.of_plan(site.name, ["web", "db"], [], datetime.now(UTC), whole=True)
    found = evidence.Evidence(evidence.write(plan, site, signer))
    assert found.outcome == "PASSED"
    assert found.statement["predicate"]["passedTests"] == ["no change on web", "no change on db"]


def test_a_lone_host_is_attested_by_its_answers(run: RunResult, site: Site, signer: KeyFileSigner) -> None:
    assert site  # its fixture keeps the machine's own state out of the way
    lone = run.model_copy(update={"site": "root@192.0.2.7", "identity": "host identity unproven"})
    found = evidence.Evidence(evidence.write(lone, None, signer))
    assert found.subject == "root@192.0.2.7"
    assert found.run["host_identity"] == "host identity unproven"
    assert found.context["site"] is None
    assert evidence.newest(None) is not None


def test_a_killed_writer_leaves_nothing_that_looks_like_evidence(
    run: RunResult, site: Site, signer: KeyFileSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(KeyboardInterrupt):
        evidence.write(run, site, signer)
    assert list(evidence.folder_of(site).iterdir()) == []


def test_it_is_readable_by_its_owner_alone(folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0


def test_the_signature_verifies_with_openssl(folder: Path, signer: KeyFileSigner, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    envelope = dsse.parse((folder / STATEMENT).read_bytes())
    (tmp_path / "data").write_bytes(dsse.signed_bytes(envelope.payload))
    (tmp_path / "sig").write_bytes(envelope.signature)
    pem = signer.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key").write_bytes(pem)
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key", "-in", "data", "-sigfile", "sig"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Verified Successfully" in done.stdout, done.stderr


WEB: dict[str, Any] = {"command": ["id"], "exit_code": 0, "stdout": "", "stderr": ""}


@pytest.mark.parametrize(
    ("name", "at", "value", "where"),
    [
        (RESULTS, ("results", 0, "verdict"), "fine", "results.0.verdict"),
        (RESULTS, ("hosts",), None, "hosts"),
        (FACTS, ("web", "commands"), {"ok": True, "value": [1, 2]}, "web.commands.value.0"),
        (FACTS, ("web", "commands"), {"ok": True, "value": None}, "web.commands.value"),
        (
            FACTS,
            ("web", "commands"),
            {"ok": True, "value": [{**WEB, "exit_code": "0"}]},
            "web.commands.value.0.exit_code",
        ),
        (
            FACTS,
            ("web", "commands"),
            {"ok": True, "value": [{**WEB, "stdout_base64": "a"}]},
            "web.commands.value.0.stdout",
        ),
        (FACTS, ("web", "sshd"), {"ok": "false", "error": "x"}, "web.sshd.ok"),
        (FACTS, ("web", "sshd"), {"ok": False}, "web.sshd"),
        (FACTS, ("web", "sshd"), {"ok": True}, "web.sshd"),
        (FACTS, ("web", "collected reached"), {"ok": True, "value": ["443"]}, "web.collected reached.value"),
        (CONTEXT, ("site", "hosts"), ["web"], "site.hosts.0"),
        (STATEMENT, ("predicate", "azukari", "started"), "2026-11-25T03:00:00", "predicate.azukari.started"),
        (STATEMENT, ("predicate", "azukari", "started"), 1700000000, "predicate.azukari.started"),
        (STATEMENT, ("subject", 0, "digest"), {}, "subject.0.digest.sha256"),
    ],
)
def test_an_odd_shape_is_named_whoever_signed_it(
    folder: Path, signer: KeyFileSigner, name: str, at: tuple[str | int, ...], value: object, where: str
) -> None:
    data = (folder / name).read_bytes()
    document = json.loads(dsse.parse(data).payload if name == STATEMENT else data)
    place: Any = document
    for step in at[:-1]:
        place = place[step]
    place[at[-1]] = value
    written = json.dumps(document).encode()
    if name == STATEMENT:
        written = dsse.Envelope(written, fingerprint(signer.public_key), signer.sign(written)).to_bytes()
    (folder / name).write_bytes(written)
    with pytest.raises(EvidenceInvalid, match=re.escape(f"{name} is not what azukari writes: {where}")):
        _ = Evidence(folder).statement if name == STATEMENT else getattr(Evidence(folder), name.removesuffix(".json"))
