"""LEAK-05: every connection between the site's hosts is mutual TLS of the site's own CA, with names verified.

What is promised stands here a second time; the roles' own templates are never read.
"""

import re

from azukari.verify import check, collector, not_applicable, not_evaluated
from azukari.verify.database_attempts import (
    REFUSALS,
    SERVICES,
    TOLD,
    answered,
    must_be_tried,
    role_of,
    tried_at_database,
)
from azukari.verify.inner_connections import MUTUAL, tried_inside
from azukari.verify.nginx_words import Setting, of_host
from azukari.verify.website import form_paths

# --- how each flow is protected ---------------------------------------------------------------------------------------

# What is no mutual TLS: it has a protocol of its own, and the safeguard beside it judges that.
OTHERWISE = {
    ("tcp", 22): "SSH, certificates on both sides (LEAK-10, LEAK-11)",
    ("tcp", 3128): "the proxy: packages, which are signed, and TLS from end to end (LEAK-02, LEAK-30)",
    ("tcp", 4460): "TLS by the server's certificate; keys for the time go to whoever asks (LOSS-10)",
    (
        "tcp",
        53,
    ): "names that anybody may ask for: mail servers, addresses; no trust rests on them (LEAK-08)",
    ("udp", 53): "the same, where an answer is short (LEAK-08)",
    ("udp", 123): "each answer is authenticated by NTS (LOSS-10)",
}


def unprotected(site):
    """Return a sentence for each declared flow between the site's hosts of which nobody says how it is protected."""
    found = [
        f"{flow.source_name} to {flow.to_name}, {flow.protocol} port {flow.port} ({flow.why})"
        for flow in inner_flows(site)
        if (flow.protocol, flow.port) not in OTHERWISE and not (flow.protocol == "tcp" and flow.port in MUTUAL)
    ]
    return sorted(set(found))


def inner_flows(site):
    """Return the declared flows from one of the site's hosts to another."""
    return [flow for flow in site.resolved_flows if {flow.source_name, flow.to_name} <= set(site.hosts)]


@check("LEAK-05", hosts="site")
def test_each_inner_flow_is_protected(site):
    """Every declared flow between the site's hosts is mutual TLS, or of a protocol whose protection is known."""
    findings = unprotected(site)
    assert not findings, (
        f"nothing says that it is mutual TLS: {'; '.join(findings)}. Where to look: flows.yml, MUTUAL and OTHERWISE."
    )
    kinds = {(flow.protocol, flow.port) for flow in inner_flows(site)}
    return f"mutual TLS at {', '.join(str(port) for _, port in sorted(kinds - set(OTHERWISE)))}, else protocols' own"


# --- the servers refuse -----------------------------------------------------------------------------------------------

DECOYS = {"expired", "unknown-ca"}
WAYS = {
    "http": {"without TLS", "with TLS 1.2", "without a certificate", "other-host", *DECOYS},
    "postgres": {"without TLS", "with TLS 1.2", "without a certificate", *DECOYS},
}
# The certificate of a host that is no client proves what it says: the application refuses it by its name, in HTTP,
# before it looks at what is asked. Of every other way any answer at all is one too many.
BY_NAME = ("other-host", re.compile(r"HTTP/1\.[01] 403\b"))


def told(one):
    """Return where and how something was tried, in words."""
    return f"{one['way']}, from {one['from']} to {one['address']}"


def let_in(tries):
    """Return a sentence for each way by which a server answered."""
    way, refusal = BY_NAME
    return [
        f"{told(one)}: {one['answer']}"
        for one in tries
        if one["answer"] and not (one["way"] == way and refusal.match(one["answer"]))
    ]


def unproven(tries, wanted):
    """Return why refusals prove nothing: nobody was met there, it was another, it was silent, or it was not tried.

    Args:
        tries: all that was tried at a host.
        wanted: the ways that must be tried at each of its addresses.
    """
    found = [f"{told(one)}: no connection, {one['reached']}" for one in tries if one["reached"] != "yes"]
    places = dict.fromkeys((one["from"], one["address"]) for one in tries)
    for place in places:
        here = [one for one in tries if (one["from"], one["address"]) == place and one["reached"] == "yes"]
        where = f"from {place[0]} to {place[1]}"
        if not any(one["server"] == "proven" for one in here):
            said = sorted({one["server"] or one["said"] for one in here if one["way"] != "without TLS"})
            found.append(f"{where}: the server did not prove itself, so it is not known who refused ({said})")
        if missing := sorted(wanted - {one["way"] for one in here}):
            found.append(f"{where}, not tried: {', '.join(missing)}")
    return found + [f"{told(one)}: silence" for one in tries if one["reached"] == "yes" and silent(one)]


def silent(one):
    """Tell whether neither an answer nor a refusal came, nor anything that keeps from asking further."""
    return not one["answer"] and not one["said"] and one["server"] in ("", "proven")


@check("LEAK-05", proof="attempt", vantage="host", hosts=["app", "db"], collect=[tried_inside])
def test_strangers_are_refused_inside(host, site, tried_inside):
    """From the host that may connect: no TLS, an old one, no certificate, or a wrong one; nothing gets an answer."""
    flows = [flow for flow in inner_flows(site) if flow.to_name == host.name and flow.port in MUTUAL]
    if not flows:
        not_applicable("no other host of the site connects to this one by TLS")
    tries = [one for one in tried_inside["tries"] if one["to"] == host.name]
    findings = let_in(tries)
    assert not findings, f"answered: {'; '.join(findings)}. Where to look: who listens on {host.name}, pg_hba.conf."
    faults = [f"from {source}: {why}" for source, to, why in tried_inside["errors"] if to == host.name]
    addresses = {str(a) for a in (host.declared.address, host.declared.address6) if a}
    for flow in flows:
        met = {one["address"] for one in tries if one["from"] == flow.source_name}
        faults += [f"not tried from {flow.source_name}: {one}" for one in sorted(addresses - met)]
    faults += unproven(tries, set.intersection(*(WAYS[MUTUAL[flow.port]] for flow in flows)))
    if faults:
        not_evaluated("; ".join(faults))
    return f"{len(tries)} connections by {len({one['way'] for one in tries})} ways, all refused"


# --- the clients verify names -----------------------------------------------------------------------------------------

IMPOSTORS = {"without TLS", "with a certificate of an unknown CA", "with a certificate of the right CA in another name"}
UNTRUSTED = re.compile(r"certificate verify failed|does not match host name|server does not support SSL")
OTHER_NAME = "with the host's certificate in place of the role's"


@check("LEAK-05", proof="attempt", vantage="host", hosts=["app", "mail"], collect=[tried_at_database])
def test_services_know_their_database(host, site, tried_at_database):
    """Whoever answers in the database's place, without its certificate, hears nothing from forms and letters."""
    found, role = answered(host, site, tried_at_database), role_of(host, site)
    who, tries = SERVICES[role], found.get("impostors", {})
    heard = [f"a server {what}: {one['said'] or 'they connected'}" for what, one in tries.items() if one["heard"]]
    assert not heard, f"{who} spoke to {'; '.join(heard)}. Where to look: {TOLD[role]} on {host.name}."
    by_name = found["connections"].get(OTHER_NAME, "")
    assert by_name != "done", f"let in {OTHER_NAME}. Where to look: pg_hba.conf on the database's host."
    if found.get("own") != "done":
        not_evaluated(f"the database is not reached by {who}: {found.get('own')}")
    must_be_tried(IMPOSTORS, tries)
    unclear = [f"{what}: {one['said']}" for what, one in tries.items() if not UNTRUSTED.search(one["said"])]
    unclear += [] if REFUSALS.search(by_name) else [f"{OTHER_NAME}: {by_name}"]
    if unclear:
        not_evaluated(f"it is not clear that these were refused: {'; '.join(unclear)}")
    return f"{len(tries)} impostors were told nothing; a certificate in another name was refused"


UPSTREAM_PORT = 8443
TLS = "/etc/azukari/tls"


def promised_of_nginx(app):
    """Return how nginx connects to an application: {setting: words}."""
    return {
        "proxy_ssl_protocols": ("TLSv1.3",),
        "proxy_ssl_verify": ("on",),
        "proxy_ssl_verify_depth": ("1",),
        "proxy_ssl_trusted_certificate": (f"{TLS}/domain_ca.pem",),
        "proxy_ssl_name": (app.name,),
        "proxy_ssl_server_name": ("on",),
        "proxy_ssl_certificate": (f"{TLS}/host.pem",),
        "proxy_ssl_certificate_key": ("/run/credentials/nginx.service/host.key",),
        "proxy_ssl_session_reuse": ("on",),
    }


@collector()
def handed_on(host):
    """What nginx's settings say of whom it hands requests on to, and which files it has not read since then."""
    found, newer = of_host(host)
    kept = [one for one in found if "_ssl_" in one.words[0] or _hands_on(one) or _of_upstream(one)]
    return {"settings": [[list(one.within), list(one.words)] for one in kept], "newer": newer}


def _hands_on(setting):
    return setting.words[0].endswith("_pass")


def _of_upstream(setting):
    blocks = [*setting.within, " ".join(setting.words)]
    return any(block.startswith(("upstream ", "stream")) for block in blocks)


def nginx_findings(found, app):
    """Return a sentence for each place to which nginx hands on otherwise than by mutual TLS to the application.

    Args:
        found: the settings that decide about it.
        app: the application's host; None where the site has none.
    """
    promised = promised_of_nginx(app) if app else {}
    tls = [one for one in found if "_ssl_" in one.words[0]]
    findings = [
        f"“{' '.join(one.words)}” in {one.within[-1] if one.within else 'nginx.conf'} is not promised"
        for one in tls
        if one.within != ("http", "server") or promised.get(one.words[0]) != one.words[1:]
    ]
    said = [one.words[0] for one in tls]
    findings += [f"{name} stands {said.count(name)} times" for name in promised if said.count(name) != 1]
    for one in found:
        if _hands_on(one) and not (
            app and one.words[0] == "proxy_pass" and one.words[1].startswith(f"https://{app.name}/")
        ):
            findings.append(f"“{' '.join(one.words)}” hands on to somebody else, or without TLS")
    upstream = [one for one in found if _of_upstream(one) and one.words[0] not in ("keepalive", "keepalive_timeout")]
    wanted = set()
    if app:
        wanted |= {(("http",), ("upstream", app.name))}
        wanted |= {(("http", f"upstream {app.name}"), ("server", f"{app.address}:{UPSTREAM_PORT}"))}
    findings += [
        f"“{' '.join(one.words)}” in {one.within[-1] if one.within else 'nginx.conf'} is not promised"
        for one in upstream
        if (one.within, one.words) not in wanted
    ]
    return findings


@check("LEAK-05", hosts="web", collect=[handed_on])
def test_nginx_knows_the_application(host, site, handed_on):
    """nginx hands on to the application alone, by TLS 1.3, shows its certificate, and verifies CA and name."""
    app = site.group("app")[0] if form_paths(site) else None
    found = [Setting(tuple(within), tuple(words)) for within, words in handed_on["settings"]]
    findings = nginx_findings(found, app)
    findings += [f"{path} changed after nginx started" for path in handed_on["newer"]]
    assert not findings, f"{'; '.join(findings)}. Where to look: /etc/nginx/azukari on {host.name}."
    return f"{sum(_hands_on(one) for one in found)} places hand on, all to the application by mutual TLS"
