"""LEAK-02: names outside are answered to the declared hosts alone, by asking the declared resolvers, and noted nowhere.

Web servers are answered for names of the reverse tree alone. That no other host reaches it is tried by the
firewall's checks; this looks at what it would do for whoever did.
"""

from azukari.verify import check, collector, fail_unless_equal, not_applicable, not_evaluated
from azukari.verify.systemd import moment, shown

FILE, UNIT, PORT = "/etc/unbound/unbound.conf", "unbound.service", 53
STARTED = "argv[]=/usr/sbin/unbound -d -p -c /etc/unbound/unbound.conf ;"
# All that it is set to, but for who asks, where, and whom it asks.
SERVER = """
directory: "/etc/unbound"
chroot: ""
username: ""
pidfile: ""
num-threads: 1
port: 53
module-config: "iterator"
tcp-upstream: yes
use-syslog: yes
log-queries: no
log-replies: no
log-servfail: no
hide-identity: yes
hide-version: yes
cache-max-ttl: 3600
msg-cache-size: 4m
rrset-cache-size: 8m
access-control: 0.0.0.0/0 refuse
access-control: ::/0 refuse
"""
# A web server asks for its visitors' domains, which are names of the reverse tree; by any other name it could send out
# what it likes to whoever answers for it.
REVERSE = """
name: "reverse"
view-first: no
local-zone: "." refuse
local-zone: "in-addr.arpa." transparent
local-zone: "ip6.arpa." transparent
"""


def asking(site, group=""):
    """Return the addresses that flows.yml lets ask the bastion for names, those of a group; none: no resolver."""
    bastion = site.group("bastion")[0].name
    names = {host.name for host in site.group(group)} if group else set(site.hosts)
    flows = [f for f in site.flows_in(bastion) if f.port == PORT and f.source_name in names]
    return list(dict.fromkeys(str(n) for f in flows for n in f.sources))


def settings(text):
    """Return the settings of a file of unbound's, each “clause: name: value”, sorted; a clause has no value itself."""
    found, clause = [], ""
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == 1 and words[0].endswith(":"):
            clause = words[0]
        if words:
            found.append(" ".join(words if words == [clause] else [clause, *words]))
    return sorted(found)


def promised_settings(site):
    """Return all settings, as `settings` gives them."""
    bastion, reverse = site.group("bastion")[0], asking(site, "web")
    lines = ["server:", SERVER]
    lines += [f"interface: {a}" for a in (bastion.address, bastion.address6) if a]
    lines += [f"access-control: {client} allow" for client in asking(site)]
    lines += [f"access-control-view: {client} reverse" for client in reverse]
    lines += ['local-zone: "test." nodefault'] if site.lab else []
    lines += [f"private-address: {a}" for h in site.hosts.values() for a in (h.address, h.address6) if a]
    lines += ["view:", REVERSE] if reverse else []
    lines += ["remote-control:", "control-enable: no", "forward-zone:", 'name: "."']
    lines += [f"forward-addr: {resolver}" for resolver in site.upstream.resolvers]
    return settings("\n".join(lines))


@collector()
def resolver_settings(host):
    """The resolver's file, when it last changed, and what systemd says of the service."""
    text, changed = host.command(["cat", FILE]), host.command(["stat", "--format=%Z", FILE])
    unit = shown(host, "Id,ActiveState,UnitFileState,ActiveEnterTimestamp,ExecStart", [UNIT]).get(UNIT, {})
    if text.exit_code or changed.exit_code:
        return {"error": (text.stderr or changed.stderr).strip(), "unit": unit}
    return {"settings": settings(text.stdout), "changed": int(changed.stdout), "unit": unit}


@check("LEAK-02", hosts="bastion", collect=[resolver_settings])
def test_names_are_answered_to_the_declared_hosts_alone(host, site, resolver_settings):
    """The resolver is set, and runs, to answer declared hosts alone, ask declared resolvers, and note nothing."""
    unit, where = resolver_settings["unit"], f"{FILE}, systemctl cat {UNIT} on {host.name}"
    if not asking(site):
        assert unit.get("ActiveState") != "active", f"{UNIT} runs, though no flow lets anybody ask it. See {where}."
        not_applicable("no flow lets a host ask for names")
    if "error" in resolver_settings:
        not_evaluated(f"the resolver's settings cannot be read: {resolver_settings['error']}")
    promised = promised_settings(site)
    fail_unless_equal(found=resolver_settings["settings"], promised=promised, where=where, what="settings")
    state = (unit.get("ActiveState"), unit.get("UnitFileState"))
    fail_unless_equal(found=state, promised=("active", "enabled"), where=where, what=UNIT)
    assert unit.get("ExecStart", "").count("argv[]=") == 1, f"{UNIT} is started by more than one program. See {where}."
    assert STARTED in unit["ExecStart"], f"{UNIT} is started with other settings. Where to look: {where}."
    started = moment(unit.get("ActiveEnterTimestamp"))
    assert resolver_settings["changed"] <= started, f"{FILE} changed after the resolver had read it. See {where}."
    alone = f" ({', '.join(reverse)} for addresses' names alone)" if (reverse := asking(site, "web")) else ""
    return f"{len(promised)} settings; answers {', '.join(asking(site))}{alone}, and nobody else"
