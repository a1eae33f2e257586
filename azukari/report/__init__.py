"""Evidence → a report for people."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from azukari.evidence import Evidence, verify
from azukari.evidence.signer import public_key
from azukari.report.page import Language, render
from azukari.report.page import write as _write
from azukari.report.view import View, build
from azukari.safeguards import Catalogue
from azukari.site import Site

__all__ = ["Language", "View", "build", "render", "write"]


def write(
    evidence: Evidence,
    site: Site | None,
    catalogue: Catalogue,
    path: Path,
    *,
    key: Ed25519PublicKey | None = None,
    language: Language = "en",
) -> Path:
    """Verify evidence and write its report as one HTML file.

    Args:
        evidence: of a run of `verify`.
        site: the declared site, whose declared keys verify the evidence; None for a lone host.
        catalogue: the safeguards.
        path: the file to write.
        key: the signer's public key, in place of those that the site declares.
        language: the language that is shown first.

    Raises:
        EvidenceInvalid: the evidence is not what its signer signed: no report is made of it.
        InputError: the file cannot be written.
    """
    signer = ""
    key = key or _declared_key(evidence, site)
    if key is not None:
        signer = verify(evidence.folder, key).key
    return _write(render(build(evidence, catalogue, signer), language), path)


def _declared_key(evidence: Evidence, site: Site | None) -> Ed25519PublicKey | None:
    if site is None:
        return None
    party = site.contract.auditor if evidence.run["judged_as"] == "auditor" else site.contract.contractor
    return public_key(site.path / party.evidence_key)
