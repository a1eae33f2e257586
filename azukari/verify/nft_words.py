"""nft's JSON listing in nft's own words, one line a rule: what checks of the firewall compare.

A statement that is not known here is shown as JSON: it can equal no promise, and the reader still sees it.
Source: libnftables-json(5).
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

Names = Mapping[Any, str]


def one_or_set(values: Iterable[object]) -> str:
    """Return one value as it is, several as nft's set, sorted: the order in a set means nothing."""
    words = sorted(str(value) for value in values)
    return words[0] if len(words) == 1 else "{" + ", ".join(words) + "}"


def _value(value: Any, names: Names) -> str:
    """Return the right side of a comparison; `names` maps user numbers to names."""
    if isinstance(value, dict) and "set" in value:
        return one_or_set(_value(one, names) for one in value["set"])
    if isinstance(value, dict) and "prefix" in value:
        return f"{value['prefix']['addr']}/{value['prefix']['len']}"
    if isinstance(value, list):
        return one_or_set(_value(one, names) for one in value)
    return str(names.get(value, value)) if isinstance(value, str | int) else json.dumps(value, sort_keys=True)


def _match(match: dict[str, Any], names: Names) -> str:
    """Return one comparison."""
    left, right, operator = match["left"], match["right"], match["op"]
    if "payload" in left and set(left["payload"]) == {"protocol", "field"}:
        subject, names = f"{left['payload']['protocol']} {left['payload']['field']}", {}
    elif "meta" in left:
        subject, names = left["meta"]["key"], names if left["meta"]["key"] == "skuid" else {}
    elif set(left) == {"ct"} and set(left["ct"]) == {"key"}:
        subject, names = f"ct {left['ct']['key']}", {}
    else:
        subject = json.dumps(left, sort_keys=True)
    shown = "" if operator in ("==", "in") else f"{operator} "
    return f"{subject} {shown}{_value(right, names)}"


def _statement(statement: dict[str, Any], names: Names) -> str:
    """Return one statement of a rule; what is not known here is shown as it is, and so never equals a promise."""
    (kind, value), *more = statement.items()
    if kind == "match" and not more:
        return _match(value, names)
    if kind in ("accept", "drop") and value is None:
        return kind
    if kind == "reject" and value and set(value) == {"type", "expr"}:
        return f"reject with {value['type']} {value['expr']}"
    if kind == "limit" and set(value) == {"rate", "burst", "per"}:
        return f"limit rate {value['rate']}/{value['per']} burst {value['burst']}"
    if kind == "log" and set(value) == {"prefix"}:
        return f'log prefix "{value["prefix"]}"'
    return json.dumps(statement, sort_keys=True)


def said_rules(objects: Iterable[dict[str, Any]], users: Mapping[int, str]) -> list[str]:
    """Return a listing as lines: tables and chains first, then the rules of each chain in their order.

    Args:
        objects: the listing, without handles and counters; tables of others than azukari are shown as JSON.
        users: the host's accounts by number, for `skuid`.
    """
    heads: list[str] = []
    rules: dict[str, list[str]] = {}
    for one in objects:
        (kind, value), *_ = one.items()
        own = value.get("family") == "inet" and value.get("table", value.get("name")) == "azukari"
        if kind == "table" and own:
            heads.append("table inet azukari")
        elif kind == "chain" and own and {"type", "hook", "prio", "policy"} <= set(value):
            words = f"{value['type']} hook {value['hook']} priority {value['prio']} policy {value['policy']}"
            heads.append(f"chain {value['name']}: {words}")
        elif kind == "rule" and own:
            words = " ".join(_statement(statement, users) for statement in value["expr"])
            rules.setdefault(value["chain"], []).append(f"{value['chain']}: {words}")
        else:
            heads.append(f"{kind} {json.dumps(value, sort_keys=True)}")
    order = ["input", "forward", "output", *(chain for chain in rules if chain not in ("input", "forward", "output"))]
    return heads + [rule for chain in order for rule in rules.get(chain, [])]
