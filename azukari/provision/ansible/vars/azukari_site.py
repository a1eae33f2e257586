"""Gives each host the variable `azukari` and the way to reach it, from the site folder that is the inventory."""

import os
from functools import cache
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleParserError
from ansible.inventory.host import Host as InventoryHost
from ansible.plugins.vars import BaseVarsPlugin

from azukari.errors import AzukariError
from azukari.people.identity import automation
from azukari.provision.derive import derive, site_of
from azukari.ssh.config import write
from azukari.ssh.identity import Identity

DOCUMENTATION = """
name: azukari_site
short_description: what the declared site means for each host
description: [Computes the variable C(azukari) for each host of a site folder.]
options: {}
"""


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


@cache  # Ansible asks again for every task
def _host_variables(folder: str, name: str) -> dict[str, Any]:
    try:
        site = site_of(folder)
        if name not in site.hosts:
            return {}
        config = Path(os.environ.get("AZUKARI_SSH_CONFIG") or _own_way(folder))
        derived = derive(site, site.hosts[name])
    except AzukariError as error:
        raise AnsibleParserError(error.message) from error
    arguments = f"-F {config}"
    by_root: dict[str, Any] = {"ansible_become": os.environ.get("AZUKARI_FIRST_CONTACT") != "1"}
    if not str(constants.DEFAULT_STRATEGY).startswith("mitogen"):
        # Without mitogen each task is a connection of its own, but for this one, which is kept.
        arguments += f" -o ControlMaster=auto -o ControlPersist=60 -o ControlPath={config.parent}/%C"
    elif by_root["ansible_become"]:
        # mitogen would start one Python as automation's account and from there a second one as root.
        by_root = {
            "ansible_become": False,
            "ansible_python_interpreter": "/usr/bin/sudo -n -H /usr/bin/python3",
        }
    password = os.environ.get("AZUKARI_ROOT_PASSWORD")
    return {
        **({"ansible_password": password} if password else {}),  # Ansible answers ssh's question with it
        "azukari": derived,
        "azukari_ssh_config": str(config),
        # The ssh configuration knows each host by its name, with the way through the bastion and the pinned keys.
        "ansible_host": name,
        "ansible_ssh_common_args": "",
        "ansible_ssh_args": arguments,
        **by_root,
    }


@cache
def _own_way(folder: str) -> Path:
    """Return a way for this process alone: plain `ansible-playbook` was run, without `azukari apply` around it."""
    own = automation(site_of(folder), "apply")
    _KEPT.append(own)
    return write(site_of(folder), own)


_KEPT: list[Identity] = []  # an identity removes its keys when it is forgotten
