"""What roles are given of the declared site: the proxy's rules, and flows that never read “nobody” as “everybody”."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from azukari.content import content
from azukari.people import tls_certificates
from azukari.provision.derive import derive
from azukari.provision.mailing import MODULES, PROGRAM
from azukari.site import load

LINKS = ["/mail-service/confirm/", "/mail-service/unsubscribe/"]
UPSTREAM = """upstream:
  mirror: http://deb.example.org/debian
  security_mirror: http://security.example.org/debian-security
  resolvers: [192.0.2.53]
  time: []
"""


@pytest.fixture
def folder(tmp_path):
    made = shutil.ignore_patterns("keys", "secrets", "approval.*")
    shutil.copytree(content("inventory") / "lab", tmp_path / "lab", ignore=made)
    (tmp_path / "lab" / "group_vars" / "all" / "upstream.yml").write_text(UPSTREAM)
    key = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    (tmp_path / "lab" / "keys").mkdir()
    (tmp_path / "lab" / "keys" / "office_approval.pub").write_bytes(key)
    return tmp_path / "lab"


def derived(folder, host):
    site = load(folder)
    return derive(site, site.hosts[host])


def declare(folder, flow):
    path = folder / "group_vars" / "all" / "flows.yml"
    path.write_text(path.read_text() + f"  - {flow}\n")


def test_the_package_mirrors_may_be_asked_for_by_every_host(folder):
    rules = derived(folder, "bastion")["proxy"]["rules"]
    rules = [rule for rule in rules if rule["port"] == 80]
    assert [rule["name"] for rule in rules] == ["deb.example.org", "security.example.org"]
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


def test_the_web_server_is_told_the_forms_and_who_takes_them(folder):
    web = derived(folder, "web")
    mailing, contact = web["forms"]
    assert contact["paths"] == {"ja": "/contact/", "en": "/en/contact/"}
    assert (contact["name"], contact["purposes"]) == ("contact", ["policymaking", "reference", "reply"])
    assert (contact["of_letters"], contact["purged"], contact["days"]) == ([], True, 365)
    assert (mailing["name"], mailing["purposes"]) == ("mail_service", ["delivery"])
    assert (mailing["of_letters"], mailing["purged"], mailing["days"]) == (
        [*LINKS, *(f"/en{path}" for path in LINKS)],
        True,
        None,
    )
    assert (web["app"]["name"], web["app"]["address"]) == ("app", "198.18.64.12")


def test_without_an_application_there_are_no_forms(folder):
    hosts, contract = folder / "hosts.yml", folder / "group_vars" / "all" / "contract.yml"
    hosts.write_text(re.sub(r"    app:\n.*\n.*\n", "", hosts.read_text()))
    contract.write_text(contract.read_text().replace("web, app, db", "web, db"))
    flows = folder / "group_vars" / "all" / "flows.yml"
    flows.write_text(re.sub(r".*\b(to|from): app\b.*\n", "", flows.read_text()))
    web = derived(folder, "web")
    assert (web["forms"], web["app"]) == ([], None)


def test_names_outside_are_no_flow_of_the_packet_filter(folder):
    assert not [flow for flow in derived(folder, "mail")["flows_out"] if flow["peer"].startswith("proxy:")]


def test_mail_leaves_from_the_mail_host_alone_and_no_rule_lets_everybody_be_reached(folder):
    assert {host: derived(folder, host)["mail_leaves"] for host in ("mail", "web", "bastion")} == {
        "mail": True, "web": False, "bastion": False,
    }  # fmt: skip
    assert not any(flow["any"] or flow["port"] == 25 for flow in derived(folder, "mail")["flows_out"])


def test_the_resolver_answers_those_whom_flows_let_ask(folder):
    found, web = derived(folder, "bastion")["resolver"], ["198.18.64.11/32", "2001:2:0:64::11/128"]
    assert found["clients"] == ["198.18.64.14/32", "2001:2:0:64::14/128", *web]
    assert found["reverse"] == web
    path = folder / "group_vars" / "all" / "flows.yml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "port: 53" not in line))
    assert derived(folder, "bastion")["resolver"]["clients"] == []


def test_visitors_are_counted_by_domain_on_web_servers_that_may_ask_where_the_policy_declares_it(folder):
    assert {host: derived(folder, host)["domains"] for host in ("web", "mail")} == {"web": True, "mail": False}
    policy, flows = (folder / "group_vars" / "all" / name for name in ("policy.yml", "flows.yml"))
    declared = policy.read_text()
    policy.write_text("".join(line for line in declared.splitlines(True) if "name: domain" not in line))
    assert not derived(folder, "web")["domains"]
    policy.write_text(declared)
    asking = "from: web, to: bastion"
    flows.write_text("".join(line for line in flows.read_text().splitlines(True) if asking not in line))
    assert not derived(folder, "web")["domains"]


def test_a_mail_host_knows_its_public_name_and_the_newest_key(folder):
    found = derived(folder, "mail")["mail"]
    assert found == {"domain": "lab.test", "name": "mail.lab.test", "selector": None}
    (folder / "keys" / "dkim").mkdir()
    for selector in ("azukari2026", "azukari2025"):
        (folder / "keys" / "dkim" / f"{selector}.pem").touch()
    assert derived(folder, "mail")["mail"]["selector"] == "azukari2026"
    assert derived(folder, "web")["mail"] == {}


def test_the_mail_host_is_told_of_letters_and_given_what_sends_them(folder):
    found = derived(folder, "mail")["mailing"]
    assert found["settings"]["database"]["user"] == "letters"
    assert found["finder"]["database"] == {**found["settings"]["database"], "user": "finder"}
    assert found["finder"]["questions_an_hour"] == 10
    assert (found["settings"]["name"], found["settings"]["domain"]) == ("www.lab.test", "lab.test")
    assert derived(folder, "web")["mailing"] == {}


def test_the_program_of_letters_is_all_that_it_imports_and_nothing_more(folder, tmp_path):
    own = tmp_path / "program"
    for file in derived(folder, "mail")["mailing"]["files"]:
        target = own / Path(file["dest"]).relative_to(PROGRAM)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file["copy"], target)
    asked = (
        "import sys, reference_site.letters, reference_site.finder\n"
        "print(*sorted(n for n in sys.modules if n.startswith('reference_site')))"
    )
    found = subprocess.run([sys.executable, "-c", asked], cwd=own, capture_output=True, text=True, check=True)
    names = {"reference_site", *(f"reference_site.{name}" for name in MODULES if name != "__init__")}
    assert set(found.stdout.split()) == names


def test_without_a_mail_host_nobody_can_register(folder):
    hosts, contract = folder / "hosts.yml", folder / "group_vars" / "all" / "contract.yml"
    hosts.write_text(re.sub(r"    mail:\n.*\n.*\n", "", hosts.read_text()))
    contract.write_text(contract.read_text().replace(", mail", ""))
    flows, site = folder / "group_vars" / "all" / "flows.yml", folder / "group_vars" / "all" / "site.yml"
    flows.write_text(re.sub(r".*\b(to|from): mail\b.*\n", "", flows.read_text()))
    site.write_text(re.sub(r"  mail_(domain|servers):.*\n", "", site.read_text()))
    assert [form["name"] for form in derived(folder, "web")["forms"]] == ["contact"]


def test_the_web_server_is_told_who_certifies_its_names(folder):
    found = derived(folder, "web")["acme"]
    assert found == {
        "directory": "https://acme.issuer.test/dir", "contact": "", "external_account": "", "roots": "",
    }  # fmt: skip
    (folder / "keys" / "acme").mkdir()
    roots = tls_certificates.root("lab", "production", ec.generate_private_key(ec.SECP256R1()))
    (folder / "keys" / "acme" / "roots.pem").write_text(roots)
    assert derived(folder, "web")["acme"]["roots"] == roots
    path = folder / "group_vars" / "all" / "site.yml"
    path.write_text(re.sub(r"  acme:.*\n", "", path.read_text()))
    assert derived(folder, "web")["acme"] == {}


def test_the_proxy_lets_the_web_server_alone_reach_the_authority(folder):
    rules = {(rule["name"], rule["port"]): rule["sources"] for rule in derived(folder, "bastion")["proxy"]["rules"]}
    assert rules["acme.issuer.test", 443] == ["198.18.64.11", "2001:2:0:64::11"]
