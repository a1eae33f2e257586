"""Locks between azukari's processes on one machine; their files go when the last holder goes."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FOLDER = Path("/run/lock/azukari")


@contextmanager
def lock(name: str, folder: Path = _FOLDER) -> Iterator[None]:
    """Hold a lock while the block runs; waits for whoever holds it. The kernel frees it when the holder dies.

    Args:
        name: what is locked.
        folder: where the locks' files lie.
    """
    path = folder / f"{name}.lock"
    handle = _acquire(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is still held: see _acquire
        os.close(handle)
        _remove_if_empty(folder)


def _acquire(path: Path) -> int:
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except (FileNotFoundError, FileExistsError):  # the folder went in between, or while mkdir looked again
            if path.parent.is_file():
                raise
            continue
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            if os.path.samestat(path.stat(), os.fstat(handle)):
                return handle
        except FileNotFoundError:
            pass
        # The former holder removed the file that we waited on; whoever comes next would lock another one.
        os.close(handle)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
