"""What roles need of the declared site, computed once in Python rather than in templates: the variable `azukari`."""

from functools import cache
from pathlib import Path
from typing import Any

from azukari.content import content
from azukari.provision.logins import person, principals
from azukari.provision.release import ERROR_CODES
from azukari.site import Host, ResolvedFlow, Site, load
from azukari.site.flows import proxy_names

PROXY_PORT = 3128


@cache
def site_of(folder: str) -> Site:
    """Return the declared site, read once: Ansible's workers are forks of the process that asked first.

    Args:
        folder: the site's folder, as Ansible names its inventory.

    Raises:
        InputError: as `azukari.site.load`.
    """
    return load(Path(folder))


def derive(site: Site, host: Host) -> dict[str, Any]:
    """Return the Ansible variable `azukari` of one host.

    Args:
        site: the declared site.
        host: one of its hosts.
    """
    bastion = site.group("bastion")[0]
    return {
        "host": _host(host),
        "hosts": [_host(h) for h in site.hosts.values()],
        "bastion": _host(bastion),
        "probe": [str(address) for address in site.settings.probe],
        "lab": site.lab,
        "flows_in": [_flow(f, f.source_name, f.sources) for f in site.flows_in(host)],
        "flows_out": [
            _flow(f, f.to_name, f.destinations) for f in site.flows_out(host) if not f.to_name.startswith("proxy:")
        ],
        "people": [person(site, one) for one in site.people_on(host, on=site.today())],
        "principals": principals(site, host),
        "proxy": {
            "host": bastion.name,
            "address": str(bastion.address),
            "port": PROXY_PORT,
            "names": site.proxy_names(),
            "rules": _proxy_rules(site),
        },
        "authorities": {domain: _authority(site, domain) for domain in sorted({h.domain for h in site.hosts.values()})},
        "own_programs": own_programs(),
        "web_names": list(site.settings.names),
        "web_errors": [str(code) for code in ERROR_CODES],
    }


def own_programs() -> list[str]:
    """Return where azukari's roles install programs of their own, outside packages.

    The role `integrity` sets every other program aside. A list kept by hand would one day lack what sshd asks for
    principals, and lock everybody out: so the roles' own files are the list.
    """
    roles = content("roles")
    found = [
        path for kind in ("files", "templates") for path in roles.glob(f"*/{kind}/usr/local/**/*") if path.is_file()
    ]
    return sorted({"/" + "/".join(path.relative_to(roles).parts[2:]).removesuffix(".j2") for path in found})


def _host(host: Host) -> dict[str, Any]:
    return {
        "name": host.name,
        "domain": str(host.domain),
        "groups": list(host.groups),
        "address": str(host.address),
        "address6": str(host.address6) if host.address6 else "",
    }


def _flow(flow: ResolvedFlow, peer: str, networks: Any) -> dict[str, Any]:
    """Return one flow; `any` says that the peer is everybody, so that empty lists are never read as that."""
    return {
        "peer": peer,
        "any": peer == "visitors",
        "addresses4": [str(n) for n in networks if n.version == 4 and peer != "visitors"],
        "addresses6": [str(n) for n in networks if n.version == 6 and peer != "visitors"],
        "port": flow.port,
        "protocol": str(flow.protocol),
        "why": flow.why,
    }


def _proxy_rules(site: Site) -> list[dict[str, Any]]:
    """Return which addresses of the site may reach which name outside, and at which port."""
    sources: dict[tuple[str, int], list[str]] = {}
    for flow in site.flows:
        for name in proxy_names((flow,), site.upstream):
            asking = sources.setdefault((name, flow.port), [])
            asking += [
                str(n.network_address) for n in site.addresses(flow.source) if str(n.network_address) not in asking
            ]
    return [{"name": name, "port": port, "sources": found} for (name, port), found in sorted(sources.items())]


def _authority(site: Site, domain: str) -> dict[str, str]:
    """Return the public parts of one trust domain's authorities; empty before `azukari init` made them."""
    folder = Path(site.path) / "keys" / "ca"
    files = {"user_ca": f"{domain}_user.pub", "host_ca": f"{domain}_host.pub", "tls_ca": f"{domain}_tls.pem"}
    return {
        name: (folder / file).read_text().strip() if (folder / file).exists() else "" for name, file in files.items()
    }
