"""A real browser against a web server of our own on the loopback interface."""

import contextlib
import http.server
import socket
import ssl
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from azukari.errors import NotJudged
from azukari.ssh.tls import Place
from azukari.verify import browser

NAME = "www.lab.test"
SHUT = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'"
OPEN = f"{SHUT}; font-src https://fonts.example"
COOKIE = "visit=secret; Path=/; Max-Age=86400; Secure; HttpOnly; SameSite=Lax"
FONT = "@font-face { font-family: x; src: url(https://fonts.example/x.woff2?who=1) } body { font-family: x }"
# path: (status, content type, policy, cookies, body)
PAGES = {
    "/": (200, "text/html", SHUT, [COOKIE], '<link rel="stylesheet" href="/site.css?v=1"><p>x'),
    "/font/": (200, "text/html", OPEN, [], '<link rel="stylesheet" href="/font.css"><p>x'),
    "/shut/": (200, "text/html", SHUT, [], '<link rel="stylesheet" href="/font.css"><p>x'),
    "/picture/": (200, "text/html", SHUT, ["_track=1"], '<img src="https://192.0.2.7/pixel.gif?who=1">x'),
    "/moved/": (302, "text/html", SHUT, [], ""),
    "/address/": (200, "text/html", "img-src *", [], '<img src="http://127.0.0.1:{port}/plain.gif">'),
    "/framed/": (200, "text/html", "frame-src *", [], '<iframe src="https://frames.example/x?who=1"></iframe>'),
    "/site.css": (200, "text/css", SHUT, [], "p { color: red }"),
    "/font.css": (200, "text/css", SHUT, [], FONT),
}


def certificate(name):
    """Return (CA's PEM, certificate and key as PEM) for a name."""
    now, found = datetime.now(UTC), []
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
    for own, subject in ((ca_key, issuer), (key, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))):
        made = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(own.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=own is ca_key, path_length=None), critical=True)
        )  # fmt: skip
        if own is key:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        found.append(made.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM).decode())
    return found[0], found[1] + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    busy: ClassVar[list[str]] = []  # paths to be refused once, as by a limit

    def do_GET(self):
        self.server.heard.append((self.headers["Host"], self.path))
        path = self.path.partition("?")[0]
        status, kind, policy, cookies, body = PAGES.get(path, (404, "text/html", SHUT, [], "none"))
        if path in self.busy:
            self.busy.remove(path)
            status = 429
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "https://elsewhere.example/there?x=1")
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Security-Policy", policy)
        for cookie in cookies:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write(body.replace("{port}", str(self.server.server_port)).encode())

    def log_message(self, *_said):
        pass


class OverIPv6(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


@pytest.fixture(scope="module", params=["127.0.0.1", "::1"])
def server(tmp_path_factory, request):
    ca, both = certificate(NAME)
    file = tmp_path_factory.mktemp("server") / "both.pem"
    file.write_text(both)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    kind = OverIPv6 if ":" in request.param else http.server.ThreadingHTTPServer
    with kind((request.param, 0), Handler) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        listening.heard, listening.ca = [], ca
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


needs_browser = pytest.mark.skipif(browser.program() is None, reason="not applicable: no browser is installed")


def opened(server, *paths, name=NAME, ca=None):
    place = Place(server.server_address[0], server.server_port, name)
    return browser.opened(place, paths, names=[NAME], ca_pem=ca or server.ca)


@needs_browser
def test_what_each_page_asks_for_is_recorded_also_where_it_is_stopped(server):
    Handler.busy += ["/", "/site.css"]
    found = opened(server, "/", "/font/", "/shut/", "/picture/", "/framed/", "/no-such-page")
    own = f"https://{NAME}:{server.server_port}"
    assert {path: page["status"] for path, page in found["pages"].items()} == {
        "/": 200, "/font/": 200, "/shut/": 200, "/picture/": 200, "/framed/": 200, "/no-such-page": 404,
    }  # fmt: skip
    asked = {path: {(one["url"], one["stopped"]) for one in page["requests"]} for path, page in found["pages"].items()}
    font = "https://fonts.example/x.woff2"
    assert asked["/"] == {(f"{own}/", ""), (f"{own}/site.css", "")}
    assert (font, "net::ERR_NAME_NOT_RESOLVED") in asked["/font/"]
    assert (font, "csp") in asked["/shut/"]
    assert ("https://192.0.2.7/pixel.gif", "csp") in asked["/picture/"]
    assert ("https://frames.example/x", "net::ERR_NAME_NOT_RESOLVED") in asked["/framed/"]
    assert asked["/no-such-page"] == {(f"{own}/no-such-page", "")}
    assert "Chrom" in found["browser"]


@needs_browser
def test_cookies_that_are_left_are_told_without_their_values(server):
    found = opened(server, "/", "/picture/")["cookies"]
    assert [(one["name"], one["domain"], one["secure"], one["http_only"], one["same_site"]) for one in found] == [
        ("_track", NAME, False, False, ""),
        ("visit", NAME, True, True, "Lax"),
    ]
    assert found[0]["lives"] is None
    assert 86300 < found[1]["lives"] <= 86400
    assert "secret" not in str(found)


@needs_browser
def test_nothing_leaves_for_another_name_or_address(server):
    server.heard.clear()
    found = opened(server, "/moved/", "/address/")["pages"]
    moved = [(one["url"].partition("//")[2], one["stopped"]) for one in found["/moved/"]["requests"]]
    assert moved[0] == (f"{NAME}:{server.server_port}/moved/", "")
    assert moved[1] == ("elsewhere.example/there", "net::ERR_NAME_NOT_RESOLVED")
    assert found["/moved/"]["status"] == 0
    assert [one["stopped"] for one in found["/address/"]["requests"]] == ["", "net::ERR_NAME_NOT_RESOLVED"]
    assert {host for host, _ in server.heard} == {f"{NAME}:{server.server_port}"}


@needs_browser
def test_a_certificate_of_another_authority_is_not_taken(server):
    with pytest.raises(NotJudged, match="not trusted"):
        opened(server, "/", ca=certificate(NAME)[0])


@needs_browser
def test_nothing_is_left_behind(server, monkeypatch):
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(browser.tempfile, "tempdir", folder)
        Path(folder).chmod(0o711)  # the browser is nobody where this is root
        opened(server, "/")
        assert list(Path(folder).iterdir()) == []
        assert not [one for one in Path("/proc").glob("[0-9]*/cmdline") if folder in read(one)]


@needs_browser
def test_a_browser_that_ends_by_itself_says_why(server, monkeypatch):
    monkeypatch.setattr(browser, "FLAGS", ("--headless", "--no-such-flag", "--user-data-dir=/proc/1/x", "--version"))
    with pytest.raises(NotJudged, match="ended by itself: it said nothing"):
        opened(server, "/")


def read(file):
    with contextlib.suppress(OSError):
        return file.read_text()
    return ""


def test_without_a_browser_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(browser, "program", lambda: None)
    with pytest.raises(NotJudged, match="apt-get install chromium-headless-shell"):
        browser.opened(Place("127.0.0.1", 443, NAME), ["/"], names=[NAME], ca_pem="")
