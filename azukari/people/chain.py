"""A file to which lines are only added, each bound to the one before: what is changed, moved or taken out shows.

One JSON object a line. Its last member `previous` is the SHA-256 of the line before. What is taken from the file's end
alone does not show in it: whoever wants to know that keeps how many lines there were, and the last one's digest.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from azukari.errors import InputError

FIRST = "0" * 64  # what stands for the line before the first
_TAIL = 1_000_000  # bytes; no line is longer


class LedgerBroken(InputError):
    """A line of a ledger was altered, moved or taken out, or cannot be read."""


class Chain:
    """The lines of one file.

    Args:
        path: the file; it may be missing as long as nothing was added.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(
        self,
        documents: Sequence[Mapping[str, Any]],
        *,
        seal: Callable[[bytes], str] | None = None,
        after: str | None = None,
    ) -> str:
        """Add lines, all or none, and have them on the disk.

        Args:
            documents: one a line.
            seal: signs a line (its JSON with `previous`); what it returns becomes the member `signature`.
            after: the digest of the line that must be the last; None where any may be.

        Returns:
            The digest of the last line.

        Raises:
            LedgerBroken: the last line is not whole.
            InputError: another line is the last than `after`.
        """
        with self._locked() as file:
            previous = self._last_digest(file)
            if after is not None and previous != after:
                raise InputError(f"{self.path} has grown since; nothing was added.")
            lines = []
            for document in documents:
                bound = {**document, "previous": previous}
                if seal is not None:
                    bound = {**document, "signature": seal(written(bound)), "previous": previous}
                line = written(bound)
                previous = hashlib.sha256(line).hexdigest()
                lines.append(line + b"\n")
            file.seek(0, os.SEEK_END)
            file.write(b"".join(lines))
            file.flush()
            os.fsync(file.fileno())
        return previous

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and bytes of each line, oldest first, without its end, and check the chain on the way.

        Raises:
            LedgerBroken: naming the line.
        """
        if not self.path.exists():
            return
        previous = FIRST
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b', "previous": "' + previous.encode() + b'"}\n'):
                    raise LedgerBroken(
                        f"{self.path}, line {number}: does not follow from the line before; "
                        "a line was altered or taken out. Compare with a copy of the ledger."
                    )
                previous = hashlib.sha256(line[:-1]).hexdigest()
                yield number, line[:-1]

    def _last_digest(self, file: BinaryIO) -> str:
        end = file.seek(0, os.SEEK_END)
        if end == 0:
            return FIRST
        file.seek(max(0, end - _TAIL))
        tail = file.read()
        if not tail.endswith(b"\n"):
            raise LedgerBroken(f"{self.path}: the last line is not whole; remove it if nothing was done by it.")
        return hashlib.sha256(tail[:-1].rsplit(b"\n", 1)[-1]).hexdigest()

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def written(document: Mapping[str, Any]) -> bytes:
    """Return the one form in which a line is written."""
    return json.dumps(document, ensure_ascii=False).encode()
