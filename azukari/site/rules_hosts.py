"""Hosts: which stand apart, which a site needs, addresses and keys of their own."""

import ipaddress

from azukari.errors import InputError
from azukari.site import keys
from azukari.site.fields import GROUPS, PLACES, Network
from azukari.site.models import Host, Settings
from azukari.site.parts import HOSTS, SITE, Parts
from azukari.site.yaml_lines import Where

# Reserved for benchmarks, never routed: RFC 2544 section 12 (RFC 6890) and RFC 5180 section 8.
_TEST_NETWORKS: tuple[Network, ...] = (ipaddress.IPv4Network("198.18.0.0/15"), ipaddress.IPv6Network("2001:2::/48"))
OWN_LAB = "lab"  # inventory/lab
# Prefix lengths: what one organisation is given; a wider place would open doors to strangers.
_WIDEST = {4: 16, 6: 32}
# Why each stands alone: the bastion is reachable by all; the others have keepers of their own.
_ALONE = ("bastion", "vault", "log")


def apply(parts: Parts) -> None:
    """Apply the rules about hosts, and about the addresses of places."""
    for host in parts.hosts.values():
        _apart(parts, host)
        _domain(parts, host)
        _name(parts, host)
    _present(parts)
    _addresses(parts)
    _keys(parts)
    if parts.settings:
        if parts.settings.name == OWN_LAB and not parts.settings.lab:
            message = (
                f"the name “{OWN_LAB}” is that of azukari's own lab, whose keys are thrown away; allowed is any other."
            )
            parts.add(SITE, ("site", "name"), message)
        names = parts.settings.names
        for index, name in enumerate(names):
            if name in names[:index]:
                message = f"the name “{name}” stands here twice; each is served once; remove one."
                parts.add(SITE, ("site", "names", index), message)
        if parts.settings.mail_domain is None and any("mail" in host.groups for host in parts.hosts.values()):
            message = "“mail_domain” is missing, though a host is in the group mail; allowed is a DNS name; add it."
            parts.add(SITE, ("site",), message)
        _mail_servers(parts, parts.settings)


def _mail_servers(parts: Parts, settings: Settings) -> None:
    """Whoever sends mail says where answers and bounces go; the site's own mail host takes none."""
    sending = any("mail" in host.groups for host in parts.hosts.values())
    if sending and not settings.mail_servers:
        message = (
            "“mail_servers” is missing, though a host is in the group mail; allowed are the DNS names of the servers "
            "that receive the domain's mail, which are the office's; add it."
        )
        parts.add(SITE, ("site",), message)
    for index, name in enumerate(settings.mail_servers):
        if name in settings.names or any(name == f"{host}.{settings.mail_domain}" for host in parts.hosts):
            message = f"“{name}” is this site's own and takes no mail; allowed are the office's servers; correct it."
            parts.add(SITE, ("site", "mail_servers", index), message)


def _apart(parts: Parts, host: Host) -> None:
    for group in _ALONE:
        if group in host.groups and len(host.groups) > 1:
            others = " and ".join(other for other in host.groups if other != group)
            message = f"“{host.name}” is {group} together with {others}; {group} stands alone; use another host."
            parts.add_at_host(host.name, "", message)
            return
    mixed = [group for group in ("web", "app", "db") if group in host.groups]
    if "mail" in host.groups and mixed:
        others = " and ".join(mixed)
        message = f"“{host.name}” is mail together with {others}; mail stands apart from them; use another host."
        parts.add_at_host(host.name, "", message)


def _domain(parts: Parts, host: Host) -> None:
    expected = next((group for group in ("vault", "log") if group in host.groups), "production")
    if host.domain != expected:
        groups = " and ".join(host.groups)
        message = f"“{host.name}” is in the domain {host.domain}; allowed for {groups} is {expected}; correct it."
        parts.add_at_host(host.name, "domain", message)


def _name(parts: Parts, host: Host) -> None:
    if host.name not in GROUPS:
        return
    members = {other.name for other in parts.hosts.values() if host.name in other.groups}
    alone = host.name in _ALONE  # a second one is told of by itself
    if (members - {host.name} and not alone) or host.name not in host.groups:
        message = (
            f"the host “{host.name}” is not the same as the group “{host.name}”; a flow could mean either; rename it."
        )
        parts.add_at_host(host.name, "", message)


def _present(parts: Parts) -> None:
    whole = not parts.documents[HOSTS].problems
    needed = ("bastion",) if parts.lab else ("bastion", "web", "vault", "log")
    for group in GROUPS:
        if whole and group in needed and not any(group in host.groups for host in parts.hosts.values()):
            parts.add(HOSTS, (), f"no host is in the group “{group}”; a site needs one; add it.")
        members = [host.name for host in parts.hosts.values() if host.groups == (group,)]
        if group in _ALONE and len(members) > 1:
            message = f"“{members[1]}” is a second {group} beside “{members[0]}”; allowed is one; remove one."
            parts.add_at_host(members[1], "", message)


def _addresses(parts: Parts) -> None:
    taken: dict[object, str] = {}
    places = _places(parts)
    for host in parts.hosts.values():
        for key, address in (("ansible_host", host.address), ("address6", host.address6)):
            if address is None:
                continue
            if address in taken:
                message = f"{address} is also the address of “{taken[address]}”; each host has its own; correct one."
                parts.add_at_host(host.name, key, message)
            taken.setdefault(address, host.name)
            for place, network, _ in places:
                if address in network:
                    message = f"{address} is also in the place “{place}”; a host is no place; correct one."
                    parts.add_at_host(host.name, key, message)
            if wrong := _wrong_range(parts, ipaddress.ip_network(address)):
                parts.add_at_host(host.name, key, wrong)
    for place, network, where in places:
        for wrong in filter(None, (_too_wide(place, network), _wrong_range(parts, network))):
            parts.add(SITE, where, wrong)


def _too_wide(place: str, network: Network) -> str:
    if network.prefixlen >= _WIDEST[network.version]:
        return ""
    return (
        f"“{network}” is more than the place “{place}” can be; allowed is a network of /{_WIDEST[network.version]} "
        "or smaller; name the addresses of the people who sit there."
    )


def _places(parts: Parts) -> list[tuple[str, Network, Where]]:
    if parts.settings is None:
        return []
    declared: list[tuple[str, Network, Where]] = [
        (place, network, ("site", "places", place, index))
        for place in PLACES
        for index, network in enumerate(getattr(parts.settings.places, place))
    ]
    probes: list[tuple[str, Network, Where]] = [
        ("probe", ipaddress.ip_network(address), ("site", "probe", index))
        for index, address in enumerate(parts.settings.probe)
    ]
    return declared + probes


def _is_test(network: Network) -> bool:
    return any(type(network) is type(test) and network.subnet_of(test) for test in _TEST_NETWORKS)  # type: ignore[arg-type]


def _wrong_range(parts: Parts, network: Network) -> str:
    first = network[0]
    if first.is_multicast or first.is_loopback or first.is_unspecified or first.is_link_local:
        return f"{first} cannot belong to one machine alone; allowed is an ordinary address; correct it."
    if parts.settings is None:
        return ""
    if parts.settings.lab and not _is_test(network):
        return f"{first} is no test address; a lab uses 198.18.0.0/15 and 2001:2::/48; correct it, or set lab: false."
    if not parts.settings.lab and _is_test(network):
        return f"{first} is a test address, which leads nowhere; a real site needs its own; correct it."
    return ""


def _keys(parts: Parts) -> None:
    taken: dict[str, str] = {}
    for host in parts.hosts.values():
        fingerprint = host.host_key
        if not fingerprint.startswith("SHA256:"):
            if parts.lab and not (parts.folder / host.host_key).exists():
                continue
            try:
                fingerprint = keys.fingerprint(keys.public_key(parts.folder, host.host_key))
            except InputError as error:
                parts.add_at_host(host.name, "host_key", error.message)
                continue
        if fingerprint in taken:
            message = (
                f"the host key is also that of “{taken[fingerprint]}”; each host has its own; make a new one on it."
            )
            parts.add_at_host(host.name, "host_key", message)
        taken.setdefault(fingerprint, host.name)
