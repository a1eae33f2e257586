"""A ledger whose lines are chained and signed: disclosures, and erasures.

Each line bears the contractor's signature (Ed25519, the key of its evidence) over the line before as well, so that
nobody without that key changes, moves or takes out a line unseen.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from azukari.evidence.signer import Signer, public_key
from azukari.people.chain import FIRST, Chain, LedgerBroken, written
from azukari.site import Site, state_dir

Kind = Literal["disclosures", "erasures"]
_PREFIX = b"azukari ledger\n"  # what is signed with this key for another end begins otherwise


@dataclass(frozen=True)
class Entry:
    """One line.

    Attributes:
        number: 1 for the first.
        at: when it was added, by the clock of whoever did.
        said: what it holds.
        previous, digest: the SHA-256 of the line before and of this one, in hexadecimal.
    """

    number: int
    at: datetime
    said: Mapping[str, Any]
    previous: str
    digest: str


class Ledger:
    """One of a site's ledgers, in `state_dir/ledger/KIND.jsonl`.

    Args:
        site: the site, whose contract names the key.
        kind: which one.
        path: another place where it, or a copy, lies.
    """

    def __init__(self, site: Site, kind: Kind, path: Path | None = None) -> None:
        self._site, self._kind = site, kind
        self.path = path or state_dir(site) / "ledger" / f"{kind}.jsonl"

    def append(self, said: Sequence[Mapping[str, Any]], signer: Signer, *, after: str | None = None) -> str:
        """Add lines, all or none, after all that are there were found whole; return the last one's digest.

        Args:
            said: what each holds.
            signer: of the contractor's evidence key.
            after: the digest of the line that must be the last; None where any may be.

        Raises:
            LedgerBroken: the ledger is not whole.
            InputError: another line is the last than `after`, or the key refused.
        """
        self.entries()
        head = {"ledger": self._kind, "site": self._site.name, "at": datetime.now(UTC).isoformat(timespec="seconds")}

        def seal(line: bytes) -> str:
            return base64.b64encode(signer.sign(_PREFIX + line)).decode()

        return Chain(self.path).append([{**head, **one} for one in said], seal=seal, after=after)

    def entries(self) -> list[Entry]:
        """Return all lines, oldest first, each found to follow from the one before and to be signed.

        Raises:
            LedgerBroken: names the line.
        """
        key: Ed25519PublicKey | None = None
        found = []
        for number, line in Chain(self.path).lines():
            key = key or public_key(self._site.path / self._site.contract.contractor.evidence_key)
            found.append(self._entry(number, line, key))
        return found

    def head(self) -> str:
        """Return the digest of the last line; of none, what the first follows from. Raises as `entries`."""
        found = self.entries()
        return found[-1].digest if found else FIRST

    def _entry(self, number: int, line: bytes, key: Ed25519PublicKey) -> Entry:
        where = f"{self.path}, line {number}:"
        try:
            said = json.loads(line)
            own_form = written(said) == line
            signature = base64.b64decode(said.pop("signature"), validate=True)
            previous, at = str(said["previous"]), datetime.fromisoformat(said["at"])
            mine = own_form and (said["ledger"], said["site"]) == (self._kind, self._site.name)
            key.verify(signature, _PREFIX + written(said))
        except InvalidSignature:
            raise LedgerBroken(
                f"{where} the contractor's key did not sign it; compare with a copy of the ledger."
            ) from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error) as error:
            raise LedgerBroken(f"{where} is no line of this ledger; compare with a copy of it.") from error
        if not mine:
            raise LedgerBroken(f"{where} is of another ledger, site or form; compare with a copy of the ledger.")
        return Entry(number, at, said, previous, hashlib.sha256(line).hexdigest())
