"""Puts into the wheel what azukari needs besides Python: playbooks, roles, checks, catalogue, breaches, inventories.

Hatchling's `force-include` takes whole folders, with whatever lies in them; a lab that was brought up in this checkout
has put its keys and secrets beside its declaration, and those belong to this machine alone.
"""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIED = ("playbooks", "roles", "checks", "safeguards", "tests/breaches", "inventory/example")
# A lab is declared by these; all else in its folder is made by `azukari lab up`.
LAB = ("hosts.yml", *(f"group_vars/all/{name}.yml" for name in ("site", "policy", "contract", "flows", "exceptions")))
# For plain `ansible-playbook` and for those who install with hashes.
FILES = ("ansible.cfg", "requirements.lock", *(f"inventory/lab/{path}" for path in LAB))


def carried(root: Path) -> list[str]:
    """Return the paths below the checkout that the wheel carries, sorted."""
    found = [path for path in FILES if (root / path).is_file()]
    for top in CARRIED:
        for folder, folders, names in os.walk(root / top):
            folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
            paths = [(Path(folder) / name).relative_to(root) for name in names]
            found += [str(path) for path in paths if path.suffix != ".pyc" and not path.name.endswith("~")]
    return sorted(found)


class ContentHook(BuildHookInterface[Any]):
    """Adds the carried files below `azukari/_content`; an editable install reads them from the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds."""
        if version != "editable":
            for path in carried(Path(self.root)):
                build_data["force_include"][str(Path(self.root) / path)] = f"azukari/_content/{path}"
