"""What changed in a site since the office approved it, file by file, and line by line where the old text is known.

The approval holds digests only. Whoever has seen the site while it was approved keeps its texts on the own machine,
named by their digests: so what is shown as the old text is what was signed, whoever brings the new one.
"""

import difflib
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from azukari.site.approval import signed_listing
from azukari.site.loading import Site
from azukari.site.state import state_dir

_LARGEST = 200_000


@dataclass(frozen=True)
class FileChange:
    """One file that differs from the approved one.

    Attributes:
        path: below the site's folder.
        what: what happened to it.
        lines: the difference in unified format; None when the approved text is not known here.
    """

    path: str
    what: Literal["added", "removed", "changed"]
    lines: tuple[str, ...] | None


def remember(site: Site) -> None:
    """Keep the texts of a site that is approved as it stands, below the state folder; call it only then."""
    folder = _folder(site)
    folder.mkdir(mode=0o700, exist_ok=True)
    for path, digest in site.listing().items():
        if not (folder / digest).exists() and (site.path / path).stat().st_size <= _LARGEST:
            (folder / digest).write_bytes((site.path / path).read_bytes())


def changes(site: Site, office_key: str | None = None) -> list[FileChange]:
    """Return what differs from the listing that the office signed, by path; empty when nothing does.

    Args:
        site: the site.
        office_key: as for `approval`.

    Raises:
        InputError, SafeguardFails: as for `signed_listing`.
    """
    before, now = signed_listing(site, office_key), site.listing()
    found: list[FileChange] = []
    for path in sorted({*before, *now}):
        old, new = before.get(path), now.get(path)
        if old == new:
            continue
        what: Literal["added", "removed", "changed"] = (
            "added" if old is None else "removed" if new is None else "changed"
        )
        found.append(FileChange(path, what, _lines(site, path, old, new)))
    return found


def _lines(site: Site, path: str, old: str | None, new: str | None) -> tuple[str, ...] | None:
    before = [] if old is None else _kept(site, old)
    after = [] if new is None else (site.path / path).read_text("utf-8", "replace").splitlines()
    if before is None:
        return None
    return tuple(difflib.unified_diff(before, after, f"approved/{path}", f"now/{path}", lineterm=""))


def _kept(site: Site, digest: str) -> list[str] | None:
    file = _folder(site) / digest
    if not file.is_file():
        return None
    data = file.read_bytes()
    # The folder is ordinary storage: what is not what was signed is not shown as such.
    return data.decode("utf-8", "replace").splitlines() if hashlib.sha256(data).hexdigest() == digest else None


def _folder(site: Site) -> Path:
    return state_dir(site) / "approved"
