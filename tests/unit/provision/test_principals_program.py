"""The program that refuses certificates made for too long: real certificates, and what is none."""

import importlib.machinery
import importlib.util
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import SSHCertificateBuilder, SSHCertificateType

from azukari.content import content
from azukari.ssh import keys

PROGRAM = str(content("roles/ssh/files/usr/local/libexec/azukari-principals"))
LOADER = importlib.machinery.SourceFileLoader("azukari_principals", PROGRAM)
SPECIFICATION = importlib.util.spec_from_loader("azukari_principals", LOADER)
program = importlib.util.module_from_spec(SPECIFICATION)
LOADER.exec_module(program)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def certificate(key_id="tanaka/T-1/production", hours=8.0):
    builder = SSHCertificateBuilder().public_key(keys.new_key().public_key()).serial(7).type(SSHCertificateType.USER)
    builder = builder.key_id(key_id.encode()).valid_principals([b"tanaka", b"another"])
    ends = NOW + timedelta(hours=hours)
    line = builder.valid_after(NOW.timestamp()).valid_before(ends.timestamp()).sign(keys.new_key()).public_bytes()
    return line.decode().split()[1]


@pytest.fixture(autouse=True)
def principals(tmp_path, monkeypatch):
    for account in ("tanaka", "azukari-apply", "azukari-audit"):
        (tmp_path / account).write_text(f"pty {account}@web\n")
    monkeypatch.setattr(program, "PRINCIPALS", str(tmp_path))


@pytest.mark.parametrize(
    ("account", "given"),
    [
        ("tanaka", {}),
        ("azukari-audit", {"key_id": "auditor/audit/production"}),
        ("azukari-audit", {"key_id": "automation/audit/1/web", "hours": 1}),
        ("azukari-apply", {"key_id": "automation/apply/1/web", "hours": 1}),
    ],
)
def test_honest_certificates(account, given):
    assert program.lines(account, certificate(**given)) == f"pty {account}@web\n"


@pytest.mark.parametrize(
    ("account", "given", "said"),
    [
        ("tanaka", {"hours": 8.01}, "was made for 28836 s, allowed are 28800 s"),
        ("tanaka", {"hours": 24 * 365}, "allowed are 28800 s"),
        ("azukari-audit", {"key_id": "automation/audit/1/web", "hours": 2}, "allowed are 3600 s"),
        ("azukari-apply", {"key_id": "tanaka/T-1/production", "hours": 2}, "allowed are 3600 s"),
        ("tanaka", {"key_id": "tanaka"}, "says neither who nor why"),
        ("tanaka", {"key_id": ""}, "says neither who nor why"),
        ("suzuki", {}, "has no principals"),
        ("../shadow", {}, "no such account"),
        ("", {}, "no such account"),
    ],
)
def test_refused_certificates(account, given, said):
    with pytest.raises(program.Refused, match=said):
        program.lines(account, certificate(**given))


@pytest.mark.parametrize("cut", [0, 10, 60, 200])
def test_a_certificate_that_is_cut_short(cut):
    with pytest.raises(program.Refused):
        program.lines("tanaka", certificate()[:cut])


@pytest.mark.parametrize("text", ["%%%", keys.public_text(keys.new_key()).split()[1]], ids=["nonsense", "a bare key"])
def test_what_is_no_certificate(text):
    with pytest.raises(program.Refused):
        program.lines("tanaka", text)


def test_a_certificate_for_ever_is_too_long():
    builder = SSHCertificateBuilder().public_key(keys.new_key().public_key()).serial(7).type(SSHCertificateType.USER)
    builder = builder.key_id(b"tanaka/T-1").valid_principals([b"tanaka"]).valid_after(0).valid_before(2**64 - 1)
    text = builder.sign(keys.new_key()).public_bytes().decode().split()[1]
    with pytest.raises(program.Refused, match="was made for"):
        program.lines("tanaka", text)
