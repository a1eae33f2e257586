"""The application answers the hosts that are named, and nobody else's certificate, however true."""

import pytest

from reference_site.peers import only


class Socket:
    """Stands in for a TLS connection whose other side was verified."""

    def __init__(self, certificate):
        self.certificate = certificate

    def getpeercert(self):
        return self.certificate


class Unread:
    """A request's body that nobody may read."""

    def __getattr__(self, name):
        raise AssertionError(f"{name} of the body was asked for")


def certificate(*names):
    return {"subject": ((("commonName", "web"),),), "subjectAltName": names}


def ask(socket):
    said = []
    environ = {"wsgi.input": Unread()} | ({} if socket is None else {"gunicorn.socket": socket})
    application = only(lambda _environ, start: start("200 OK", []) or [b"served"], ["web", "web2"])
    body = b"".join(application(environ, lambda status, headers: said.append((status, headers))))
    ((status, headers),) = said
    return status, headers, body


@pytest.mark.parametrize("names", [[("DNS", "web")], [("IP Address", "192.0.2.1"), ("DNS", "x"), ("DNS", "web2")]])
def test_a_named_host_is_served(names):
    assert ask(Socket(certificate(*names))) == ("200 OK", [], b"served")


@pytest.mark.parametrize(
    "socket",
    [
        Socket(certificate(("DNS", "app"))),
        Socket(certificate(("DNS", "web.example"))),
        Socket(certificate(("DNS", "WEB2 "), ("DNS", "*"))),
        Socket(certificate(("URI", "web"), ("email", "web"), ("DirName", ((("commonName", "web"),),)))),
        Socket({"subject": ((("commonName", "web"),),)}),
        Socket({}),
        Socket(None),
        object(),
        None,
    ],
    ids=["another", "longer", "nearly", "other kinds", "a common name", "not verified", "none", "no TLS", "no socket"],
)
def test_anybody_else_is_not(socket):
    assert ask(socket) == ("403 Forbidden", [("Content-Length", "0")], b"")
