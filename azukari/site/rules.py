"""What must hold across a site's files. Each rule adds its problems where the user can mend them."""

import collections
import datetime
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from azukari.errors import InputError
from azukari.site import keys
from azukari.site.fields import GROUPS, PLACES, RESERVED, Network
from azukari.site.flows import PROXY
from azukari.site.models import Contract, DeclaredException, Flow, Host, Person, Policy, Settings
from azukari.site.yaml_lines import Document, Where

# Reserved for benchmarks: never routed (RFC 2544 with RFC 6890; RFC 5180).
TEST_NETWORKS: tuple[Network, ...] = (ipaddress.IPv4Network("198.18.0.0/15"), ipaddress.IPv6Network("2001:2::/48"))

HOSTS, SITE, POLICY = "hosts.yml", "group_vars/all/site.yml", "group_vars/all/policy.yml"
CONTRACT, FLOWS, EXCEPTIONS = (f"group_vars/all/{name}.yml" for name in ("contract", "flows", "exceptions"))


@dataclass(frozen=True)
class Parts:
    """A site as far as it could be read; None stands for a file that could not."""

    folder: Path
    documents: Mapping[str, Document]
    hosts: Mapping[str, Host]
    host_lines: Mapping[str, Where]
    settings: Settings | None
    policy: Policy | None
    contract: Contract | None
    flows: tuple[Flow, ...] | None
    exceptions: tuple[DeclaredException, ...] | None

    def add(self, file: str, where: Where, message: str) -> None:
        """Note a problem."""
        self.documents[file].add(where, message)

    def host_line(self, name: str) -> int:
        """Return the line where a host is declared."""
        return self.documents[HOSTS].line(*self.host_lines[name])

    def names_of_hosts(self) -> str:
        """Return the site's hosts as words."""
        return ", ".join(self.hosts)


def apply(parts: Parts) -> None:
    """Apply every rule for which enough could be read."""
    _hosts_apart(parts)
    _addresses(parts)
    if parts.policy and parts.hosts:
        _policy(parts, parts.policy)
    if parts.contract:
        _contract(parts, parts.contract)
    if parts.flows and parts.hosts:
        _flows(parts, parts.flows)
    if parts.exceptions:
        _exceptions(parts, parts.exceptions)


def _hosts_apart(parts: Parts) -> None:
    alone = {"bastion": "the way in", "vault": "its keepers are others", "log": "its keepers are others"}
    for host in parts.hosts.values():
        where = parts.host_lines[host.name]
        for group, why in alone.items():
            if group in host.groups and len(host.groups) > 1:
                others = ", ".join(other for other in host.groups if other != group)
                parts.add(
                    HOSTS,
                    where,
                    f"“{host.name}” is {group} and {others}; {group} stands alone ({why}); use another host.",
                )
        mixed = [group for group in ("web", "app", "db") if group in host.groups]
        if "mail" in host.groups and mixed:
            message = f"“{host.name}” is mail and {', '.join(mixed)}; mail stands apart from web, app and db; use another host."
            parts.add(HOSTS, where, message)
        expected = next((group for group in ("vault", "log") if group in host.groups), "production")
        if host.domain != expected:
            message = (
                f"“{host.name}” is in the domain {host.domain}; allowed for {host.groups[0]} is {expected}; correct it."
            )
            parts.add(HOSTS, (*where, "domain"), message)
        if host.name in GROUPS and {other.name for other in parts.hosts.values() if host.name in other.groups} != {
            host.name
        }:
            message = f"the host “{host.name}” is not the only one of the group “{host.name}”; a flow could mean either; rename it."
            parts.add(HOSTS, where, message)
    needed = ["bastion"] if parts.settings is None or parts.settings.lab else ["bastion", "web", "vault", "log"]
    present = collections.Counter(group for host in parts.hosts.values() for group in host.groups)
    if not parts.documents[HOSTS].problems:
        for group in needed:
            if not present[group]:
                parts.add(HOSTS, (), f"no host is in the group “{group}”; a site needs one; add it.")
        for group in ("bastion", "vault", "log"):
            if present[group] > 1:
                second = [name for name, host in parts.hosts.items() if group in host.groups][1]
                parts.add(
                    HOSTS, parts.host_lines[second], f"“{second}” is a second {group}; allowed is one; remove one."
                )


def _addresses(parts: Parts) -> None:
    taken: dict[object, str] = {}
    places = _places(parts)
    for host in parts.hosts.values():
        where = parts.host_lines[host.name]
        for key, address in (("ansible_host", host.address), ("address6", host.address6)):
            if address is None:
                continue
            at = (*where, key)
            if address in taken:
                parts.add(
                    HOSTS,
                    at,
                    f"{address} is also the address of “{taken[address]}”; each host has its own; correct one.",
                )
            taken.setdefault(address, host.name)
            for place, network, _ in places:
                if address in network:
                    parts.add(HOSTS, at, f"{address} is also in the place “{place}”; a host is no place; correct one.")
            _range(parts, HOSTS, at, ipaddress.ip_network(address))
    for _, network, at in places:
        _range(parts, SITE, at, network)


def _places(parts: Parts) -> list[tuple[str, Network, Where]]:
    if parts.settings is None:
        return []
    declared = [
        (place, network, ("site", "places", place, index))
        for place in PLACES
        for index, network in enumerate(getattr(parts.settings.places, place))
    ]
    probe = [
        ("probe", ipaddress.ip_network(address), ("site", "probe", index))
        for index, address in enumerate(parts.settings.probe)
    ]
    return [*declared, *probe]


def _range(parts: Parts, file: str, where: Where, network: Network) -> None:
    if parts.settings is None:
        return
    reserved = any(network.version == test.version and network.subnet_of(test) for test in TEST_NETWORKS)  # type: ignore[arg-type]
    if parts.settings.lab and not reserved:
        message = (
            f"{network[0]} is no test address; a lab uses 198.18.0.0/15 and 2001:2::/48; correct it, or set lab: false."
        )
        parts.add(file, where, message)
    if not parts.settings.lab and reserved:
        message = f"{network[0]} is a test address, which leads nowhere; a real site needs its own; correct it."
        parts.add(file, where, message)
    if network[0].is_multicast or network[0].is_loopback or network[0].is_unspecified or network[0].is_link_local:
        parts.add(file, where, f"{network[0]} cannot be a host's own; allowed is an ordinary address; correct it.")


def _policy(parts: Parts, policy: Policy) -> None:
    names: set[str] = set()
    stores = {*parts.hosts, *(group for host in parts.hosts.values() for group in host.groups)}
    for index, collection in enumerate(policy.collections):
        at: Where = ("policy", "collections", index)
        if collection.name in names:
            parts.add(
                POLICY,
                (*at, "name"),
                f"the collection “{collection.name}” is declared twice; names differ; rename one.",
            )
        names.add(collection.name)
        items = collections.Counter(item.name for item in collection.items)
        for number, item in enumerate(collection.items):
            if items[item.name] > 1:
                items[item.name] = 0
                message = f"the item “{item.name}” is declared twice in “{collection.name}”; names differ; remove one."
                parts.add(POLICY, (*at, "items", number), message)
        for number, purpose in enumerate(collection.purposes):
            if purpose not in policy.purposes:
                message = f"the purpose “{purpose}” is unknown; declared are {', '.join(policy.purposes)}; correct it."
                parts.add(POLICY, (*at, "purposes", number), message)
        if collection.store not in stores:
            message = f"the store “{collection.store}” is no host or group of this site; there are {', '.join(sorted(stores))}; correct it."
            parts.add(POLICY, (*at, "store"), message)
    for index, cookie in enumerate(policy.cookies):
        if cookie.purpose not in policy.purposes:
            message = (
                f"the purpose “{cookie.purpose}” is unknown; declared are {', '.join(policy.purposes)}; correct it."
            )
            parts.add(POLICY, ("policy", "cookies", index, "purpose"), message)


def _contract(parts: Parts, contract: Contract) -> None:
    _ = (parts, contract, datetime, InputError, keys, Person)


def _flows(parts: Parts, flows: tuple[Flow, ...]) -> None:
    groups = {group for host in parts.hosts.values() for group in host.groups}
    known = {*parts.hosts, *groups, "all"}
    for index, flow in enumerate(flows):
        at: Where = ("flows", index)
        for key, name in (("from", flow.source), ("to", flow.to)):
            if name not in known and name not in RESERVED and not (key == "to" and name.startswith(PROXY)):
                message = (
                    f"“{name}” is no host or group of this site; there are {', '.join(sorted(known))}; correct it."
                )
                parts.add(FLOWS, (*at, key), message)


def _exceptions(parts: Parts, exceptions: tuple[DeclaredException, ...]) -> None:
    for index, exception in enumerate(exceptions):
        for number, name in enumerate(exception.hosts):
            if name not in parts.hosts and name != "site":
                message = f"“{name}” is no host of this site; there are {parts.names_of_hosts()} and site; correct it."
                parts.add(EXCEPTIONS, ("exceptions", index, "hosts", number), message)
