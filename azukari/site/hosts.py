"""Reads `hosts.yml`: an Ansible YAML inventory of plain groups, without what would make its meaning doubtful."""

import re
from dataclasses import dataclass, field
from typing import Any

from azukari.site.explain import kind, validate
from azukari.site.fields import GROUPS, RESERVED
from azukari.site.models import Host, HostEntry
from azukari.site.yaml_lines import Document, Where

_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?")
_NAMES_NOT_FOR_HOSTS = frozenset({"all", "ungrouped", "localhost", "site", *RESERVED})


@dataclass
class DeclaredHosts:
    """What `hosts.yml` declares, as far as it could be read.

    Attributes:
        hosts: the whole ones by name, in the file's order.
        where: where each of them is declared.
        names: the names of all hosts and groups, of broken ones too: they are not unknown.
    """

    hosts: dict[str, Host] = field(default_factory=dict)
    where: dict[str, Where] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


@dataclass
class _Found:
    where: Where
    groups: list[str] = field(default_factory=list)
    entry: HostEntry | None = None
    has_variables: bool = False


def read_hosts(document: Document) -> DeclaredHosts:
    """Make the hosts of the inventory; problems are added to the document.

    A host may stand in several groups; its variables stand once, below `all: hosts:` or in one of its groups.
    """
    declared = DeclaredHosts()
    if document.problems:
        return declared
    found: dict[str, _Found] = {}
    for group, where, value in _groups(document):
        if group not in {*GROUPS, "all"}:
            message = f"the group “{group}” is unknown; allowed are {', '.join(GROUPS)}; correct it."
            document.add(where, message)
            declared.names |= _names_below(value)
            continue
        _read_group(document, group, where, value, found)
    for name, one in found.items():
        groups = tuple(group for group in GROUPS if group in one.groups)
        declared.names |= {name, *groups}
        if not groups:
            message = f"the host “{name}” is in no group; allowed are {', '.join(GROUPS)}; put it into one."
            document.add(one.where, message)
        elif not one.has_variables:
            message = f"the host “{name}” has no variables; needed are {', '.join(HostEntry.model_fields)}; write them."
            document.add(one.where, message)
        if groups and one.entry is not None:
            entry = one.entry
            host = Host(name, entry.domain, groups, entry.ansible_host, entry.address6, entry.host_key)
            declared.hosts[name] = host
            declared.where[name] = one.where
    return declared


def _groups(document: Document) -> list[tuple[str, Where, Any]]:
    """Return each group's name, place and value; `all` only for its hosts."""
    top = document.value
    if not isinstance(top, dict):
        document.add((), f"is {kind(top)}; allowed is an Ansible inventory; begin with “all:” and “children:”.")
        return []
    groups: list[tuple[str, Where, Any]] = []
    for name, value in top.items():
        groups += _all(document, value) if name == "all" else [(name, (name,), value)]
    return groups


def _names_below(value: Any) -> set[str]:
    hosts = value.get("hosts") if isinstance(value, dict) else None
    return set(hosts) if isinstance(hosts, dict) else set()


def _all(document: Document, value: Any) -> list[tuple[str, Where, Any]]:
    if not isinstance(value, dict):
        document.add(("all",), f"“all” is {kind(value)}; allowed is a mapping with “children”; add it.")
        return []
    for key in value:
        if key not in {"children", "hosts"}:
            document.add(("all", key), f"“{key}” is no key of “all”; allowed are children, hosts; remove it.")
    groups: list[tuple[str, Where, Any]] = []
    if "hosts" in value:
        groups.append(("all", ("all",), {"hosts": value["hosts"]}))
    children = value.get("children", {})
    if isinstance(children, dict):
        groups += [(child, ("all", "children", child), below) for child, below in children.items()]
    else:
        message = f"“children” is {kind(children)}; allowed is a mapping of groups; name at least one."
        document.add(("all", "children"), message)
    return groups


def _read_group(document: Document, group: str, where: Where, value: Any, found: dict[str, _Found]) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        message = f"the group “{group}” is {kind(value)}; allowed is a mapping with “hosts”; correct it."
        document.add(where, message)
        return
    for key in value:
        if key != "hosts":
            message = f"“{key}” is no key of the group “{group}”; allowed is hosts; remove it."
            document.add((*where, key), message)
    hosts = value.get("hosts") or {}
    if not isinstance(hosts, dict):
        message = f"“hosts” is {kind(hosts)}; allowed is a mapping with host names as keys; correct it."
        document.add((*where, "hosts"), message)
        return
    for name, variables in hosts.items():
        _read_host(document, group, (*where, "hosts", name), variables, found)


def _read_host(document: Document, group: str, where: Where, variables: Any, found: dict[str, _Found]) -> None:
    name = str(where[-1])
    if name not in found:
        found[name] = _Found(where)
        _check_name(document, name, where)
    one = found[name]
    one.groups.append(group)
    if variables is None or variables == {}:
        return
    if one.has_variables:
        one.groups.pop()
        first = document.line(*one.where)
        message = f"the host “{name}” is declared here a second time (first in line {first}); keep its variables once."
        document.add(where, message)
        return
    one.where, one.has_variables = where, True
    part = document.below(where, variables)
    one.entry = validate(part, HostEntry)
    document.problems += part.problems


def _check_name(document: Document, name: str, where: Where) -> None:
    if not _NAME.fullmatch(name):
        message = (
            f"the host name “{name}” does not fit; allowed are small letters, digits and -, a letter first; rename it."
        )
        document.add(where, message)
    elif name in _NAMES_NOT_FOR_HOSTS:
        document.add(where, f"the host name “{name}” is reserved; allowed is any other name; rename it.")
