"""Evidence of a run on the lab's declared site, as a report is drawn from it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from azukari import evidence
from azukari.evidence import Evidence, context
from azukari.evidence.signer import KeyFileSigner
from azukari.safeguards import Catalogue, load
from azukari.site import Site
from azukari.site import load as load_site
from azukari.verify import RunResult
from azukari.verify.website import declared_forms

CHECKOUT = Path(__file__).parents[3]
EXAMPLE = CHECKOUT / "inventory" / "example"
Make = Callable[..., Evidence]


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load(CHECKOUT / "safeguards")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("AZUKARI_HOME", str(tmp_path / "home"))
    # As the recorded answers have it: nobody can register for letters there yet.
    contact = {path: one for path, one in declared_forms(load_site(EXAMPLE)).items() if one.name == "contact"}
    monkeypatch.setattr(context, "declared_forms", lambda _site: contact)
    return load_site(EXAMPLE)


def judged(safeguard: str, host: str, verdict: str, message: str = "as promised", **more: Any) -> dict[str, Any]:
    return {
        "safeguard": safeguard,
        "check": "test_ssh.py::test_refuses",
        "host": host,
        "vantage": "outside",
        "proof": "attempt",
        "verdict": verdict,
        "message": message,
        **more,
    }


@pytest.fixture
def make(site: Site) -> Make:
    """Return a maker of evidence: `make([judged(…), …])`; `site=None` for a lone host."""

    def made(results: list[dict[str, Any]], of: Site | None = site, **more: Any) -> Evidence:
        ended = datetime(2026, 11, 25, 3, 0, 9, tzinfo=UTC)
        values: dict[str, Any] = {
            "site": of.name if of else "root@192.0.2.7",
            "azukari": "0.1.0",
            "started": ended - timedelta(seconds=9),
            "ended": ended,
            "seconds": 9.0,
            "hosts": list(of.hosts) if of else ["192.0.2.7"],
            "unreachable": {},
            "judged_as": "contractor",
            "identity": "host certificates of the site's own CAs",
            "results": results,
        }
        run = RunResult.model_validate({**values, **more})
        return Evidence(evidence.write(run, of, KeyFileSigner(Ed25519PrivateKey.generate())))

    return made
