"""Runs the machine's own commands for the lab, and says in a sentence when one fails."""

import shutil
import subprocess
from collections.abc import Sequence

from azukari.errors import OwnFault

# As root's login shell has it: `ip`, `nft`, `mkfs.ext4` lie in sbin, which a sudo or cron environment may lack.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class LabFault(OwnFault):
    """The lab could not do on this machine what it should."""


def find(command: str) -> str | None:
    """Return the full path of a command of this machine, or None."""
    return shutil.which(command, path=PATH)


def run(argv: Sequence[str], *, text: str | None = None, timeout: float = 60) -> str:
    """Run one command of this machine and return its standard output.

    Args:
        argv: the command and its arguments.
        text: what it reads on standard input.
        timeout: seconds after which it is ended.

    Raises:
        LabFault: it is missing, failed, or took too long.
    """
    program = find(argv[0])
    if program is None:
        raise LabFault(f"This machine has no “{argv[0]}”.")
    try:
        done = subprocess.run(
            [program, *argv[1:]], input=text, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        raise LabFault(f"“{' '.join(argv)}” did not end within {timeout:.0f} s.") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
        raise LabFault(f"“{' '.join(argv)}” failed: {said}")
    return done.stdout


def succeeds(argv: Sequence[str]) -> bool:
    """Tell whether a command of this machine ends with 0."""
    try:
        run(argv)
    except LabFault:
        return False
    return True
