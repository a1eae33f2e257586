"""Verifies a folder of evidence with a public key and nothing else: no site, no network, no server."""

import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from azukari.evidence import dsse, statement
from azukari.evidence.folder import STATEMENT, Evidence
from azukari.evidence.shapes import EvidenceInvalid
from azukari.evidence.signer import fingerprint
from azukari.evidence.signer import public_key as public_key_of


@dataclass(frozen=True)
class Verified:
    """Evidence whose every byte is covered by the signature of `key`, a fingerprint."""

    evidence: Evidence
    key: str


def verify(folder: Path, public_key: Ed25519PublicKey) -> Verified:
    """Prove that a folder holds exactly what the key's owner signed.

    Args:
        folder: a folder of evidence.
        public_key: the signer's, from the signer or the site's keys, never from the folder.

    Raises:
        EvidenceInvalid: a byte was changed, a file is missing or was added, or another key signed; says which.
    """
    envelope = _envelope(folder)
    key = fingerprint(public_key)
    if envelope.key_id != key:
        raise EvidenceInvalid(
            f"{folder.name}: {STATEMENT} names {envelope.key_id} as its signer, not the key given ({key})."
        )
    try:
        public_key.verify(envelope.signature, dsse.signed_bytes(envelope.payload))
    except InvalidSignature as error:
        raise EvidenceInvalid(
            f"{folder.name}: the signature does not fit: {STATEMENT} was changed after it was signed."
        ) from error
    promised = _promised(folder, envelope.payload)
    _same_names(folder, set(promised) | {STATEMENT})
    for name, digest in promised.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise EvidenceInvalid(f"{folder.name}: {name} was changed after it was signed.")
    return Verified(Evidence(folder), key)


def fault_of(evidence: Evidence, key_file: Path) -> str:
    """Return why evidence of the site's own is not what the contractor signed; empty where it is.

    Args:
        evidence: as `listed` gives it.
        key_file: the contractor's public evidence key, as the site declares it.
    """
    try:
        verify(evidence.folder, public_key_of(key_file))
    except EvidenceInvalid as error:
        return str(error)
    return ""


def _envelope(folder: Path) -> dsse.Envelope:
    path = folder / STATEMENT
    try:
        return dsse.parse(path.read_bytes())
    except OSError as error:
        raise EvidenceInvalid(f"{folder}: is not evidence: {STATEMENT} cannot be read.") from error
    except dsse.NotAnEnvelope as error:
        raise EvidenceInvalid(f"{folder.name}: {STATEMENT} was changed, or is none: {error}.") from error


def _promised(folder: Path, payload: bytes) -> Mapping[str, str]:
    """Return the signed digests by file name."""
    try:
        document: dict[str, Any] = json.loads(payload)
        kinds = (document["_type"], document["predicateType"])
        files = {each["name"]: each["digest"]["sha256"] for each in document["predicate"]["azukari"]["files"]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EvidenceInvalid(f"{folder.name}: {STATEMENT} is not a statement of azukari's.") from error
    if kinds != (statement.STATEMENT_TYPE, statement.PREDICATE_TYPE):
        raise EvidenceInvalid(f"{folder.name}: {STATEMENT} is a statement of another kind: {kinds[1]}.")
    return files


def _same_names(folder: Path, promised: set[str]) -> None:
    found = {path.name for path in folder.iterdir()}
    for name in sorted(promised - found):
        raise EvidenceInvalid(f"{folder.name}: {name} is missing.")
    for name in sorted(found - promised):
        raise EvidenceInvalid(f"{folder.name}: {name} was added; it is not covered by the signature.")
    for name in sorted(promised):
        # A link would show today what was signed and tomorrow something else.
        if not stat.S_ISREG((folder / name).lstat().st_mode):
            raise EvidenceInvalid(f"{folder.name}: {name} is not an ordinary file.")
