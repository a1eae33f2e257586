"""Flows as they fall on one host: the one source of the firewall, of its check and of the report's picture."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from azukari.site.fields import PLACES, Network
from azukari.site.models import Flow, Host, Settings, Upstream

EVERYWHERE: tuple[Network, ...] = (ipaddress.IPv4Network("0.0.0.0/0"), ipaddress.IPv6Network("::/0"))
PROXY = "proxy:"
PACKAGES = "proxy:packages"


@dataclass(frozen=True)
class ResolvedFlow:
    """One declared flow between one source and one destination of the site.

    Attributes:
        source_name, to_name: a host, `visitors`, a place, or `proxy:NAME` (destination only).
        sources, destinations: their addresses; empty for `proxy:NAME`, whose addresses only the proxy knows.
    """

    source_name: str
    sources: tuple[Network, ...]
    to_name: str
    destinations: tuple[Network, ...]
    port: int
    protocol: str
    why: str


class Endpoints:
    """What the names in `flows.yml` stand for."""

    def __init__(self, hosts: Mapping[str, Host], settings: Settings) -> None:
        self._hosts = hosts
        self._settings = settings

    def members(self, endpoint: str) -> list[str]:
        """Return the hosts that an endpoint stands for, or the reserved name itself."""
        if endpoint == "all":
            return list(self._hosts)
        of_group = [host.name for host in self._hosts.values() if endpoint in host.groups]
        if of_group:
            return of_group
        return [endpoint]

    def addresses(self, endpoint: str) -> list[Network]:
        """Return the addresses of a host, a group, `all` or a reserved name, IPv4 before IPv6 for each.

        Raises:
            KeyError: there is no such endpoint.
        """
        if endpoint == "visitors":
            return list(EVERYWHERE)
        if endpoint in PLACES:
            return list(getattr(self._settings.places, endpoint))
        if endpoint.startswith(PROXY):
            return []
        networks: list[Network] = []
        for name in self.members(endpoint):
            host = self._hosts[name]
            networks.append(ipaddress.ip_network(host.address))
            if host.address6 is not None:
                networks.append(ipaddress.ip_network(host.address6))
        return networks

    def resolve(self, flow: Flow) -> list[ResolvedFlow]:
        """Split a declared flow into pairs; a host's flow to itself is none."""
        return [
            ResolvedFlow(
                source,
                tuple(self.addresses(source)),
                to,
                tuple(self.addresses(to)),
                flow.port,
                flow.protocol,
                flow.why,
            )
            for source in self.members(flow.source)
            for to in self.members(flow.to)
            if source != to
        ]


def proxy_names(flows: tuple[Flow, ...], upstream: Upstream | None) -> list[str]:
    """Return the names outside that the proxy may reach, sorted; `proxy:packages` becomes the mirrors' hosts."""
    names: set[str] = set()
    for flow in flows:
        if flow.to == PACKAGES and upstream is not None:
            names.update(urlsplit(url).hostname or "" for url in (upstream.mirror, upstream.security_mirror))
        elif flow.to.startswith(PROXY) and flow.to != PACKAGES:
            names.add(flow.to.removeprefix(PROXY))
    return sorted(names - {""})
