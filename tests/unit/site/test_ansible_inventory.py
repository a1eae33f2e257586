"""Plain Ansible reads from a site's folder the same hosts, groups and declarations as azukari does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from site_documents import build

from azukari.content import content
from azukari.site import load


@pytest.mark.parametrize("name", ["as_it_is", "lab_as_it_is", "web_app_db_on_one_host", "groups_at_the_top"])
def test_same_hosts_and_groups(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    build("valid", name, folder)
    (folder / "secrets").mkdir()
    (folder / "secrets" / "vault.yml").write_text("$ANSIBLE_VAULT;1.2;AES256;vault\n3030\n", "utf-8")
    site = load(folder)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")} | {
        "ANSIBLE_CONFIG": str(content("ansible.cfg")),
        "ANSIBLE_VARS_ENABLED": "host_group_vars",
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
    }
    command = [sys.executable, "-m", "ansible.cli.inventory", "-i", str(folder), "--list"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "Unable to parse" not in ran.stderr
    told = json.loads(ran.stdout)
    variables = told["_meta"]["hostvars"]
    assert set(variables) == set(site.hosts)
    for host in site.hosts.values():
        assert variables[host.name]["ansible_host"] == str(host.address)
        assert variables[host.name]["site"]["name"] == site.name
        assert len(variables[host.name]["flows"]) == len(site.flows)
        assert {group for group in told if host.name in told[group].get("hosts", [])} == set(host.groups)
