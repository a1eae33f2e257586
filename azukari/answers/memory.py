"""Keeps what this process holds in memory off the disk, as far as a process can."""

import ctypes
import os
import resource
import stat
from typing import IO, Any

from azukari.errors import InputError

_PR_SET_DUMPABLE = 4  # prctl(2); Python's library has no call for it but by ctypes


def never_dumped() -> bool:
    """Have the kernel write no core of this process, and let no other process of this user's look into it.

    Returns:
        Whether both were done: the limit alone does not stop a program to which the kernel hands cores (core(5)).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        return int(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)) == 0
    except (AttributeError, OSError):  # no Linux
        return False


def refuse_file(output: IO[Any]) -> None:
    """Refuse an output that is a file: what was opened would lie on a disk.

    Raises:
        InputError: it is one.
    """
    try:
        mode = os.fstat(output.fileno()).st_mode
    except OSError:  # a test's own, or closed
        return
    if stat.S_ISREG(mode):
        raise InputError(
            "Standard output is a file, in which visitors' answers would lie readable; nothing was opened. Read them "
            "on the terminal, or give them to a program by a pipe."
        )
