"""LEAK-01, LEAK-02: only declared flows get in, and out; now, and after a reboot.

The rules that must be loaded are worked out here a second time from flows.yml; the role's template is never read.
"""

import ipaddress

from azukari.verify import check, collector, fail_unless_equal, not_evaluated
from azukari.verify.nft_words import one_or_set, said_rules
from azukari.verify.reaching import EPHEMERAL, addresses_of, got_out, reached

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
    if any(flow.port == 53 for flow in site.flows_in(site.group("bastion")[0])):
        rules += [
            f"skuid unbound {word} daddr {addresses} tcp dport 53 accept" for word, addresses in by_family(resolvers)
        ]
    return rules


def mail_rules(site):
    """Return the way out of mail: for Postfix's user alone, and never to the site's own hosts."""
    inside_the_site = [n for host in site.hosts for n in site.addresses(host)]
    refused = [f"skuid postfix {word} daddr {addresses} {REFUSED}" for word, addresses in by_family(inside_the_site)]
    return [*refused, "skuid postfix tcp dport 25 accept"]


def promised_rules(site, name):
    """Return the ruleset that flows.yml promises for a host, one line a rule, in order."""
    flows_in, leaving = site.flows_in(name), site.flows_out(name)
    flows_out = [f for f in leaving if not f.to_name.startswith("proxy:") and f.to_name != "visitors"]
    incoming = [rule for f in flows_in for rule in accepting("saddr", f.sources, f"{f.protocol} dport {f.port}")]
    answers = [
        rule for f in flows_in if f.port == 22 for rule in accepting("daddr", f.sources, "tcp sport 22 tcp flags ! syn")
    ]
    outgoing = [rule for f in flows_out for rule in accepting("daddr", f.destinations, f"{f.protocol} dport {f.port}")]
    if name == site.group("bastion")[0].name:
        outgoing += outside_rules(site)
    if any(f.to_name == "visitors" for f in leaving):
        outgoing += mail_rules(site)
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


# --- any server: is there a packet filter at all? ---------------------------------------------------------------------

OTHER_FILTERS = ("ufw.service", "firewalld.service", "netfilter-persistent.service")


def open_families(objects):
    """Return the families for which a packet that no rule speaks of is let in: `IPv4`, `IPv6`, both or none.

    Args:
        objects: nft's JSON listing; what iptables and ufw set stands in it too.
    """
    chains = [one["chain"] for one in objects if one.get("chain", {}).get("hook") == "input"]
    rules = [one["rule"] for one in objects if "rule" in one]

    def refuses(chain):
        own = [
            r
            for r in rules
            if all(r.get(k) == chain.get(k) for k in ("family", "table")) and r["chain"] == chain["name"]
        ]
        last = own[-1]["expr"] if own else []
        ends = (
            bool(last)
            and not any("match" in one for one in last)
            and any(k in one for one in last for k in ("drop", "reject"))
        )
        return chain.get("policy") == "drop" or ends

    shut = {chain["family"] for chain in chains if refuses(chain)}
    return [name for name, family in (("IPv4", "ip"), ("IPv6", "ip6")) if not {family, "inet"} & shut]


@collector()
def filters_at_boot(host):
    """Which other programs load a packet filter when the host starts."""
    answer = host.command(["systemctl", "is-enabled", *OTHER_FILTERS])
    return [unit for unit, state in zip(OTHER_FILTERS, answer.stdout.split(), strict=False) if state == "enabled"]


@check("LEAK-01", sections=["nftables", "nftables_boot", "sockets"], collect=[filters_at_boot], host_level=True)
def test_what_no_rule_lets_in_is_refused(host, filters_at_boot):
    """A packet filter refuses whatever no rule lets in, over IPv4 and IPv6, now and after a reboot."""
    listening = sorted({(one["protocol"], one["port"]) for one in host.facts["sockets"] if not on_loopback(one)})
    shown = ", ".join(f"{protocol} {port}" for protocol, port in listening[:12]) or "none"
    loaded, boot = host.facts["nftables"], host.facts["nftables_boot"]
    now = open_families(loaded["rules"]) if loaded["installed"] else ["IPv4", "IPv6"]
    assert not now, f"over {' and '.join(now)} every port can be reached; these listen: {shown}"
    if not filters_at_boot:
        enabled = boot["installed"] and boot["enabled"] == "enabled" and boot["rules"] is not None
        later = open_families(boot["rules"]) if enabled else ["IPv4", "IPv6"]
        assert not later, f"after a reboot every port can be reached over {' and '.join(later)}; these listen: {shown}"
    return f"refused unless a rule says otherwise; these listen: {shown}"


# --- who listens ------------------------------------------------------------------------------------------------------


def on_loopback(one):
    """Tell whether a socket can be reached from the host itself alone."""
    address = ipaddress.ip_address(one["address"])
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def undeclared_listeners(sockets, declared, proxy):
    """Return a sentence for each listener off the loopback that no flow leads to.

    Args:
        sockets: as the facts give them.
        declared: {(protocol, port)} of the flows into the host.
        proxy: whether the site's proxy runs here: it asks its resolvers from one open UDP port.
    """
    found = []
    for one in sockets:
        asking = proxy and one["protocol"] == "udp" and one.get("user") == "proxy" and one["port"] >= EPHEMERAL
        neighbours = one["protocol"] == "raw" and one.get("process") == "systemd-network"
        if on_loopback(one) or asking or neighbours or (one["protocol"], one["port"]) in declared:
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


def way_in_findings(site, name, reached):
    """Return (findings, whether any packet can have arrived) of the attempts at one host.

    Args:
        site: the declared site.
        name: the host.
        reached: as collected.
    """
    findings, arrived = [], False
    for address in addresses_of(site.hosts[name]):
        own = reached["from"].get(address)
        if own is None:
            continue
        sources = [ipaddress.ip_address(own), *(ipaddress.ip_address(a) for a in reached["beside"])]
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
    findings, arrived = way_in_findings(site, host.name, reached)
    if not arrived:
        not_evaluated(f"the vantage {run.outside.name} has no way to {host.name}")
    assert not findings, f"{'; '.join(findings)}. Where to look: `nft list ruleset` on {host.name}, flows.yml."
    tried = sum(len(ports) for ports in reached["ports"].values())
    return f"{tried} ports tried over each family; only the declared ones answered"


# --- attempts to get out ----------------------------------------------------------------------------------------------


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
