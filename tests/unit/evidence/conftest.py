"""A run, a key and a site folder to sign with; the machine's own state is left alone."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from azukari.evidence.signer import KeyFileSigner
from azukari.site import Site, load
from azukari.verify import Result, RunResult

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def signer() -> KeyFileSigner:
    return KeyFileSigner(Ed25519PrivateKey.generate())


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("AZUKARI_HOME", str(tmp_path / "home"))
    return load(shutil.copytree(CHECKOUT / "inventory" / "example", tmp_path / "site"))


@pytest.fixture
def run() -> RunResult:
    started = datetime(2026, 11, 25, 3, 0, 0, tzinfo=UTC)

    def result(safeguard: str, host: str, verdict: str, message: str) -> Result:
        return Result.model_validate(
            {
                "safeguard": safeguard,
                "check": "test_ssh.py::test_refuses",
                "host": host,
                "vantage": "outside",
                "proof": "attempt",
                "verdict": verdict,
                "message": message,
            }
        )

    return RunResult(
        site="example",
        azukari="0.1.0",
        started=started,
        ended=started + timedelta(seconds=9),
        seconds=9.0,
        hosts=["web", "db"],
        unreachable={},
        judged_as="auditor",
        identity="host certificates of the site's own CAs",
        nonce="n-123",
        results=[
            result("LEAK-10", "web", "pass", "nine decoys were refused"),
            result("LEAK-10", "db", "fail", "a password was accepted"),
            result("LEAK-11", "db", "not-evaluated", "no answer"),
        ],
        facts={"web": {"sshd": {"ok": True, "value": {"passwordauthentication": "no"}}}, "db": {}},
    )
