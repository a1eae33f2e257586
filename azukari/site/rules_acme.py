"""A certificate by ACME: what the authority needs to see, and what the web server needs to reach, is declared too."""

from cryptography import x509

from azukari.site.flows import PROXY
from azukari.site.models import Acme, Settings
from azukari.site.parts import FLOWS, HOSTS, SITE, Parts

_HTTP, _HTTPS = 80, 443


def apply(parts: Parts, settings: Settings, acme: Acme) -> None:
    """Apply the rules about ACME."""
    if not settings.certificate_issuers:
        message = (
            "“certificate_issuers” is empty, which forbids everybody to certify the names (CAA), though “acme” is "
            "declared; needed is the domain that its authority names for CAA; add it."
        )
        parts.add(SITE, ("site", "acme"), message)
    if acme.roots and not (parts.lab and not (parts.folder / acme.roots).exists()):
        _roots(parts, acme.roots)
    if settings.lab and not acme.roots:
        message = (
            "“roots” is missing in “acme”, and a lab's certificate authority is one that no machine knows; allowed is "
            "a path such as keys/acme/roots.pem, where `azukari lab up` puts its certificate; add it."
        )
        parts.add(SITE, ("site", "acme"), message)
    servers = sorted(host.name for host in parts.hosts.values() if "web" in host.groups)
    if len(servers) > 1 and not parts.documents[HOSTS].problems:
        message = (
            f"the group web has {', '.join(servers)}, and the authority asks any one of them for the proof of another; "
            "allowed with “acme” is one host; remove the others, or “acme”."
        )
        parts.add(SITE, ("site", "acme"), message)
    if servers and parts.flows is not None and not parts.documents[FLOWS].problems:
        _ways(parts, acme, servers)


def _roots(parts: Parts, path: str) -> None:
    where = ("site", "acme", "roots")
    try:
        x509.load_pem_x509_certificates((parts.folder / path).read_bytes())
    except FileNotFoundError:
        parts.add(SITE, where, f"{path} does not exist; needed are certificates in PEM; put them there.")
    except (OSError, ValueError):
        parts.add(SITE, where, f"{path} holds no certificates in PEM; needed is at least one; correct the file.")


def _ways(parts: Parts, acme: Acme, servers: list[str]) -> None:
    """The web server asks through the proxy, and the authority looks at port 80, from wherever it likes."""
    proxied = f"{PROXY}{acme.server}"
    wanted = {
        (proxied, _HTTPS): f'{{from: web, to: "{proxied}", port: {_HTTPS}, why: …}}',
        ("web", _HTTP): f"{{from: visitors, to: web, port: {_HTTP}, why: …}}",
    }
    for server in servers:
        own = {"all", server, *parts.hosts[server].groups}
        ways = {
            (proxied, _HTTPS): [flow for flow in parts.flows or () if flow.source in own and flow.to == proxied],
            ("web", _HTTP): [flow for flow in parts.flows or () if flow.source == "visitors" and flow.to in own],
        }
        for (to, port), flows in ways.items():
            if not any((flow.port, flow.protocol) == (port, "tcp") for flow in flows):
                by = server if to == proxied else "visitors"
                message = (
                    f"nothing lets “{by}” reach port {port} of “{to}”, so no certificate can be had by ACME; "
                    f"needed is {wanted[to, port]}; add it."
                )
                parts.add(FLOWS, ("flows",), message)
