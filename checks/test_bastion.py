"""LEAK-13: administration goes through the bastion, whose jump account forwards SSH to declared hosts, and no more."""

import json

from azukari.ssh import reach
from azukari.verify import check, collector, fail_unless_equal, not_applicable, not_evaluated
from azukari.verify import ssh_attempts as attempts

SSH = 22
# Ports behind the bastion that must be shut to it: mail, web, proxy, database, application, recordings.
OTHER_PORTS = (25, 80, 443, 3128, 5432, 8000, 30344)
BEYOND = "192.0.2.1"  # RFC 5737: nobody's address
JUMP_MAY = {
    "allowagentforwarding": "no",
    "allowstreamlocalforwarding": "no",
    "allowtcpforwarding": "local",
    "disableforwarding": "no",
    "forcecommand": "/usr/sbin/nologin",
    "gatewayports": "no",
    "maxsessions": "0",
    "permitlisten": "none",
    "permittty": "no",
    "permittunnel": "no",
    "permituserrc": "no",
    "x11forwarding": "no",
}


def bastion_of(site):
    """Return the site's bastion."""
    return site.group("bastion")[0]


def addresses(host):
    """Return a host's addresses as text."""
    return [str(address) for address in (host.address, host.address6) if address]


# --- whose port 22 opens to whom --------------------------------------------------------------------------------------


HERE = "the machine that ran azukari"


@collector(proof="attempt", scope="site")
def doors(site, run):
    """Try port 22 of every host from outside, and from the controller, over IPv4 and IPv6."""
    hosts = [address for host in site.hosts.values() for address in addresses(host)]
    found = {HERE: open_addresses(hosts, None)}
    if run.outside.namespace is not None:  # else this machine is the vantage
        found["outside"] = open_addresses(hosts, run.outside.namespace)
    return found


def open_addresses(hosts, namespace):
    """Return the addresses of which port 22 is open."""
    return sorted(address for address, _port in reach.open_ports(reach.scan(hosts, [SSH], 1.5, namespace)))


CONNECT = """
import concurrent.futures, json, socket, sys
def opens(address):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as attempt:
        attempt.settimeout(1.5)
        try:
            attempt.connect((address, 22))
        except OSError:
            return False
        return True
with concurrent.futures.ThreadPoolExecutor(32) as pool:
    print(json.dumps([a for a, found in zip(sys.argv[1:], pool.map(opens, sys.argv[1:])) if found]))
"""


@collector(proof="attempt")
def doors_from_here(host, site):
    """Try port 22 of every other host from this one, as the audit account."""
    others = [address for one in site.hosts.values() if one.name != host.name for address in addresses(one)]
    answer = host.command(["python3", "-I", "-c", CONNECT, *others])
    if answer.exit_code:
        not_evaluated(f"nothing could be tried from {host.name}: {answer.stderr.strip()[-200:]}")
    return json.loads(answer.stdout)


@check("LEAK-13", proof="attempt", collect=[doors])
def test_ssh_is_shut_to_everybody_but_the_bastion(host, site, doors):
    """Port 22 of this host opens to the bastion alone; the bastion’s opens to declared places alone."""
    own = set(addresses(host.declared))
    is_bastion = host.name == bastion_of(site).name
    if is_bastion and "outside" not in doors:
        not_applicable("the flows let this machine in; whether they let in others shows from where no flow leads here")
    for vantage, found in doors.items():
        if is_bastion and vantage == HERE:
            continue  # the flows let the controller in; LEAK-01 judges that
        reached = sorted(own & set(found))
        assert not reached, (
            f"port 22 of {host.name} ({', '.join(reached)}) opens to {vantage}; promised is the bastion alone."
        )
    opened = doors[HERE]
    if not set(addresses(bastion_of(site))) & set(opened):
        not_evaluated("not even the bastion’s port 22 opened, so that a shut port shows nothing")


@check("LEAK-13", proof="attempt", collect=[doors_from_here], vantage="host")
def test_hosts_do_not_reach_each_other(host, site, doors_from_here):
    """No host but the bastion opens SSH to another host."""
    if host.name == bastion_of(site).name:
        others = {str(one.address) for one in site.hosts.values() if one.name != host.name}
        if not others & set(doors_from_here):
            not_evaluated("the bastion itself reaches no host, so that a shut port shows nothing")
        return "the bastion reaches the others, as declared"
    fail_unless_equal(
        found=set(doors_from_here),
        promised=set(),
        where=f"a connection from {host.name}",
        what="hosts that open port 22",
    )
    return f"{host.name} reaches no other host’s port 22"


# --- what the jump account gives --------------------------------------------------------------------------------------


@collector(proof="attempt", scope="site")
def jump(site, run):
    """Log in as the jump account and ask for everything."""
    forbidden = [(str(host.address), port) for host in site.hosts.values() for port in OTHER_PORTS]
    places = site.settings.places
    forbidden += [
        (str(address), SSH) for address in (places.controller[0].network_address, *addresses(bastion_of(site)))
    ]
    forbidden += [
        ("127.0.0.1", SSH),
        ("::1", SSH),
        ("localhost", SSH),
        ("127.0.0.1", 3128),
        (BEYOND, SSH),
        (BEYOND, 443),
    ]
    declared = [(str(host.address), SSH) for host in site.hosts.values() if host.name != bastion_of(site).name]
    return attempts.jump_session(site, run, forbidden, declared)


@check("LEAK-13", proof="attempt", hosts="bastion", collect=[jump], vantage="controller")
def test_the_jump_account_forwards_ssh_only(host, jump):
    """The jump account gives no command, shell, terminal or file, and forwards to port 22 of declared hosts alone."""
    allowed = [f"{one['what']} ({one['message']})" for one in jump["forbidden"] if one["allowed"]]
    assert not allowed, f"the jump account on {host.name} allowed: {'; '.join(allowed)}."
    shut = [one["what"] for one in jump["declared"] if not one["allowed"]]
    if shut and len(shut) == len(jump["declared"]):
        not_evaluated("it forwards nowhere at all, so that its refusals show nothing")
    assert not shut, f"the jump account on {host.name} does not forward to declared hosts: {'; '.join(shut)}."
    return f"{len(jump['forbidden'])} attempts refused, {len(jump['declared'])} declared hosts reached"


@check("LEAK-13", hosts="bastion", sections=["sshd"])
def test_the_jump_account_is_set_so(host, site):
    """The settings that a restart would load give the jump account forwards to declared hosts and nothing else."""
    declared = {
        f"[{address}]:{SSH}" if ":" in address else f"{address}:{SSH}"
        for one in site.hosts.values()
        if one.name != host.name
        for address in addresses(one)
    }
    for kind, answer in host.facts["sshd"]["kinds"].items():
        if answer["asked"]["user"] != "azukari-jump":
            continue
        settings, where = answer["settings"], f"`sshd -T -C user=azukari-jump` for “{kind}” on {host.name}"
        found = {name: settings.get(name) for name in JUMP_MAY}
        fail_unless_equal(found=found, promised=JUMP_MAY, where=where, what="the jump account")
        opens = set(settings.get("permitopen", "any").split())
        fail_unless_equal(found=opens, promised=declared, where=where, what="where it forwards to")


# --- no other door ----------------------------------------------------------------------------------------------------


@check("LEAK-13", sections=["units", "sockets"])
def test_no_other_door_to_ssh(host):
    """sshd listens on port 22 and nowhere else: on no local socket, and on none for the hypervisor."""
    listening = {(one["port"], one["protocol"]) for one in host.facts["sockets"] if one.get("process") == "sshd"}
    fail_unless_equal(
        found=listening, promised={(SSH, "tcp")}, where=f"`ss -tlnp` on {host.name}", what="ports on which sshd listens"
    )
    active = {
        name: unit.get("Listen", "")
        for name, unit in host.facts["units"]["loaded"].items()
        if name.startswith("ssh") and name.endswith(".socket") and unit.get("ActiveState") == "active"
    }
    fail_unless_equal(
        found=active, promised={}, where=f"`systemctl list-sockets` on {host.name}", what="sockets that start sshd"
    )
