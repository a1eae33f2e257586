"""Flows: between what exists, each once, and none that breaks the shape of the site."""

import re

from azukari.site.fields import PLACES, RESERVED
from azukari.site.flows import PACKAGES, PROXY
from azukari.site.models import Flow
from azukari.site.parts import FLOWS, Parts
from azukari.site.yaml_lines import Where

_DNS_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_FOR_VISITORS = ("web", "mail")
_SSH, _SMTP = 22, 25


def apply(parts: Parts, flows: tuple[Flow, ...]) -> None:
    """Apply the rules about flows."""
    seen: set[tuple[str, str, int, str]] = set()
    for index, flow in enumerate(flows):
        where: Where = ("flows", index)
        same = (flow.source, flow.to, flow.port, flow.protocol)
        if same in seen:
            message = f"the flow {flow.source} → {flow.to}, {flow.protocol} {flow.port}, is declared twice; remove one."
            parts.add(FLOWS, where, message)
        seen.add(same)
        if _ends_known(parts, where, flow) and parts.hosts:
            _shape(parts, where, flow)
    if parts.hosts and not parts.documents[FLOWS].problems:
        _ways_in(parts, flows)


def _ways_in(parts: Parts, flows: tuple[Flow, ...]) -> None:
    """Refuse a site that would shut out whoever administers it: the way goes by the bastion, to every host."""
    administration = [flow for flow in flows if flow.port == _SSH and flow.protocol == "tcp"]
    bastions = _hosts_of(parts, "bastion")
    from_controller = {
        name for flow in administration if flow.source == "controller" for name in _hosts_of(parts, flow.to)
    }
    from_bastion = {
        name
        for flow in administration
        if _hosts_of(parts, flow.source) & bastions
        for name in _hosts_of(parts, flow.to)
    }
    shut_to = {"controller": bastions - from_controller, "bastion": {*parts.hosts} - bastions - from_bastion}
    for source, shut in shut_to.items():
        if shut:
            wanted = f"{{from: {source}, to: {'bastion' if source == 'controller' else 'all'}, port: 22, why: …}}"
            message = (
                f"nothing lets “{source}” reach port 22 of {', '.join(sorted(shut))}, so nobody could administer it; "
                f"needed is {wanted}; add it."
            )
            parts.add(FLOWS, ("flows",), message)


def _ends_known(parts: Parts, where: Where, flow: Flow) -> bool:
    good = True
    for key, name in (("from", flow.source), ("to", flow.to)):
        message = _wrong_end(parts, key, name) or (_to_all_the_world(parts, flow) if key == "to" else "")
        if message:
            parts.add(FLOWS, (*where, key), message)
            good = False
    return good


def _wrong_end(parts: Parts, key: str, name: str) -> str:
    if name.startswith(PROXY):
        if key == "from":
            return f"“{name}” cannot be a source; allowed are hosts, groups, all, {', '.join(RESERVED)}; correct it."
        outside = name.removeprefix(PROXY)
        if name != PACKAGES and not _DNS_NAME.fullmatch(outside):
            return f"“{outside}” is no DNS name; allowed is proxy:NAME such as proxy:www.example.jp; correct it."
        return ""
    if not parts.declared.names or name in {*parts.declared.names, *RESERVED, "all"}:
        return ""
    return f"“{name}” is no host or group of this site; there are {parts.known()}, all and reserved names; correct it."


def _to_all_the_world(parts: Parts, flow: Flow) -> str:
    """Return what is wrong with a flow to whoever is outside: mail leaves for everybody's server, nothing else does."""
    sources = _hosts_of(parts, flow.source)
    mail = not parts.hosts or (bool(sources) and all("mail" in parts.hosts[name].groups for name in sources))
    if flow.to != "visitors" or (mail and (flow.port, flow.protocol) == (_SMTP, "tcp")):
        return ""
    return (
        "“visitors” cannot be a destination; allowed for names outside is proxy:NAME, and for the group mail port 25; "
        "correct it."
    )


def _hosts_of(parts: Parts, name: str) -> set[str]:
    return {host.name for host in parts.hosts.values() if name in ("all", host.name, *host.groups)}


def _shape(parts: Parts, where: Where, flow: Flow) -> None:
    sources, destinations = _hosts_of(parts, flow.source), _hosts_of(parts, flow.to)
    outside = {"visitors", *PLACES}
    if flow.source in outside and flow.to in outside:
        message = f"neither “{flow.source}” nor “{flow.to}” is a host of this site; one end is; correct one."
        parts.add(FLOWS, where, message)
        return
    if sources and sources == destinations and len(sources) == 1:
        message = f"“{flow.source}” → “{flow.to}” is one host's flow to itself; these need no flow; remove it."
        parts.add(FLOWS, where, message)
        return
    bastions = {host.name for host in parts.hosts.values() if "bastion" in host.groups}
    if flow.source == "visitors":
        closed = sorted(name for name in destinations if not set(parts.hosts[name].groups) & set(_FOR_VISITORS))
        if closed:
            message = (
                f"visitors may not reach “{closed[0]}”; allowed are hosts of {' and '.join(_FOR_VISITORS)}; remove it."
            )
            parts.add(FLOWS, where, message)
            return
    past_bastion = destinations - bastions
    if flow.port == _SSH and flow.protocol == "tcp" and past_bastion and sources != bastions:
        message = (
            f"port 22 of “{sorted(past_bastion)[0]}” is opened to “{flow.source}”; "
            "administration goes through the bastion only; allowed is from: bastion; correct it."
        )
        parts.add(FLOWS, (*where, "from"), message)
