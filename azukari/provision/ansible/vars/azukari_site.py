"""Gives each host the variable `azukari` and the way to reach it, from the site folder that is the inventory."""

import os
from functools import cache
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.inventory.host import Host as InventoryHost
from ansible.plugins.vars import BaseVarsPlugin

from azukari.errors import AzukariError
from azukari.provision.derive import derive
from azukari.site import Site, load, state_dir

DOCUMENTATION = """
name: azukari_site
short_description: what the declared site means for each host
description: [Computes the variable C(azukari) for each host of a site folder.]
options: {}
"""


@cache
def _site(folder: str) -> Site:
    return load(Path(folder))


class VarsModule(BaseVarsPlugin):
    REQUIRES_ENABLED = True

    def get_vars(self, loader: Any, path: str, entities: Any) -> dict[str, Any]:
        """Return the variables of one host; groups and folders that are no site have none."""
        super().get_vars(loader, path, entities)
        folder = path if Path(path).is_dir() else str(Path(path).parent)
        if not (Path(folder) / "group_vars" / "all" / "site.yml").is_file():
            return {}
        found: dict[str, Any] = {}
        for entity in entities if isinstance(entities, list) else [entities]:
            if isinstance(entity, InventoryHost):
                found.update(_host_variables(folder, entity.name))
        return found


def _host_variables(folder: str, name: str) -> dict[str, Any]:
    try:
        site = _site(folder)
        if name not in site.hosts:
            return {}
        variables: dict[str, Any] = {"azukari": derive(site, site.hosts[name])}
    except AzukariError as error:
        raise AnsibleParserError(error.message) from error
    config = os.environ.get("AZUKARI_SSH_CONFIG") or str(state_dir(site) / "ssh" / "config")
    variables["azukari_ssh_config"] = config
    # The ssh configuration knows each host by its name, with the way through the bastion and the pinned keys.
    variables |= {"ansible_host": name, "ansible_ssh_common_args": "", "ansible_ssh_args": f"-F {config}"}
    variables |= {"ansible_become": os.environ.get("AZUKARI_FIRST_CONTACT") != "1"}
    return variables
