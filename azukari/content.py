"""Finds what the package carries besides Python: playbooks, roles, checks, catalogue, inventories."""

from pathlib import Path

from azukari.errors import OwnFault

_PACKAGE = Path(__file__).resolve().parent


def content(name: str) -> Path:
    """Return the path of carried content, in a checkout or in an installed wheel.

    Args:
        name: `playbooks`, `roles`, `checks`, `safeguards`, `inventory`, or a path below one of them.

    Raises:
        OwnFault: the installation lacks it.
    """
    for root in (_PACKAGE / "_content", _PACKAGE.parent):
        if (root / "roles").is_dir():
            found = root / name
            if found.exists():
                return found
    raise OwnFault(f"This installation of azukari lacks “{name}”; install it again.")
