"""What roles are given of the declared site: the proxy's rules, and flows that never read “nobody” as “everybody”."""

import shutil

import pytest

from azukari.content import content
from azukari.provision.derive import derive
from azukari.site import load

UPSTREAM = """upstream:
  mirror: http://deb.example.org/debian
  security_mirror: http://security.example.org/debian-security
  resolvers: [192.0.2.53]
  time: []
"""


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(content("inventory") / "lab", tmp_path / "lab")
    (tmp_path / "lab" / "group_vars" / "all" / "upstream.yml").write_text(UPSTREAM)
    return tmp_path / "lab"


def derived(folder, host):
    site = load(folder)
    return derive(site, site.hosts[host])


def declare(folder, flow):
    path = folder / "group_vars" / "all" / "flows.yml"
    path.write_text(path.read_text() + f"  - {flow}\n")


def test_the_package_mirrors_may_be_asked_for_by_every_host(folder):
    rules = derived(folder, "bastion")["proxy"]["rules"]
    assert [(rule["name"], rule["port"]) for rule in rules] == [("deb.example.org", 80), ("security.example.org", 80)]
    assert len(rules[0]["sources"]) == 2 * 7  # IPv4 and IPv6 of seven hosts, each once


def test_a_name_may_be_asked_for_by_its_host_alone_and_at_its_port(folder):
    declare(folder, "{from: app, to: 'proxy:api.example.org', port: 443, why: test}")
    rules = {(rule["name"], rule["port"]): rule["sources"] for rule in derived(folder, "bastion")["proxy"]["rules"]}
    assert rules[("api.example.org", 443)] == ["198.18.64.12", "2001:2:0:64::12"]


def test_a_name_declared_for_two_hosts_is_one_rule(folder):
    for source in ("app", "mail"):
        declare(folder, f"{{from: {source}, to: 'proxy:api.example.org', port: 443, why: test of {source}}}")
    rules = derived(folder, "bastion")["proxy"]["rules"]
    found = [rule["sources"] for rule in rules if rule["name"] == "api.example.org"]
    assert found == [["198.18.64.12", "2001:2:0:64::12", "198.18.64.14", "2001:2:0:64::14"]]


def test_everybody_is_said_and_never_meant_by_an_empty_list(folder):
    flows = {flow["port"]: flow for flow in derived(folder, "web")["flows_in"]}
    assert flows[443]["any"]
    assert not flows[22]["any"]
    assert flows[22]["addresses4"] == ["198.18.64.10/32"]
    assert flows[22]["addresses6"] == ["2001:2:0:64::10/128"]


def test_names_outside_are_no_flow_of_the_packet_filter(folder):
    assert not [flow for flow in derived(folder, "app")["flows_out"] if flow["peer"].startswith("proxy:")]
