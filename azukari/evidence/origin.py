"""Which azukari judged: its version, and a digest of all that it consists of."""

import hashlib
from functools import cache
from pathlib import Path

import azukari
import reference_site
from azukari.content import content

CARRIED = ("checks", "playbooks", "roles", "safeguards")
_LEFT_OUT = {"__pycache__", "_content"}


@cache
def digest() -> str:
    """Return the SHA-256 of a listing `sha256  path` of the package's files and of what it carries.

    The same in a checkout and in the wheel made from it, so that an auditor can compare it with an own wheel.
    """
    lines: list[str] = []
    for package in (azukari, reference_site):
        lines += _listing(package.__name__, Path(str(package.__file__)).resolve().parent)
    for name in CARRIED:
        lines += _listing(name, content(name))
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _listing(name: str, folder: Path) -> list[str]:
    return [
        f"{file_digest(path)}  {name}/{path.relative_to(folder).as_posix()}\n"
        for path in folder.rglob("*")
        if path.is_file() and not _LEFT_OUT & set(path.relative_to(folder).parts) and path.suffix != ".pyc"
    ]
