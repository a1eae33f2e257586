"""The ledger of a domain's authority: every certificate it ever made or revoked, each line bound to the one before.

One JSON object a line in `state_dir/ledger/DOMAIN.jsonl`. `previous` is the SHA-256 of the line before, so that a line
taken out or altered later shows. It is kept by the authority's keeper and is no secret.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from azukari.errors import InputError

_FIRST = "0" * 64
_TAIL = 65536  # bytes; one line is far shorter


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


class LedgerBroken(InputError):
    """A line of the ledger was altered, taken out or cannot be read."""


class Ledger:
    """The ledger of one domain.

    Args:
        path: its file; it may be missing as long as nothing was issued.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, entries: Sequence[Entry], *, at: datetime | None = None) -> None:
        """Add entries, all or none, and have them on the disk before the certificates are given to anybody.

        Raises:
            LedgerBroken: the last line is not whole.
        """
        moment = (at or datetime.now(UTC)).isoformat(timespec="seconds")
        with self._locked() as file:
            previous = self._last_digest(file)
            lines = []
            for entry in entries:
                line = json.dumps({"at": moment, **asdict(entry), "previous": previous}, ensure_ascii=False).encode()
                previous = hashlib.sha256(line).hexdigest()
                lines.append(line + b"\n")
            file.seek(0, os.SEEK_END)
            file.write(b"".join(lines))
            file.flush()
            os.fsync(file.fileno())

    def entries(self) -> Iterator[Entry]:
        """Yield all entries, oldest first, and check the chain on the way.

        Raises:
            LedgerBroken: naming the line.
        """
        for number, line in self._lines():
            yield self._parse(line, number)

    def revoked(self) -> frozenset[int]:
        """Return the serials of user certificates that were revoked. The whole chain is checked, as for `entries`."""
        # Some hundred thousand lines are issued in years, and few revoked: only those are worth a parser's time.
        found = (self._parse(line, number) for number, line in self._lines() if b'"revoked"' in line)
        return frozenset(e.serial for e in found if e.event == "revoked" and e.kind == "user")

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        if not self.path.exists():
            return
        previous = _FIRST
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b', "previous": "' + previous.encode() + b'"}\n'):
                    raise LedgerBroken(
                        f"{self.path}, line {number}: does not follow from the line before; "
                        "a line was altered or taken out. Compare with a copy of the ledger."
                    )
                previous = hashlib.sha256(line[:-1]).hexdigest()
                yield number, line

    def _parse(self, line: bytes, number: int) -> Entry:
        try:
            data: dict[str, Any] = json.loads(line)
            del data["at"], data["previous"]
            values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
            return Entry(**values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise LedgerBroken(f"{self.path}, line {number}: is not an entry of the ledger ({error}).") from error

    def _last_digest(self, file: BinaryIO) -> str:
        end = file.seek(0, os.SEEK_END)
        if end == 0:
            return _FIRST
        file.seek(max(0, end - _TAIL))
        tail = file.read()
        if not tail.endswith(b"\n"):
            raise LedgerBroken(f"{self.path}: the last line is not whole; remove it if its certificate was never used.")
        return hashlib.sha256(tail[:-1].rsplit(b"\n", 1)[-1]).hexdigest()

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
