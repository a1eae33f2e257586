"""Reads `hosts.yml`: an Ansible YAML inventory of plain groups, without what would make its meaning doubtful."""

from dataclasses import dataclass
from typing import Any

from azukari.site.explain import kind, validate
from azukari.site.fields import GROUPS, RESERVED
from azukari.site.models import Host, HostEntry
from azukari.site.yaml_lines import Document, Where

_FILE = "hosts.yml"
_NAMES_NOT_FOR_HOSTS = frozenset({"all", "ungrouped", "localhost", "site", *RESERVED})


@dataclass
class _Found:
    groups: list[str]
    entry: HostEntry | None = None
    where: Where = ()


def read_hosts(document: Document) -> tuple[dict[str, Host], dict[str, Where]]:
    """Make the hosts of the inventory.

    A host may stand in several groups; its variables stand once, below `all: hosts:` or in one of its groups.

    Returns:
        The hosts by name, in the file's order, and where each is declared. Problems are added to the document.
    """
    if document.problems:
        return {}, {}
    found: dict[str, _Found] = {}
    for group, where in _groups(document):
        _read_group(document, group, where, found)
    hosts: dict[str, Host] = {}
    for name, one in found.items():
        groups = tuple(group for group in GROUPS if group in one.groups)
        if not groups:
            document.add(
                one.where, f"the host “{name}” is in no group; allowed are {', '.join(GROUPS)}; put it into one."
            )
        elif one.entry is not None:
            entry = one.entry
            hosts[name] = Host(name, entry.domain, groups, entry.ansible_host, entry.address6, entry.host_key)
        elif not any(problem.line == document.line(*one.where) for problem in document.problems):
            document.add(one.where, f"the host “{name}” has no variables; needed are {_keys()}; write them once.")
    return hosts, {name: found[name].where for name in hosts}


def _keys() -> str:
    return ", ".join(HostEntry.model_fields)


def _groups(document: Document) -> list[tuple[str, Where]]:
    top = document.value
    if not isinstance(top, dict):
        document.add((), f"is {kind(top)}; allowed is an Ansible inventory; begin with “all:” and “children:”.")
        return []
    groups: list[tuple[str, Where]] = []
    for name, value in top.items():
        if name != "all":
            groups.append((name, (name,)))
            continue
        if not isinstance(value, dict):
            document.add(("all",), f"“all” is {kind(value)}; allowed is a mapping with “children”; add it.")
            continue
        for key in value:
            if key not in {"children", "hosts"}:
                document.add(("all", key), f"“{key}” is no key of “all”; allowed are children, hosts; remove it.")
        groups.append(("all", ("all",)))
        children = value.get("children")
        if isinstance(children, dict):
            groups.extend((child, ("all", "children", child)) for child in children)
        elif "children" in value:
            document.add(("all", "children"), f"“children” is {kind(children)}; allowed are groups; name at least one.")
    for name, where in groups:
        if name not in {*GROUPS, "all"}:
            document.add(where, f"the group “{name}” is unknown; allowed are {', '.join(GROUPS)}; correct it.")
    return [(name, where) for name, where in groups if name in {*GROUPS, "all"}]


def _at(document: Document, where: Where) -> Any:
    value = document.value
    for part in where:
        value = value[part]
    return value


def _read_group(document: Document, group: str, where: Where, found: dict[str, _Found]) -> None:
    value = _at(document, where)
    if group == "all":
        if "hosts" not in value:
            return
    elif value is None:
        return
    elif not isinstance(value, dict):
        document.add(where, f"the group “{group}” is {kind(value)}; allowed is a mapping with “hosts”; correct it.")
        return
    else:
        for key in value:
            if key != "hosts":
                document.add((*where, key), f"“{key}” is no key of the group “{group}”; allowed is hosts; remove it.")
    hosts = value.get("hosts")
    if not isinstance(hosts, dict):
        if hosts is not None:
            document.add((*where, "hosts"), f"“hosts” is {kind(hosts)}; allowed are host names as keys; correct it.")
        return
    for name, variables in hosts.items():
        _read_host(document, group, (*where, "hosts", name), variables, found)


def _read_host(document: Document, group: str, where: Where, variables: Any, found: dict[str, _Found]) -> None:
    name = str(where[-1])
    one = found.setdefault(name, _Found([], where=where))
    one.groups.append(group)
    if len(one.groups) == 1:
        _check_name(document, name, where)
    if variables is None or variables == {}:
        return
    if one.entry is not None:
        first = document.line(*one.where)
        message = f"the host “{name}” has variables here a second time (first in line {first}); keep one."
        document.add(where, message)
        return
    one.where = where
    part = Document(
        _FILE,
        variables,
        {key[len(where) :]: line for key, line in document.lines.items() if key[: len(where)] == where},
    )
    one.entry = validate(part, HostEntry)
    document.problems.extend(part.problems)


def _check_name(document: Document, name: str, where: Where) -> None:
    fits = name.replace("-", "a").isalnum() and name.isascii() and name.lower() == name and len(name) <= 32
    if not fits or not name[0].isalpha() or name.endswith("-"):
        document.add(where, f"the host name “{name}” does not fit; allowed are small letters, digits and -; rename it.")
    elif name in _NAMES_NOT_FOR_HOSTS:
        document.add(where, f"the host name “{name}” is reserved; allowed is any other name; rename it.")
