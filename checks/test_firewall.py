"""LEAK-01, LEAK-02: only declared flows get in, and out; now, and after a reboot.

The rules that must be loaded are worked out here a second time from flows.yml; the role's template is never read.
"""

import ipaddress
import json
import socket
from concurrent.futures import ThreadPoolExecutor

from azukari.errors import AzukariError
from azukari.ssh.listener import listening
from azukari.ssh.reach import scan
from azukari.ssh.vantage import dial, inside
from azukari.verify import check, collector, fail_unless_equal, not_evaluated
from azukari.verify.nft_words import one_or_set, said_rules

# --- what the declared flows mean as rules ----------------------------------------------------------------------------

LIMIT = "limit rate 6/minute burst 10"
NEIGHBOURS = "ip6 hoplimit 255 icmpv6 type {nd-neighbor-advert, nd-neighbor-solicit} accept"
REFUSED = "reject with icmpx admin-prohibited"


def by_family(networks):
    """Return [(nft's word for the family, "{a, b}" or "a")] of some networks, IPv4 first."""
    found = []
    for word, version in (("ip", 4), ("ip6", 6)):
        own = [str(n.network_address) if n.num_addresses == 1 else str(n) for n in networks if n.version == version]
        if own:
            found.append((word, one_or_set(own)))
    return found


def accepting(side, networks, rest):
    """Return the rules that accept from (`saddr`) or to (`daddr`) some networks; everybody needs no address."""
    if {str(n) for n in networks} == {"0.0.0.0/0", "::/0"}:
        return [f"{rest} accept"]
    return [f"{word} {side} {addresses} {rest} accept" for word, addresses in by_family(networks)]


def outside_rules(site):
    """Return the proxy's way out: its resolvers, never the site's own hosts, the web; and of the clock, if declared."""
    rules, inside_the_site = [], [n for host in site.hosts for n in site.addresses(host)]
    resolvers = [ipaddress.ip_network(address) for address in site.upstream.resolvers]
    users = ["proxy", "_chrony"] if site.upstream.time else ["proxy"]
    for user in users:
        for word, addresses in by_family(resolvers):
            rules += [
                f"skuid {user} {word} daddr {addresses} {protocol} dport 53 accept" for protocol in ("udp", "tcp")
            ]
        rules += [f"skuid {user} {word} daddr {addresses} {REFUSED}" for word, addresses in by_family(inside_the_site)]
    rules.append("skuid proxy tcp dport {443, 80} accept")
    if site.upstream.time:
        rules += ["skuid _chrony tcp dport 4460 accept", "skuid _chrony udp dport 123 accept"]
    return rules


def promised_rules(site, name):
    """Return the ruleset that flows.yml promises for a host, one line a rule, in order."""
    flows_in, flows_out = site.flows_in(name), [f for f in site.flows_out(name) if not f.to_name.startswith("proxy:")]
    incoming = [rule for f in flows_in for rule in accepting("saddr", f.sources, f"{f.protocol} dport {f.port}")]
    answers = [
        rule for f in flows_in if f.port == 22 for rule in accepting("daddr", f.sources, "tcp sport 22 tcp flags ! syn")
    ]
    outgoing = [rule for f in flows_out for rule in accepting("daddr", f.destinations, f"{f.protocol} dport {f.port}")]
    if name == site.group("bastion")[0].name:
        outgoing += outside_rules(site)
    tracked = "ct state {established, related} accept"
    chains = {
        "input": [tracked, "iif lo accept", NEIGHBOURS, *incoming, f'{LIMIT} log prefix "azukari refused in: "'],
        "forward": [],
        "output": [
            tracked, "oif lo accept", NEIGHBOURS, "ip6 hoplimit 1 icmpv6 type mld2-listener-report accept",
            *answers, *outgoing, f'{LIMIT} log prefix "azukari refused out: "', REFUSED,
        ],
    }  # fmt: skip
    heads = [f"chain {chain}: filter hook {chain} priority 0 policy drop" for chain in chains]
    return ["table inet azukari", *heads, *(f"{chain}: {rule}" for chain, rules in chains.items() for rule in rules)]


# --- the rules that are there -----------------------------------------------------------------------------------------


def rules_equal(found, promised, where):
    """Fail unless both lists are the same, in the same order; the message names the difference in words."""
    fail_unless_equal(found=set(found), promised=set(promised), where=where, what="rules")
    for there, meant in zip(found, promised, strict=False):
        assert there == meant, (
            f"the order of the rules differs: “{there}” stands where “{meant}” belongs. Where to look: {where}."
        )
    assert len(found) == len(promised), f"a rule stands there more than once. Where to look: {where}."


def users_of(host):
    """Return the host's accounts by number."""
    return {user["uid"]: user["name"] for user in host.facts["users"]["users"]}


@check("LEAK-01", sections=["nftables", "users"])
def test_loaded_rules_are_the_declared_flows(host, site):
    """The ruleset that is loaded now is exactly the one that flows.yml declares."""
    loaded = host.facts["nftables"]
    assert loaded["installed"], f"nftables is not installed on {host.name}"
    promised = promised_rules(site, host.name)
    rules_equal(said_rules(loaded["rules"], users_of(host)), promised, f"`nft list ruleset` on {host.name}")
    return f"{len(promised)} lines of rules, all of them declared, none missing"


UNIT_FILES = {
    "/usr/lib/systemd/system/nftables.service",
    "/etc/systemd/system/nftables.service.d/azukari.conf",
}


@check("LEAK-01", sections=["nftables_boot", "users"])
def test_a_reboot_loads_the_same_rules(host, site):
    """What a reboot would load is exactly the same ruleset."""
    boot = host.facts["nftables_boot"]
    assert boot["installed"], f"nftables is not installed on {host.name}"
    assert boot["enabled"] == "enabled", f"nftables.service is {boot['enabled']}: a reboot loads no rules at all"
    assert boot["error"] is None, f"a reboot cannot load the rules: {boot['error']}"
    where = f"/etc/nftables.conf on {host.name}"
    rules_equal(said_rules(boot["rules"], users_of(host)), promised_rules(site, host.name), where)
    fail_unless_equal(
        found={one["path"] for one in boot["unit_files"]}, promised=UNIT_FILES,
        where=f"systemctl cat nftables.service on {host.name}", what="files of nftables.service",
    )  # fmt: skip
    commands = [
        line.strip()
        for one in boot["unit_files"]
        for line in one["text"].splitlines()
        if line.startswith("Exec") and not line.startswith(("ExecReload", "ExecStop=/usr/sbin/nft flush"))
    ]
    fail_unless_equal(
        found=commands, promised=["ExecStop=", "ExecStart=/usr/sbin/nft -f /etc/nftables.conf"],
        where=f"systemctl cat nftables.service on {host.name}", what="commands of nftables.service",
    )  # fmt: skip
    return "nftables.service is enabled and would load the declared ruleset"


# --- who listens ------------------------------------------------------------------------------------------------------

EPHEMERAL = 32768  # below net.ipv4.ip_local_port_range, kernel documentation ip-sysctl


def undeclared_listeners(sockets, declared, proxy):
    """Return a sentence for each listener off the loopback that no flow leads to.

    Args:
        sockets: as the facts give them.
        declared: {(protocol, port)} of the flows into the host.
        proxy: whether the site's proxy runs here: it asks its resolvers from one open UDP port.
    """
    found = []
    for one in sockets:
        address = ipaddress.ip_address(one["address"])
        address = getattr(address, "ipv4_mapped", None) or address
        asking = proxy and one["protocol"] == "udp" and one.get("user") == "proxy" and one["port"] >= EPHEMERAL
        neighbours = one["protocol"] == "raw" and one.get("process") == "systemd-network"
        if address.is_loopback or asking or neighbours or (one["protocol"], one["port"]) in declared:
            continue
        owner = f"{one.get('process')} (user {one.get('user')}, {one.get('unit')})" if "pid" in one else "a program"
        found.append(
            f"{owner} listens at {one['protocol']} {one['address']} port {one['port']}, which no flow declares"
        )
    return sorted(set(found))


@check("LEAK-01", sections=["sockets"])
def test_only_declared_ports_listen(host, site):
    """Every program that listens off the loopback is the end of a declared flow."""
    declared = {(flow.protocol, flow.port) for flow in site.flows_in(host.name)}
    proxy = host.name == site.group("bastion")[0].name
    found = undeclared_listeners(host.facts["sockets"], declared, proxy)
    assert not found, f"{'; '.join(found)}. Where to look: `ss -tulpn` on {host.name}."
    return f"{len(host.facts['sockets'])} sockets, each declared or on the loopback"


# --- attempts to get in -----------------------------------------------------------------------------------------------

# What an intruder tries first: administration, files, databases, caches, containers, printers, development servers.
USUAL_TCP = (
    21, 22, 23, 25, 53, 80, 110, 111, 123, 139, 143, 323, 389, 443, 445, 587, 631, 873, 1433, 2049, 2375, 3000, 3128,
    3306, 4460, 5000, 5432, 5900, 6379, 8000, 8080, 8443, 9000, 9100, 9200, 10050, 11211, 20514, 27017, 30344, 50000,
)  # fmt: skip
USUAL_UDP = (53, 67, 69, 111, 123, 137, 161, 323, 500, 514, 1194, 1900, 5353, 5355, 11211)
PATIENCE = 0.6  # seconds, twice for each silent port; the vantage is near, or waits longer than its round trip


def own_address(target, namespace):
    """Return the address from which this vantage speaks to a target, or None when it has no way there."""

    def ask():
        with socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.connect((target, 9))
            return one.getsockname()[0]

    try:
        return inside(namespace, ask)
    except OSError:
        return None


def addresses_of(declared):
    """Return a host's addresses, IPv4 first."""
    return [str(a) for a in (declared.address, declared.address6) if a]


@collector(proof="attempt", scope="site")
def reached(site, run):
    """Each usual, declared and listening port of every host, tried over IPv4 and IPv6 from the vantage."""
    sockets = [
        one for host in run.hosts.values() if not host.unreachable for one in host.known_facts.get("sockets") or []
    ]
    ports = {
        protocol: set(usual)
        | {flow.port for flow in site.resolved_flows if flow.protocol == protocol and flow.destinations}
        | {one["port"] for one in sockets if one["protocol"] == protocol and one["port"] < EPHEMERAL}
        for protocol, usual in (("tcp", USUAL_TCP), ("udp", USUAL_UDP))
    }
    targets = [address for name in run.hosts for address in addresses_of(site.hosts[name])]
    own = {address: own_address(address, run.outside.namespace) for address in targets}
    there = [address for address in targets if own[address]]
    with ThreadPoolExecutor(max_workers=2) as pool:
        tries = [pool.submit(scan, there, ports[p], PATIENCE, run.outside.namespace, p) for p in ("tcp", "udp")]
        answers = [one for attempt in tries for one in attempt.result()]
    return {
        "from": own,
        "ports": {protocol: sorted(tried) for protocol, tried in ports.items()},
        "answers": [[one.address, one.protocol, one.port, one.state] for one in answers if one.state != "silent"],
    }


def way_in_findings(site, name, reached, beside=()):
    """Return (findings, whether any packet can have arrived) of the attempts at one host.

    Args:
        site: the declared site.
        name: the host.
        reached: as collected.
        beside: more addresses by which this vantage may be known to the host, behind address translation.
    """
    findings, arrived = [], False
    for address in addresses_of(site.hosts[name]):
        own = reached["from"].get(address)
        if own is None:
            continue
        sources = [ipaddress.ip_address(own), *(ipaddress.ip_address(a) for a in beside)]
        allowed = {
            (flow.protocol, flow.port)
            for flow in site.flows_in(name)
            if any(source in network for source in sources for network in flow.sources)
        }
        answers = {(p, port): state for where, p, port, state in reached["answers"] if where == address}
        if answers and all(state == "unreachable" for state in answers.values()):
            continue  # no neighbour of that address: nothing was proven
        arrived = True
        for (protocol, port), state in sorted(answers.items()):
            if state != "unreachable" and (protocol, port) not in allowed:
                findings.append(f"{protocol} {port} at {address} is {state}: no flow lets a packet from {own} in there")
        findings += [
            f"tcp {port} at {address} is silent from {own}, though a flow declares it"
            for protocol, port in sorted(allowed)
            if protocol == "tcp" and answers.get((protocol, port)) not in ("open", "closed")
        ]
    return findings, arrived


@check("LEAK-01", proof="attempt", collect=[reached])
def test_only_declared_flows_get_in(host, site, reached, run):
    """From outside, exactly the declared ports answer, over IPv4 and IPv6."""
    beside = (
        []
        if run.outside.namespace
        else [n.network_address for p in ("controller", "auditor") for n in site.addresses(p)]
    )
    findings, arrived = way_in_findings(site, host.name, reached, beside)
    if not arrived:
        not_evaluated(f"the vantage {run.outside.name} has no way to {host.name}")
    assert not findings, f"{'; '.join(findings)}. Where to look: `nft list ruleset` on {host.name}, flows.yml."
    tried = sum(len(ports) for ports in reached["ports"].values())
    return f"{tried} ports tried over each family; only the declared ones answered"


# --- attempts to get out ----------------------------------------------------------------------------------------------

OUT_TCP = (25, 53, 80, 443, 8443)
OUT_UDP = (53, 123)

# Runs on the host, as the audit account: no file, no privilege, one connection or datagram a target.
ATTEMPT = """
import concurrent.futures, json, socket, sys
QUERY = bytes.fromhex("a2a20100000100000000000006617a756b617269047465737400000100 01".replace(" ", ""))
def attempt(target):
    protocol, address, port = target
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as one:
        one.settimeout(1.2)
        try:
            one.connect((address, port))
            if protocol == "udp":
                one.send(QUERY)
                one.recv(512)
            return "answered"
        except TimeoutError:
            return "silent"
        except OSError as error:
            return error.strerror or str(error)
targets = json.loads(sys.argv[1])
with concurrent.futures.ThreadPoolExecutor(32) as pool:
    print(json.dumps(list(zip(targets, pool.map(attempt, targets)))))
"""


def ways_out(site, name, own):
    """Return (undeclared targets, declared targets) of one host, as [protocol, address, port].

    Args:
        site: the declared site.
        name: the host.
        own: the vantage's addresses.
    """
    resolvers = [str(address) for address in site.upstream.resolvers]
    undeclared = [["tcp", address, port] for address in own for port in OUT_TCP]
    undeclared += [["udp", address, port] for address in own for port in OUT_UDP]
    undeclared += [[protocol, address, 53] for address in resolvers for protocol in ("udp", "tcp")]
    # The proxy and sshd are there on every site: where these cannot be reached, a refusal elsewhere proves nothing.
    declared = [
        ["tcp", str(network.network_address), flow.port]
        for flow in site.flows_out(name)
        if flow.protocol == "tcp" and flow.port in (22, 3128)
        for network in flow.destinations
        if network.num_addresses == 1
    ]
    return undeclared, declared[:4]


@collector(proof="attempt", scope="site")
def got_out(site, run):
    """Connections, datagrams and name queries to places that no flow declares, tried on every host."""
    probes = [str(address) for address in site.settings.probe] if run.outside.namespace else []
    first = next(iter(site.hosts.values()))
    own = probes or [a for a in map(lambda target: own_address(target, None), addresses_of(first)) if a]  # noqa: C417

    def attempt(host):
        undeclared, declared = ways_out(site, host.name, own)
        try:
            answer = host.command(
                ["python3", "-I", "-c", ATTEMPT, json.dumps(undeclared + declared)], seconds=20, fresh=True
            )
        except AzukariError as error:
            return {"error": str(error)}
        if answer.exit_code:
            return {"error": answer.stderr.strip().splitlines()[-1] if answer.stderr.strip() else "no answer"}
        said = json.loads(answer.stdout)
        return {"undeclared": said[: len(undeclared)], "declared": said[len(undeclared) :]}

    with listening(own, OUT_TCP, OUT_UDP, run.outside.namespace) as state:
        port = min(port for protocol, port in state.ports if protocol == "tcp")
        dial(own[0], port, 2, run.outside.namespace).close()  # a listener that nobody can hear proves nothing
        asked = [host for host in run.hosts.values() if not host.unreachable]
        with ThreadPoolExecutor(max_workers=max(1, len(asked))) as pool:
            found = dict(zip([host.name for host in asked], pool.map(attempt, asked), strict=True))
    heard = sorted([one.sender, one.protocol, one.port] for one in state.heard)
    return {"at": own, "hosts": found, "heard": heard}


def way_out_findings(site, name, got_out):
    """Return a sentence for each undeclared place that a host reached, by its own word and by the listener's."""
    own = addresses_of(site.hosts[name])
    tried = got_out["hosts"][name]
    findings = {
        f"{protocol} {port} at {address} could be reached"
        for (protocol, address, port), outcome in tried["undeclared"]
        if outcome in ("answered", "Connection refused")  # a refusal came back: the packet had got out
    }
    heard = {
        f"{protocol} {port} at the vantage was reached" for sender, protocol, port in got_out["heard"] if sender in own
    }
    return sorted(findings | heard)


@check("LEAK-02", proof="attempt", vantage="host", collect=[got_out])
def test_nothing_undeclared_gets_out(host, site, got_out):
    """From the host, connections, datagrams and name queries to undeclared places are refused."""
    tried = got_out["hosts"].get(host.name, {"error": host.unreachable or "it was not asked"})
    if "error" in tried:
        not_evaluated(f"nothing could be tried on {host.name}: {tried['error']}")
    findings = way_out_findings(site, host.name, got_out)
    assert not findings, (
        f"{'; '.join(findings)}. Where to look: chain output in `nft list ruleset` on {host.name}, flows.yml."
    )
    if not any(outcome == "answered" for _, outcome in tried["declared"]):
        not_evaluated(f"not even a declared connection left {host.name}, so that a refusal proves nothing")
    return f"{len(tried['undeclared'])} ways out tried and refused; the declared ones work"
