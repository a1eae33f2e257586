"""What a loaded site answers: flows per host, people per day, keys, places of its state."""

import datetime
import ipaddress
import os
import re
import stat
from pathlib import Path

import pytest
from site_documents import copy_base

from azukari.errors import InputError
from azukari.site import Site, SiteInvalid, holders_dir, load, reminders, state_dir


def _net(*texts: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


def test_flows_into_a_host(site: Site) -> None:
    found = {(flow.source_name, flow.sources, flow.port, flow.protocol) for flow in site.flows_in("web")}
    assert found == {
        ("visitors", _net("0.0.0.0/0", "::/0"), 443, "tcp"),
        ("visitors", _net("0.0.0.0/0", "::/0"), 80, "tcp"),
        ("bastion", _net("203.0.113.10", "2001:db8:1::10"), 22, "tcp"),
    }
    assert all(flow.to_name == "web" for flow in site.flows_in("web"))
    assert {flow.destinations for flow in site.flows_in("web")} == {_net("203.0.113.11", "2001:db8:1::11")}


def test_flows_out_of_a_host(site: Site) -> None:
    found = {(flow.to_name, flow.port, flow.protocol) for flow in site.flows_out(site.hosts["web"])}
    assert found == {
        ("app", 8443, "tcp"),
        ("bastion", 53, "tcp"),
        ("bastion", 3128, "tcp"),
        ("bastion", 4460, "tcp"),
        ("bastion", 123, "udp"),
        ("proxy:packages", 80, "tcp"),
        ("proxy:acme.example.net", 443, "tcp"),
    }


def test_no_flow_of_a_host_to_itself(site: Site) -> None:
    assert all(flow.source_name != flow.to_name for flow in site.resolved_flows)
    assert {flow.source_name for flow in site.flows_in("bastion") if flow.port == 3128} == {
        "web", "app", "db", "mail", "vault", "log",
    }  # fmt: skip


def test_in_and_out_agree(site: Site) -> None:
    """What leaves one host by a flow enters the other: both sides of the firewall come from one list."""
    leaving = [flow for name in site.hosts for flow in site.flows_out(name) if flow.to_name in site.hosts]
    entering = [flow for name in site.hosts for flow in site.flows_in(name) if flow.source_name in site.hosts]
    assert sorted(map(repr, leaving)) == sorted(map(repr, entering))
    assert leaving


def test_addresses(site: Site) -> None:
    assert tuple(site.addresses("db")) == _net("203.0.113.13", "2001:db8:1::13")
    assert tuple(site.addresses("controller")) == _net("198.51.100.10", "2001:db8:2::10")
    assert tuple(site.addresses("office")) == _net("198.51.100.128/28")
    assert len(site.addresses("all")) == 14
    with pytest.raises(KeyError):
        site.addresses("nowhere")


def test_purposes_of_a_collection_are_those_of_its_items(site: Site) -> None:
    assert {one.name: one.purposes for one in site.policy.collections} == {
        "access": ("operation",),
        "mail_service": ("delivery", "reference"),
        "contact": ("policymaking", "reference", "reply"),
    }


def test_proxy_names(site: Site) -> None:
    assert site.proxy_names() == ["acme.example.net", "deb.debian.org", "security.debian.org"]


def test_groups_and_domains(site: Site) -> None:
    assert [host.name for host in site.group("vault")] == ["vault"]
    assert [host.name for host in site.domain_hosts("production")] == ["bastion", "web", "app", "db", "mail"]
    with pytest.raises(InputError, match="has no host “x”"):
        site.host("x")


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-03-31", []),
        ("2026-04-01", ["tanaka", "suzuki"]),
        ("2029-03-31", ["tanaka", "suzuki"]),
        ("2029-04-01", []),
    ],
)
def test_people_on_a_host_by_day(site: Site, day: str, expected: list[str]) -> None:
    assert [person.name for person in site.people_on("db", datetime.date.fromisoformat(day))] == expected


def test_today_is_the_sites_day(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return datetime.datetime(2026, 11, 25, 15, 30, tzinfo=datetime.UTC).astimezone(tz)

    monkeypatch.setattr(datetime, "datetime", Late)
    assert site.today() == datetime.date(2026, 11, 26), "15:30 UTC is half past midnight in Tokyo"


def test_keys(site: Site) -> None:
    assert site.host_fingerprint("web") == "SHA256:EXAMPLEwebEXAMPLEwebEXAMPLEwebEXAMPLEweb000"
    assert site.host_public_key("web") is None
    assert site.person_keys(site.contract.people[0])[0].startswith("ssh-ed25519 AAAA")


def test_host_key_from_a_file(site: Site) -> None:
    hosts = site.path / "hosts.yml"
    text = hosts.read_text("utf-8").replace("SHA256:EXAMPLEwebEXAMPLEwebEXAMPLEwebEXAMPLEweb000", "keys/hosts/web.pub")
    hosts.write_text(text, "utf-8")
    key = site.path / "keys/hosts/web.pub"
    key.parent.mkdir()
    # The fingerprint of this key as `ssh-keygen -lf` prints it.
    key.write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl github\n", "utf-8")
    loaded = load(site.path)
    assert loaded.host_fingerprint("web") == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
    public = loaded.host_public_key("web")
    assert public is not None
    assert public.startswith("ssh-ed25519 AAAA")


def test_lab_before_its_keys_are_made(tmp_path: Path) -> None:
    copy_base("lab", tmp_path / "lab")
    lab = load(tmp_path / "lab")
    assert lab.lab
    assert lab.upstream is None
    assert lab.proxy_names() == ["acme.issuer.test"]
    with pytest.raises(InputError, match=r"keys/hosts/web\.pub does not exist"):
        lab.host_fingerprint("web")
    assert reminders(lab) == []


def test_who_certifies_the_public_names_is_reminded_of(site: Site) -> None:
    assert "whose ACME directory it is" in "\n".join(reminders(site))
    path = site.path / "group_vars/all/site.yml"
    text = path.read_text("utf-8").replace("https://acme.example.net/directory", "https://acme.ca.test/directory")
    path.write_text(text, "utf-8")
    flows = site.path / "group_vars/all/flows.yml"
    flows.write_text(flows.read_text("utf-8").replace("proxy:acme.example.net", "proxy:acme.ca.test"), "utf-8")
    assert "acme" not in "\n".join(reminders(load(site.path))).lower()
    path.write_text(re.sub(r"  acme:.*\n(    .*\n)+?(?=  [a-z])", "", text), "utf-8")
    assert "visitors are warned of the site's own CA" in "\n".join(reminders(load(site.path)))


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        load(tmp_path / "nothing")


def test_state_is_private(site: Site, home: Path) -> None:
    assert state_dir(site) == home / "sites" / "example"
    assert holders_dir(site) == state_dir("example") / "holders"
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (state_dir(site), holders_dir(site))} == {0o700}


def test_state_home_by_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AZUKARI_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert state_dir("x") == tmp_path / "state/azukari/sites/x"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    assert state_dir("x") == tmp_path / "user/.local/state/azukari/sites/x"


def test_the_example_reminds_of_what_is_to_be_edited(site: Site) -> None:
    found = "\n".join(reminders(site))
    for file in ("hosts.yml", "site.yml", "contract.yml", "upstream.yml"):
        assert file in found
    (holders_dir(site) / "office").mkdir()
    (holders_dir(site) / "office" / "approval").write_text("x", "utf-8")
    assert "made on this machine, for trying out" in "\n".join(reminders(site))


def test_an_exception_that_is_over_is_named(site: Site) -> None:
    (site.path / "group_vars/all/exceptions.yml").write_text(
        "exceptions:\n- {safeguard: LEAK-09, hosts: [web], reason: a fair, compensation: watched, until: 2026-04-30}\n"
        "- {safeguard: LEAK-18, hosts: [web], reason: a fair, compensation: watched, until: 2029-03-31}\n",
        encoding="utf-8",
    )
    found = "\n".join(reminders(load(site.path)))
    assert "the exception of LEAK-09 on web was over on 2026-04-30; remove it." in found
    assert "LEAK-18" not in found


@pytest.mark.parametrize("path", ["keys/people/pipe.pub", "hosts.yml", "group_vars/all/flows.yml"])
def test_a_pipe_keeps_nobody_waiting(site: Site, path: str) -> None:
    (site.path / path).unlink(missing_ok=True)
    os.mkfifo(site.path / path)
    with pytest.raises(SiteInvalid, match=f"{path}: is no ordinary file"):
        load(site.path)
