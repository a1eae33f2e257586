"""What roles need of the declared site, computed once in Python rather than in templates: the variable `azukari`."""

from functools import cache
from pathlib import Path
from typing import Any

from azukari.content import content
from azukari.provision.application import application
from azukari.provision.logins import person, principals
from azukari.provision.mailing import mailing
from azukari.provision.release import ERROR_CODES, forms
from azukari.site import Host, ResolvedFlow, Site, load, zone
from azukari.site.flows import proxy_names
from reference_site.answers import CONFIRM, DELIVERY, MAIL_SERVICE, PATHS, UNSUBSCRIBE

PROXY_PORT, DNS_PORT = 3128, 53
DOMAIN = "domain"  # the item of the collection `access` that is looked up later
COUNTING = "counting"  # the purpose of a cookie by which the web server counts visits
# Of the E-mail Information Service: letters that ask a person for confirmation, in a day; the days after its letter's,
# and after its own where it has none, on which a registration that nobody confirmed is still kept.
LETTERS_A_DAY, UNCONFIRMED_DAYS, UNSENT_DAYS = 3, 1, 7


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
            _flow(f, f.to_name, f.destinations)
            for f in site.flows_out(host)
            if not f.to_name.startswith("proxy:") and f.to_name != "visitors"
        ],
        "mail_leaves": any(f.to_name == "visitors" for f in site.flows_out(host)),
        "resolver": _resolver(site),
        "mail": _mail(site, host) if "mail" in host.groups else {},
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
        "forms": [
            {
                "name": one.name,
                "purposes": [DELIVERY] if one.name == MAIL_SERVICE else list(one.purposes),
                "paths": dict(PATHS[one.name]),
                "of_letters": _of_letters(one.name),
                "days": one.retention.days,
                "choices": [f"{item.name}={choice.name}" for item in one.items for choice in item.choices],
                "purged": one.name == MAIL_SERVICE or one.retention.days is not None,
            }
            for one in site.policy.collections
            if one.name in forms(site)
        ],
        "visit": visit_cookie(site),
        "domains": counts_domains(site, host),
        "smallest_group": site.policy.statistics.smallest_group,
        "letters": {"a_day": LETTERS_A_DAY, "unconfirmed_days": UNCONFIRMED_DAYS, "unsent_days": UNSENT_DAYS},
        "access_days": next((one.retention.days for one in site.policy.collections if one.name == "access"), None),
        "application": application(site) if "app" in host.groups else {},
        "mailing": mailing(site) if "mail" in host.groups else {},
        "web_names": list(site.settings.names),
        "acme": _acme(site),
        "web_errors": [str(code) for code in ERROR_CODES],
        "app": _host(site.group("app")[0]) if site.group("app") else None,
    }


def visit_cookie(site: Site) -> dict[str, Any]:
    """Return the declared cookie by which visits are counted, its name and days; empty where none is declared."""
    found = [one for one in site.policy.cookies if one.purpose == COUNTING]
    return {"name": found[0].name, "days": found[0].days} if found else {}


def counts_domains(site: Site, host: Host) -> bool:
    """Tell whether a web server counts visitors by their domain: the policy declares it, and a flow lets it ask."""
    declared = any(item.name == DOMAIN for one in site.policy.collections if one.name == "access" for item in one.items)
    asks = any(flow.to_name == site.group("bastion")[0].name and _asks(flow) for flow in site.flows_out(host))
    return "web" in host.groups and declared and asks


def _asks(flow: ResolvedFlow) -> bool:
    return flow.port == DNS_PORT and flow.protocol == "tcp"


def _of_letters(form: str) -> list[str]:
    """Return the paths that letters lead to, of the form whose registrations they confirm; of others none."""
    paths = PATHS[form].values() if form == MAIL_SERVICE else ()
    return [path + end for path in paths for end in (CONFIRM, UNSUBSCRIBE)]


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


def _acme(site: Site) -> dict[str, str]:
    """Return who certifies the public names by ACME; empty where the site's own CA does."""
    acme = site.settings.acme
    if acme is None:
        return {}
    roots = site.path / acme.roots if acme.roots else None
    return {
        "directory": acme.directory,
        "contact": acme.contact or "",
        "external_account": acme.external_account or "",
        "roots": roots.read_text("utf-8") if roots and roots.exists() else "",
    }


def _resolver(site: Site) -> dict[str, list[str]]:
    """Return who may ask the bastion for names, and where; nobody: there is no resolver.

    Web servers may ask for names of the reverse tree alone: by any other, whoever took one over could send out what it
    holds, to whoever answers for that name.
    """
    bastion = site.group("bastion")[0]
    asking = [f for f in site.flows_in(bastion) if f.port == DNS_PORT]
    reverse = [f for f in asking if f.source_name in {host.name for host in site.group("web")}]
    own = [str(a) for a in (bastion.address, bastion.address6) if a]
    return {"clients": _sources(asking), "reverse": _sources(reverse), "addresses": own}


def _sources(flows: list[ResolvedFlow]) -> list[str]:
    return list(dict.fromkeys(str(network) for flow in flows for network in flow.sources))


def _mail(site: Site, host: Host) -> dict[str, Any]:
    """Return what a mail host is called, and the key that it signs with."""
    return {
        "domain": site.settings.mail_domain,
        "name": zone.sending_name(site, host),
        "selector": zone.signing_selector(site),
    }


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
