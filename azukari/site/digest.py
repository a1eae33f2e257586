"""The digest of a site: over every file that the office approves."""

import hashlib
import os
from pathlib import Path

APPROVAL_FILES = ("approval.sig", "approval.txt")
SECRETS = "secrets"


def files(folder: Path) -> list[str]:
    """Return the paths, below the folder, of the files that an approval covers, sorted by their UTF-8 bytes.

    Left out: the approval itself, `secrets/` (encrypted, and changed by rotation), dot files and `*~`.
    """
    found: list[str] = []
    for current, folders, names in os.walk(folder):
        relative = Path(current).relative_to(folder)
        folders[:] = [name for name in folders if not name.startswith(".") and str(relative / name) != SECRETS]
        found += [
            path
            for path in (str(relative / name) for name in names if not name.startswith(".") and not name.endswith("~"))
            if path not in APPROVAL_FILES
        ]
    return sorted(found, key=os.fsencode)


def listing(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each covered file, in hexadecimal, by its path below the folder, sorted."""
    return {path: hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in files(folder)}


def listing_text(entries: dict[str, str]) -> str:
    """Return the canonical listing, one line `DIGEST  PATH` a file as `sha256sum` prints it: what is signed."""
    return "".join(f"{digest}  {path}\n" for path, digest in entries.items())


def parse_listing(text: str) -> dict[str, str]:
    """Return the entries of a listing.

    Raises:
        ValueError: it is not a listing.
    """
    entries: dict[str, str] = {}
    for line in text.splitlines():
        digest, separator, path = line.partition("  ")
        if len(digest) != 64 or not separator or not path:
            raise ValueError(f"“{line}” is not a line of a listing")
        entries[path] = digest
    return entries


def digest(entries: dict[str, str]) -> str:
    """Return the SHA-256, in hexadecimal, of the canonical listing."""
    return hashlib.sha256(listing_text(entries).encode("utf-8", "surrogateescape")).hexdigest()
