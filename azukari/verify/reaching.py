"""Attempts to get into every host and out of it: who can reach what, from the vantage and from the host itself.

It collects and judges nothing; the checks of the role `firewall` judge.
"""

import json
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from azukari.site import Host, Site
from azukari.ssh.listener import listening
from azukari.ssh.reach import scan
from azukari.ssh.vantage import dial, inside
from azukari.verify.authoring import NotEvaluated, collector
from azukari.verify.host import CheckHost, RunContext

Protocol = Literal["tcp", "udp"]
Target = list[Any]  # [protocol, address, port], as JSON carries it

EPHEMERAL = 32768  # below net.ipv4.ip_local_port_range, kernel documentation ip-sysctl


# What an intruder tries first: administration, files, databases, caches, containers, printers, development servers.
USUAL_TCP = (
    21, 22, 23, 25, 53, 80, 110, 111, 123, 139, 143, 323, 389, 443, 445, 587, 631, 873, 1433, 2049, 2375, 3000, 3128,
    3306, 4460, 5000, 5432, 5900, 6379, 8000, 8080, 8443, 9000, 9100, 9200, 10050, 11211, 20514, 27017, 30344, 50000,
)  # fmt: skip
USUAL_UDP = (53, 67, 69, 111, 123, 137, 161, 323, 500, 514, 1194, 1900, 5353, 5355, 11211)
PATIENCE = 0.6  # seconds, twice for each silent port; the vantage is near, or waits longer than its round trip


def own_address(target: str, namespace: str | None) -> str | None:
    """Return the address from which this vantage speaks to a target, or None when it has no way there."""

    def ask() -> str:
        with socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.connect((target, 9))
            return str(one.getsockname()[0])

    try:
        return inside(namespace, ask)
    except OSError:
        return None


def addresses_of(declared: Host) -> list[str]:
    """Return a host's addresses, IPv4 first."""
    return [str(a) for a in (declared.address, declared.address6) if a]


BEHIND = ("controller", "auditor")


@collector(proof="attempt", scope="site")
def reached(site: Site, run: RunContext) -> dict[str, Any]:
    """Each usual, declared and listening port of every host, tried over IPv4 and IPv6 from the vantage."""
    sockets = [
        one
        for host in run.hosts.values()
        for one in host.known_facts.sections.get("sockets", {}).get("value") or []  # unanswered: the usual ports do
    ]
    usual: dict[Protocol, tuple[int, ...]] = {"tcp": USUAL_TCP, "udp": USUAL_UDP}
    ports = {
        protocol: set(known)
        | {flow.port for flow in site.resolved_flows if flow.protocol == protocol and flow.destinations}
        | {one["port"] for one in sockets if one["protocol"] == protocol and one["port"] < EPHEMERAL}
        for protocol, known in usual.items()
    }
    targets = [address for name in run.hosts for address in addresses_of(site.hosts[name])]
    own = {address: own_address(address, run.outside.namespace) for address in targets}
    there = [address for address in targets if own[address]]
    with ThreadPoolExecutor(max_workers=2) as pool:
        tries = [pool.submit(scan, there, ports[p], PATIENCE, run.outside.namespace, p) for p in usual]
        answers = [one for attempt in tries for one in attempt.result()]
    # Behind address translation, hosts may know this machine by the address that is declared for who sits at it.
    beside = [] if run.outside.namespace else [n.network_address for p in BEHIND for n in site.addresses(p)]
    return {
        "from": own,
        "beside": [str(address) for address in beside],
        "ports": {protocol: sorted(tried) for protocol, tried in ports.items()},
        "answers": [[one.address, one.protocol, one.port, one.state] for one in answers if one.state != "silent"],
    }


OUT_TCP = (25, 53, 80, 443, 8443)
OUT_UDP = (53, 123)

# Runs on the host, as the audit account: no file, no privilege, one connection or datagram a target.
ATTEMPT = """
import concurrent.futures, json, socket, sys
QUERY = bytes.fromhex("a2a20100000100000000000006617a756b61726904746573740000010001")
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


def ways_out(site: Site, name: str, own: Sequence[str]) -> tuple[list[Target], list[Target]]:
    """Return (undeclared targets, declared targets) of one host, as [protocol, address, port].

    Args:
        site: the declared site.
        name: the host.
        own: the vantage's addresses.
    """
    resolvers = [str(address) for address in site.upstream.resolvers] if site.upstream else []
    undeclared: list[Target] = [["tcp", address, port] for address in own for port in OUT_TCP]
    undeclared += [["udp", address, port] for address in own for port in OUT_UDP]
    undeclared += [[protocol, address, 53] for address in resolvers for protocol in ("udp", "tcp")]
    # The proxy and sshd are there on every site: where these cannot be reached, a refusal elsewhere proves nothing.
    declared: list[Target] = [
        ["tcp", str(network.network_address), flow.port]
        for flow in site.flows_out(name)
        if flow.protocol == "tcp" and flow.port in (22, 3128)
        for network in flow.destinations
        if network.num_addresses == 1
    ]
    return undeclared, declared[:4]


@collector(proof="attempt", scope="site")
def got_out(site: Site, run: RunContext) -> dict[str, Any]:
    """Connections, datagrams and name queries to places that no flow declares, tried on every host."""
    probes = [str(address) for address in site.settings.probe] if run.outside.namespace else []
    first = next(iter(site.hosts.values()))
    own = probes or [own for target in addresses_of(first) if (own := own_address(target, None))]

    def attempt(host: CheckHost) -> dict[str, Any]:
        undeclared, declared = ways_out(site, host.name, own)
        try:
            answer = host.command(
                ["python3", "-I", "-c", ATTEMPT, json.dumps(undeclared + declared)], seconds=20, fresh=True
            )
        except NotEvaluated as error:  # one host that does not answer leaves the others judged
            return {"error": str(error)}
        if answer.exit_code:
            return {"error": (answer.stderr.strip().splitlines() or ["no answer"])[-1]}
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
