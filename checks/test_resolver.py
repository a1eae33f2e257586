"""LEAK-02: names outside are answered to the declared hosts alone, by asking the declared resolvers, and noted nowhere.

That no other host reaches it is tried by the firewall's checks; this looks at what it would do for whoever did.
"""

from azukari.verify import check, collector, fail_unless_equal, not_applicable, not_evaluated
from azukari.verify.systemd import moment, shown

FILE, UNIT, PORT = "/etc/unbound/unbound.conf", "unbound.service", 53
STARTED = "argv[]=/usr/sbin/unbound -d -p -c /etc/unbound/unbound.conf ;"
# All that it is set to, but for who asks, where, and whom it asks.
SETTINGS = """
server: directory: "/etc/unbound" chroot: "" username: "" pidfile: "" num-threads: 1 port: 53
module-config: "iterator" tcp-upstream: yes use-syslog: yes log-queries: no log-replies: no log-servfail: no
hide-identity: yes hide-version: yes cache-max-ttl: 3600 msg-cache-size: 4m rrset-cache-size: 8m
access-control: 0.0.0.0/0 refuse access-control: ::/0 refuse
remote-control: control-enable: no
forward-zone: name: "."
"""


def asking(site):
    """Return the addresses that flows.yml lets ask the bastion for names; none: there is no resolver."""
    bastion = site.group("bastion")[0].name
    return list(dict.fromkeys(str(n) for f in site.flows_in(bastion) if f.port == PORT for n in f.sources))


def settings(text):
    """Return the settings of a file of unbound's, each “name: value”, sorted; clauses have no value."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return sorted(" ".join(line.split()) for line in lines if line)


def promised_settings(site):
    """Return all settings, as `settings` gives them."""
    bastion, found = site.group("bastion")[0], []
    for word in SETTINGS.split():
        if word.endswith(":") and word != "::/0":
            found.append(word)
        else:
            found[-1] += f" {word}"
    found += [f"interface: {a}" for a in (bastion.address, bastion.address6) if a]
    found += [f"access-control: {client} allow" for client in asking(site)]
    found += ['local-zone: "test." nodefault'] if site.lab else []
    found += [f"private-address: {a}" for h in site.hosts.values() for a in (h.address, h.address6) if a]
    found += [f"forward-addr: {resolver}" for resolver in site.upstream.resolvers]
    return sorted(found)


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
    return f"{len(promised)} settings; answers {', '.join(asking(site))}, and nobody else"
