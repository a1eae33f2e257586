"""Who may talk to the application: the hosts that the site names, by the certificates of the site's own authority."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

CERTIFICATE = Path("/etc/azukari/tls/host.pem")  # this host's
TRUSTED = Path("/etc/azukari/tls/domain_ca.pem")  # the authority that the hosts' certificates come from
KEY = "host.key"  # the certificate's, among the service's credentials
SOCKET = "gunicorn.socket"


def only(application: WSGIApplication, clients: Collection[str]) -> WSGIApplication:
    """Return an application that answers the named clients; any other gets 403, and its request is not looked at.

    Every host has a certificate of the site's authority: that a handshake succeeded does not say that it is the web
    server that asks.

    Args:
        application: what is guarded.
        clients: DNS names; the client's certificate bears at least one of them.
    """

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if _names(environ.get(SOCKET)).isdisjoint(clients):
            start_response("403 Forbidden", [("Content-Length", "0")])
            return []
        return application(environ, start_response)

    return guarded


def _names(socket: Any) -> set[str]:
    """Return the DNS names of the certificate by which the other side was verified; none where there is no TLS."""
    certificate = socket.getpeercert() if hasattr(socket, "getpeercert") else None
    return {name for kind, name in (certificate or {}).get("subjectAltName", ()) if kind == "DNS"}
