"""LEAK-02, USE-06: names outside are reached through the proxy alone, only the declared ones, and its record agrees."""

import ipaddress
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from azukari.verify import check, collector, fail_unless_equal, not_evaluated
from azukari.verify.authoring import NotEvaluated

PROXY_PORT = 3128

# Runs on the host, as the audit account: each request goes to the proxy, its status comes back.
ASK = """
import concurrent.futures, json, socket, sys
address, port, requests = json.loads(sys.argv[1])
def ask(line):
    try:
        with socket.create_connection((address, port), 4) as one:
            host = line.split()[1].split("//")[-1].split("/")[0]
            one.sendall(f"{line} HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n".encode())
            said = one.recv(64).split()
            return int(said[1]) if len(said) > 1 else 0
    except (OSError, ValueError) as error:
        return str(error)
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(json.dumps(list(zip(requests, pool.map(ask, requests)))))
"""


def declared_names(site, host=None):
    """Return {name: ports} of what may be reached through the proxy, from flows.yml: by one host, or by any."""
    packages = [urlsplit(str(url)).hostname for url in (site.upstream.mirror, site.upstream.security_mirror)]
    found = {}
    for flow in site.flows:
        own = host is None or any(host.address in network for network in site.addresses(flow.source))
        if flow.to.startswith("proxy:") and own:
            name = flow.to.removeprefix("proxy:")
            for one in packages if name == "packages" else [name]:
                found.setdefault(one, set()).add(flow.port)
    return found


def undeclared_requests(site, own):
    """Return requests that the proxy must refuse: other names, addresses, own hosts, other ports, other ways."""
    name, ports = max(sorted(declared_names(site).items()), key=lambda one: 80 in one[1])
    inside = str(next(iter(site.hosts.values())).address)
    return [
        "GET http://undeclared.example/",
        "GET http://undeclared.example.com/?to=" + name,
        f"GET http://{name}.undeclared.example/",
        f"GET http://{own}/",
        f"GET http://{inside}:22/",
        "GET http://127.0.0.1:22/",
        "CONNECT undeclared.example:443",
        f"CONNECT {own}:443",
        f"CONNECT {name}:22",
        f"POST http://{name}/" if 80 in ports else f"GET http://{name}:8080/",
        f"GET http://{name}:{PROXY_PORT}/squid-internal-mgr/info",
    ]


def declared_requests(site, host=None):
    """Return requests that the proxy must let through, from one host or from any; nothing is fetched but a header."""
    return [
        f"CONNECT {name}:{port}" if port == 443 else f"HEAD http://{name}:{port}/"
        for name, ports in sorted(declared_names(site, host).items())
        for port in sorted(ports)
    ]


@collector(proof="attempt", scope="site")
def asked_of_the_proxy(site, run):
    """Requests for declared and undeclared names, made of the proxy on every host."""
    proxy = site.group("bastion")[0]
    own = str(site.settings.probe[0]) if site.settings.probe else "192.0.2.1"
    undeclared, of_any = undeclared_requests(site, own), declared_requests(site)

    def ask(host):
        served = declared_requests(site, site.hosts[host.name])
        refused = undeclared + [line for line in of_any if line not in served]  # what another host alone may
        question = json.dumps([str(proxy.address), PROXY_PORT, refused + served])
        try:
            answer = host.command(["python3", "-I", "-c", ASK, question], seconds=20, fresh=True)
        except NotEvaluated as error:  # one host that does not answer leaves the others judged
            return {"error": str(error)}
        if answer.exit_code:
            return {"error": (answer.stderr.strip().splitlines() or ["no answer"])[-1]}
        said = json.loads(answer.stdout)
        return {"refused": said[: len(refused)], "served": said[len(refused) :]}

    hosts = [host for host in run.hosts.values() if not host.unreachable]
    with ThreadPoolExecutor(max_workers=max(1, len(hosts))) as pool:
        return dict(zip([host.name for host in hosts], pool.map(ask, hosts), strict=True))


REFUSALS = (400, 403, 404)  # squid's own words; 404 for its manager, which is not there


@check("LEAK-02", proof="attempt", vantage="host", collect=[asked_of_the_proxy])
def test_the_proxy_serves_declared_names_only(host, asked_of_the_proxy):
    """Through the proxy, undeclared names, addresses, ports and methods are refused; declared names are not."""
    said = asked_of_the_proxy.get(host.name, {"error": host.unreachable or "it was not asked"})
    if "error" in said:
        not_evaluated(f"the proxy could not be asked from {host.name}: {said['error']}")
    if not any(isinstance(status, int) and status for _, status in said["refused"] + said["served"]):
        not_evaluated(f"the proxy does not answer {host.name}: {said['refused'][0][1]}; a refusal would prove nothing")
    let_through = [f"“{line}” was answered with {status}" for line, status in said["refused"] if status not in REFUSALS]
    assert not let_through, f"{'; '.join(let_through)}. Where to look: /etc/squid/squid.conf on the proxy's host."
    shut = [
        f"“{line}” was answered with {status}"
        for line, status in said["served"]
        if status in (0, 403) or isinstance(status, str)
    ]
    assert not shut, f"declared, and yet refused: {'; '.join(shut)}. Where to look: squid.conf, flows.yml."
    return f"{len(said['refused'])} undeclared requests refused, {len(said['served'])} declared served"


# --- what a restart of the proxy would load ---------------------------------------------------------------------------

DECIDING = (
    "acl",
    "http_access",
    "http_port",
    "https_port",
    "include",
    "cache_peer",
    "url_rewrite_program",
    "adaptation",
)


@collector()
def proxy_settings(host):
    """The lines of squid.conf that decide who may ask for what, and when squid last read them."""
    text = host.command(["cat", "/etc/squid/squid.conf"])
    newer = host.command(["find", "/etc/squid/squid.conf", "/etc/squid/conf.d", "-newer", "/run/squid"])
    if text.exit_code:
        not_evaluated(f"squid.conf cannot be read: {text.stderr.strip()}")
    lines = [" ".join(line.split()) for line in text.stdout.splitlines()]
    return {"lines": [line for line in lines if line.startswith(DECIDING)], "newer": newer.stdout.split()}


def promised_settings(site):
    """Return those lines as flows.yml promises them."""
    rules = sorted((name, port) for name, ports in declared_names(site).items() for port in ports)
    acls, access = ["acl connect method CONNECT", "acl reading method GET HEAD"], []
    for number, (name, port) in enumerate(rules, 1):
        sources = []
        for flow in site.flows:
            through = flow.to.removeprefix("proxy:") if flow.to.startswith("proxy:") else ""
            if flow.port == port and (through == name or (through == "packages" and name in packages(site))):
                sources += [str(n.network_address) for n in site.addresses(flow.source)]
        sources = " ".join(dict.fromkeys(sources))
        acls += [
            f"acl from{number} src {sources}",
            f"acl name{number} dstdomain -n {name}",
            f"acl port{number} port {port}",
        ]
        access.append(f"http_access deny name{number} inside")
        access.append(
            f"http_access allow from{number} name{number} port{number} {'connect' if port == 443 else 'reading'}"
        )
    own = [str(h.address) for h in site.hosts.values()] + [str(h.address6) for h in site.hosts.values() if h.address6]
    acls.append(f"acl inside dst {' '.join(own)} 127.0.0.0/8 ::1 169.254.0.0/16 fe80::/10")
    return [f"http_port {PROXY_PORT}", *acls, "http_access deny manager", *access, "http_access deny all"]


def packages(site):
    """Return the hosts of the package mirrors."""
    return {urlsplit(str(url)).hostname for url in (site.upstream.mirror, site.upstream.security_mirror)}


@check("LEAK-02", hosts="bastion", collect=[proxy_settings])
def test_the_allow_list_is_the_declared_one(host, site, proxy_settings):
    """The proxy's file names exactly the declared names, sources and ports, and is the one that it runs with."""
    where = f"/etc/squid/squid.conf on {host.name}"
    found, promised = proxy_settings["lines"], promised_settings(site)
    fail_unless_equal(found=set(found), promised=set(promised), where=where, what="lines that decide")
    assert found == promised, f"the lines that decide stand in another order than promised. Where to look: {where}."
    newer = ", ".join(proxy_settings["newer"])
    assert not newer, f"{newer} changed after the proxy started: it may run with other lines. Where to look: {where}."
    return f"{len(declared_names(site))} declared names, and no others"


# --- the proxy's record -----------------------------------------------------------------------------------------------

RECORDING = ("access_log", "cache_store_log", "logformat", "strip_query_terms", "log_")
PROMISED_RECORD = [
    "strip_query_terms on",
    "logformat azukari %tl %>a %rm %ru %>Hs %Ss %<st",
    "access_log stdio:/var/log/squid/access.log logformat=azukari",
    "cache_store_log none",
]


@collector()
def record_settings(host):
    """The lines of squid.conf that decide what is recorded."""
    text = host.command(["cat", "/etc/squid/squid.conf"])
    if text.exit_code:
        not_evaluated(f"squid.conf cannot be read: {text.stderr.strip()}")
    lines = [" ".join(line.split()) for line in text.stdout.splitlines()]
    return [line for line in lines if line.startswith(RECORDING)]


def destinations(site, client):
    """Return {name:port} that flows.yml lets an address reach through the proxy."""
    found, address = set(), ipaddress.ip_address(client)
    for flow in site.flows:
        to = flow.to.removeprefix("proxy:")
        if to != flow.to and any(address in network for network in site.addresses(flow.source)):
            found |= {f"{name}:{flow.port}" for name in (packages(site) if to == "packages" else {to})}
    return found


@check("USE-06", hosts="bastion", sections=["proxy"], collect=[record_settings])
def test_the_record_has_declared_destinations_only(host, site, record_settings):
    """In the proxy's record of the last day, each host was let through to names that are declared for it alone."""
    where = f"/var/log/squid/access.log and squid.conf on {host.name}"
    fail_unless_equal(found=record_settings, promised=PROMISED_RECORD, where=where, what="what is recorded")
    record = host.facts["proxy"]
    if not record["installed"]:
        not_evaluated(f"there is no proxy on {host.name}")
    names = {str(a): one.name for one in site.hosts.values() for a in (one.address, one.address6) if a}
    undeclared = [
        f"{names.get(one['client'], one['client'])} was let through to {one['name']} {one['through']} times"
        for one in record["asked"]
        if one["through"] and one["name"] not in destinations(site, one["client"])
    ]
    assert not undeclared, (
        f"{'; '.join(undeclared)}; flows.yml declares none of it. It stays red until the record is "
        f"{record['hours']} h older: what has left cannot be taken back. Where to look: {where}."
    )
    if record["cut"]:
        not_evaluated(f"the record is longer than what is read of it, so that {record['hours']} h are not whole")
    if not record["asked"]:
        not_evaluated(
            f"the record of the last {record['hours']} h is empty: nothing was asked for, or nothing recorded"
        )
    through, refused = (sum(one[what] for one in record["asked"]) for what in ("through", "refused"))
    return f"in {record['hours']} h {through} requests let through, all declared; {refused} refused"
