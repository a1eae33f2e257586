"""The ledger of a domain's authority: every certificate it ever made or revoked, each line bound to the one before.

One JSON object a line in `state_dir/ledger/DOMAIN.jsonl` (chain.py), so that a line taken out or altered later shows.
It is kept by the authority's keeper and is no secret.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from azukari.people.chain import Chain, LedgerBroken

__all__ = ["Entry", "Ledger", "LedgerBroken"]


@dataclass(frozen=True)
class Entry:
    """One certificate made, or one revoked.

    Attributes:
        event: `issued` or `revoked`.
        kind: `user`, `host` or `tls`.
        serial: the certificate's serial.
        key_id: who or what it was made for.
        names: its principals or host names; empty for a revocation.
        valid_after: start, ISO 8601 in UTC; empty for a revocation.
        valid_before: end, likewise.
        sources: addresses that it may be used from; empty when not bound.
        key: SHA-256 fingerprint of the certified key.
        note: why, for a revocation.
    """

    event: str
    kind: str
    serial: int
    key_id: str
    names: tuple[str, ...] = ()
    valid_after: str = ""
    valid_before: str = ""
    sources: tuple[str, ...] = ()
    key: str = ""
    note: str = ""


class Ledger:
    """The ledger of one domain.

    Args:
        path: its file; it may be missing as long as nothing was issued.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._chain = Chain(path)

    def append(self, entries: Sequence[Entry], *, at: datetime | None = None) -> None:
        """Add entries, all or none, and have them on the disk before the certificates are given to anybody.

        Raises:
            LedgerBroken: the last line is not whole.
        """
        moment = (at or datetime.now(UTC)).isoformat(timespec="seconds")
        self._chain.append([{"at": moment, **asdict(entry)} for entry in entries])

    def entries(self) -> Iterator[Entry]:
        """Yield all entries, oldest first, and check the chain on the way.

        Raises:
            LedgerBroken: naming the line.
        """
        for number, line in self._chain.lines():
            yield self._parse(line, number)

    def revoked(self) -> frozenset[int]:
        """Return the serials of user certificates that were revoked. The whole chain is checked, as for `entries`."""
        # Some hundred thousand lines are issued in years, and few revoked: only those are worth a parser's time.
        found = (self._parse(line, number) for number, line in self._chain.lines() if b'"revoked"' in line)
        return frozenset(e.serial for e in found if e.event == "revoked" and e.kind == "user")

    def _parse(self, line: bytes, number: int) -> Entry:
        try:
            data: dict[str, Any] = json.loads(line)
            del data["at"], data["previous"]
            values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
            return Entry(**values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise LedgerBroken(f"{self.path}, line {number}: is not an entry of the ledger ({error}).") from error
