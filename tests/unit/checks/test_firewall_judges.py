"""The judges of LEAK-01 and LEAK-02, with answers that a lab's hosts gave."""

import copy
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotEvaluated
from azukari.verify.nft_words import said_rules
from checks import test_firewall as judged

ANSWERS = Path(__file__).parent / "answers"


@pytest.fixture(scope="module")
def site(lab_site):
    return lab_site


def recorded(name):
    return json.loads((ANSWERS / f"nft-{name}.json").read_text())


ACCOUNTS = {13: "proxy", 101: "unbound", 102: "postfix"}


def host(name, rules, **more):
    facts = {
        "users": {"users": [{"uid": uid, "name": name} for uid, name in ACCOUNTS.items()]},
        "nftables": {"installed": True, "rules": rules},
        "sockets": [],
        **more,
    }
    return SimpleNamespace(name=name, facts=facts, unreachable="")


@pytest.mark.parametrize("name", ["web", "bastion", "mail"])
def test_what_a_provisioned_host_says_is_what_the_flows_promise(site, name):
    assert said_rules(recorded(name), ACCOUNTS) == judged.promised_rules(site, name)
    said = judged.test_loaded_rules_are_the_declared_flows(host(name, recorded(name)), site)
    assert "none missing" in said


def rule(chain, *statements):
    return {"rule": {"family": "inet", "table": "azukari", "chain": chain, "expr": list(statements)}}


def dport(port, field="dport"):
    return {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": field}}, "right": port}}


ACCEPT = {"accept": None}


def changed(change):
    objects = copy.deepcopy(recorded("web"))
    change(objects)
    return objects


def first_rule(objects, chain):
    return next(i for i, one in enumerate(objects) if one.get("rule", {}).get("chain") == chain)


def swap(objects):
    first = first_rule(objects, "output")
    objects[first], objects[first + 1] = objects[first + 1], objects[first]


WRONG = {
    "flushed": list.clear,
    "one port more": lambda o: o.append(rule("input", dport(8088), ACCEPT)),
    "a rule without any condition": lambda o: o.insert(first_rule(o, "input"), rule("input", ACCEPT)),
    "a rule twice": lambda o: o.append(copy.deepcopy(o[-1])),
    "a rule missing": lambda o: o.pop(first_rule(o, "input") + 3),
    "another order": swap,
    "policy accept": lambda o: o[1]["chain"].update(policy="accept"),
    "another table": lambda o: o.append({"table": {"family": "ip", "name": "nat"}}),
    "a set that a rule could use": lambda o: o.append({"set": {"family": "inet", "table": "azukari", "name": "s"}}),
    "source port for destination port": lambda o: o.append(rule("input", dport(80, "sport"), ACCEPT)),
    "a jump": lambda o: o.append(rule("input", {"jump": {"target": "elsewhere"}})),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_any_other_ruleset_is_found(site, change):
    with pytest.raises(AssertionError):
        judged.test_loaded_rules_are_the_declared_flows(host("web", changed(change)), site)


def boot(**more):
    stock = (
        "[Service]\nExecStart=/usr/sbin/nft -f /etc/nftables.conf\nExecReload=x\nExecStop=/usr/sbin/nft flush ruleset\n"
    )
    files = [
        {"path": "/etc/systemd/system/nftables.service.d/azukari.conf", "text": "[Service]\nExecStop=\n"},
        {"path": "/usr/lib/systemd/system/nftables.service", "text": stock},
    ]
    return {
        "installed": True,
        "enabled": "enabled",
        "error": None,
        "rules": recorded("web"),
        "unit_files": files,
        **more,
    }


def test_a_reboot_that_loads_the_same_holds(site):
    judged.test_a_reboot_loads_the_same_rules(host("web", [], nftables_boot=boot()), site)


OVERRIDE = {
    "path": "/etc/systemd/system/nftables.service.d/zz.conf",
    "text": "[Service]\nExecStart=\nExecStart=/bin/true\n",
}
OWN = "/etc/systemd/system/nftables.service.d/azukari.conf"
OVERWRITTEN = {"path": OWN, "text": "[Service]\nExecStart=\nExecStart=/bin/true\n"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"enabled": "disabled"},
        {"enabled": "masked"},
        {"error": "syntax error", "rules": None},
        {"rules": []},
        {"unit_files": [*boot()["unit_files"], OVERRIDE]},
        {"unit_files": [OVERWRITTEN, boot()["unit_files"][1]]},
        {"unit_files": boot()["unit_files"][1:]},
    ],
    ids=["disabled", "masked", "bad file", "empty file", "drop-in", "own drop-in changed", "own drop-in gone"],
)
def test_a_reboot_that_loads_something_else_is_found(site, wrong):
    with pytest.raises(AssertionError):
        judged.test_a_reboot_loads_the_same_rules(host("web", [], nftables_boot=boot(**wrong)), site)


EVERYWHERE = "0.0.0.0"


def listener(address, port, protocol="tcp", **more):
    return {
        "protocol": protocol,
        "address": address,
        "port": port,
        "pid": 1,
        "process": "x",
        "user": "u",
        "unit": "v",
        **more,
    }


@pytest.mark.parametrize(
    ("socket", "found"),
    [
        (listener(EVERYWHERE, 443), False),
        (listener("::", 22), False),
        (listener("127.0.0.1", 8088), False),
        (listener("::1", 8088), False),
        (listener("::ffff:127.0.0.1", 8088), False),
        (listener(EVERYWHERE, 8088), True),
        (listener("198.18.64.11", 8088), True),
        (listener("::", 443, "udp"), True),
        (listener(EVERYWHERE, 40000, "udp", user="proxy"), True),
        ({"protocol": "tcp", "address": "::", "port": 8088}, True),
    ],
)
def test_a_listener_without_a_flow_is_found(site, socket, found):
    there = host("web", [], sockets=[socket])
    if found:
        with pytest.raises(AssertionError, match=str(socket["port"])):
            judged.test_only_declared_ports_listen(there, site)
    else:
        judged.test_only_declared_ports_listen(there, site)


def test_the_proxy_may_await_its_resolvers(site):
    waiting = listener(EVERYWHERE, 40000, "udp", user="proxy")
    judged.test_only_declared_ports_listen(host("bastion", [], sockets=[waiting]), site)
    with pytest.raises(AssertionError):
        judged.test_only_declared_ports_listen(host("bastion", [], sockets=[{**waiting, "port": 54}]), site)


WEB4, WEB6, OUTSIDE4, OUTSIDE6 = "198.18.64.11", "2001:2:0:64::11", "198.18.64.250", "2001:2:0:64::250"
OPEN = [[address, "tcp", port, "open"] for address in (WEB4, WEB6) for port in (80, 443)]


def attempt(*answers, own4=OUTSIDE4, own6=OUTSIDE6):
    ports = {"tcp": [22, 80, 443], "udp": [53]}
    return {"from": {WEB4: own4, WEB6: own6}, "beside": [], "ports": ports, "answers": list(answers)}


def get_in(site, reached):
    run = SimpleNamespace(outside=SimpleNamespace(name="outside"))
    return judged.test_only_declared_flows_get_in(host("web", []), site, reached, run)


def test_the_declared_ports_and_no_others_answer(site):
    assert "only the declared" in get_in(site, attempt(*OPEN))


@pytest.mark.parametrize(
    "answers",
    [
        [*OPEN, [WEB4, "tcp", 22, "open"]],
        [*OPEN, [WEB6, "tcp", 22, "open"]],
        [*OPEN, [WEB4, "tcp", 8088, "closed"]],
        [*OPEN, [WEB6, "udp", 53, "closed"]],
        OPEN[:3],
    ],
    ids=["ssh", "ssh over IPv6", "a refusal", "a refusal over UDP", "a declared port that is silent"],
)
def test_any_other_answer_is_found(site, answers):
    with pytest.raises(AssertionError):
        get_in(site, attempt(*answers))


def test_the_bastion_may_be_spoken_to_by_the_controller_alone(site):
    ssh = [["198.18.64.10", "tcp", 22, "open"]]
    judge = judged.way_in_findings
    from_controller = {"from": {"198.18.64.10": "198.18.64.1"}, "beside": [], "answers": ssh, "ports": {}}
    from_elsewhere = {"from": {"198.18.64.10": OUTSIDE4}, "beside": [], "answers": ssh, "ports": {}}
    assert judge(site, "bastion", from_controller) == ([], True)
    assert judge(site, "bastion", from_elsewhere)[0]
    assert judge(site, "bastion", {**from_elsewhere, "beside": ["198.18.64.1"]}) == ([], True)


def test_a_vantage_without_a_way_proves_nothing(site):
    for nothing in (attempt(own4=None, own6=None), attempt([WEB4, "tcp", 22, "unreachable"], own6=None)):
        with pytest.raises(NotEvaluated):
            get_in(site, nothing)


def out(undeclared="No route to host", declared="answered", heard=()):
    tried = {
        "undeclared": [[["tcp", OUTSIDE4, 443], undeclared], [["udp", "192.0.2.53", 53], "silent"]],
        "declared": [[["tcp", "198.18.64.10", 3128], declared]],
    }
    return {"at": [OUTSIDE4], "hosts": {"web": tried}, "heard": list(heard)}


def test_refused_ways_out_hold(site):
    assert "refused" in judged.test_nothing_undeclared_gets_out(host("web", []), site, out())


@pytest.mark.parametrize(
    "found",
    [out("answered"), out("Connection refused"), out(heard=[[WEB4, "tcp", 443]])],
    ids=["answered", "refused there", "heard"],
)
def test_a_way_out_is_found(site, found):
    with pytest.raises(AssertionError, match="443"):
        judged.test_nothing_undeclared_gets_out(host("web", []), site, found)


def test_a_refusal_proves_nothing_where_nothing_gets_out_at_all(site):
    for nothing in (
        out(declared="silent"),
        {**out(), "hosts": {"web": {"error": "no python"}}},
        {**out(), "hosts": {}},
    ):
        with pytest.raises(NotEvaluated):
            judged.test_nothing_undeclared_gets_out(host("web", []), site, nothing)


def chain(family="inet", policy="drop", hook="input"):
    return {"chain": {"family": family, "table": "t", "name": "c", "type": "filter", "hook": hook, "policy": policy}}


def ending(*statements, family="inet"):
    return {"rule": {"family": family, "table": "t", "chain": "c", "expr": list(statements)}}


@pytest.mark.parametrize(
    ("objects", "families"),
    [
        ([], ["IPv4", "IPv6"]),
        ([chain()], []),
        ([chain(policy="accept")], ["IPv4", "IPv6"]),
        ([chain("ip")], ["IPv6"]),  # who filters IPv4 alone is open over IPv6
        ([chain("ip"), chain("ip6")], []),
        ([chain(policy="accept"), ending(dport(22), ACCEPT), ending({"drop": None})], []),
        ([chain(policy="accept"), ending({"counter": None}, {"reject": None})], []),
        ([chain(policy="accept"), ending({"drop": None}), ending(dport(22), ACCEPT)], ["IPv4", "IPv6"]),
        ([chain(policy="accept"), ending(dport(22), {"drop": None})], ["IPv4", "IPv6"]),
        ([chain(hook="forward")], ["IPv4", "IPv6"]),
    ],
)
def test_a_server_is_open_unless_its_input_refuses(objects, families):
    assert judged.open_families(objects) == families


def judge_any_server(elsewhere=(), loaded=(), **boot):
    at_boot = {"installed": True, "enabled": "enabled", "rules": list(loaded), **boot}
    facts = {"nftables": {"installed": True, "rules": list(loaded)}, "nftables_boot": at_boot}
    there = SimpleNamespace(
        name="x", facts={**facts, "sockets": [listener(EVERYWHERE, 3306), listener("127.0.0.1", 9)]}
    )
    return judged.test_what_no_rule_lets_in_is_refused(there, list(elsewhere))


def test_any_server_with_a_filter_now_and_at_boot_holds():
    assert "tcp 3306" in judge_any_server(loaded=[chain()])
    assert judge_any_server(["ufw.service"], [chain("ip"), chain("ip6")], enabled="disabled", rules=None)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"elsewhere": ["ufw.service"]},
        {"loaded": [chain("ip")]},
        {"loaded": [chain()], "enabled": "disabled"},
        {"loaded": [chain()], "rules": []},
        {"loaded": [chain()], "rules": None},
    ],
    ids=["no rules", "a program without rules", "IPv4 alone", "not at boot", "none at boot", "bad file at boot"],
)
def test_any_server_that_is_open_is_told_which_ports_listen(wrong):
    with pytest.raises(AssertionError, match="tcp 3306"):
        judge_any_server(**wrong)
