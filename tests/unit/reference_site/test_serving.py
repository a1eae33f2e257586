"""gunicorn itself, over real TLS on loopback: the web server is answered, any other host is not, nothing is logged."""

import contextlib
import http.client
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from azukari.verify import inner_attempts

ROOT = Path(__file__).parents[3]
SECONDS = 20  # for anything that is waited for
SECRET_WORDS = "nobody-may-log-this"  # noqa: S105  what a visitor writes


class Authority:
    """Issues throw-away certificates as the site's authority does: P-256, one DNS name."""

    def __init__(self, folder):
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = _name("test CA")
        usage = _usage(key_cert_sign=True, crl_sign=True)
        own = self._builder(self.name, self.key).add_extension(x509.BasicConstraints(True, 0), critical=True)
        self.file = self._write("ca", own.add_extension(usage, critical=True), self.key)

    def issue(self, name):
        """Return the file that holds a host's certificate; its key lies beside it."""
        key = ec.generate_private_key(ec.SECP256R1())
        both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return self._write(
            name,
            self._builder(_name(name), key)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage(both), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False),
            key,
        )

    def _builder(self, subject, key):
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )

    def _write(self, name, builder, key):
        file = self.folder / f"{name}.pem"
        file.write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM))
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.with_suffix(".key").write_bytes(private)
        return file


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(**granted):
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign "
        "encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: granted.get(name, False) for name in names.split()})


class Server:
    """gunicorn under its own configuration; only where it listens, and what it is told, is the test's."""

    def __init__(self, folder, told, authority, certificate=None):
        self.authority, self.log = authority, folder / "log"
        (folder / "served.py").write_text(
            "from pathlib import Path\nfrom reference_site.main import create\n"
            f"def start():\n    return create(Path({str(told[0] / 'site.json')!r}), Path({str(told[1])!r}))\n"
        )
        host = authority.issue("app")
        (told[1] / "host.key").write_bytes(host.with_suffix(".key").read_bytes())
        self.listening = socket.create_server(("127.0.0.1", 0))
        file = self.listening.fileno()
        options = ["--config", "python:reference_site.gunicorn_conf", "--bind", f"fd://{file}"]
        options += ["--certfile", certificate or host, "--ca-certs", authority.file, "--pythonpath", folder]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *options, "served:start()"],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT), "CREDENTIALS_DIRECTORY": str(told[1])},
                pass_fds=[file],
                stdout=log,
                stderr=log,
            )

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(SECONDS + 10)  # longer than graceful_timeout
        finally:
            self.process.kill()
            self.listening.close()

    @property
    def port(self):
        return self.listening.getsockname()[1]

    @property
    def workers(self):
        """The workers' process ids."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return set(children.read_text().split())

    def client(self, name=None, **versions):
        context = ssl.create_default_context(cafile=self.authority.file)
        for each, version in versions.items():
            setattr(context, each, version)
        if name is not None:
            certificate = self.authority.issue(name)
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        return Client(self.port, context)


class Client(http.client.HTTPConnection):
    """One connection to the server, whatever name its certificate has to bear."""

    def __init__(self, port, context):
        super().__init__("127.0.0.1", port, timeout=SECONDS)
        self.context = context

    def connect(self):
        super().connect()
        self.sock = self.context.wrap_socket(self.sock, server_hostname="app")

    def ask(self, method="GET", path="/en/contact/", body=None, **headers):
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        self.request(method, path, body, {"Host": "www.lab.test", **kind, **headers})
        answer = self.getresponse()
        return answer.status, answer.read().decode()


@pytest.fixture
def server(tmp_path, told):
    server = Server(tmp_path, told, Authority(tmp_path))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def web(server):
    with contextlib.closing(server.client("web")) as web:
        assert web.ask()[0] == 200, server.log.read_text()  # it has started
        yield web


def test_the_web_server_is_served_again_and_again_over_one_connection(web):
    socket = web.sock
    for _ in range(3):
        status, page = web.ask()
        assert status == 200
        assert '<form method="post"' in page
    assert web.sock is socket
    assert socket.version() == "TLSv1.3"


def test_another_host_of_the_site_gets_nothing(server, web):
    other = server.client("db")
    assert other.ask() == (403, "")
    assert other.ask("POST", body="comments=x" * 1000) == (403, "")
    assert other.ask() == (403, "")  # what was sent before and not read is no request


def test_who_has_no_certificate_of_ours_does_not_get_in(server, web, tmp_path):
    (tmp_path / "foreign").mkdir()
    foreign = Authority(tmp_path / "foreign").issue("web")
    stranger = server.client()
    stranger.context.load_cert_chain(foreign, foreign.with_suffix(".key"))
    for client in (server.client(), stranger):
        with pytest.raises((ssl.SSLError, ConnectionError)):  # TLS 1.3: refused after the client's own last word
            client.ask()


def test_tls_1_2_is_not_spoken(server, web):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        server.client("web", maximum_version=ssl.TLSVersion.TLSv1_2).ask()


def tried(server, tmp_path):
    """Return what the audit sees of each way in: the same program tries it on the servers (LEAK-05)."""
    (tmp_path / "foreign").mkdir(exist_ok=True)
    shown = {"unknown-ca": Authority(tmp_path / "foreign").issue("web"), "other-host": server.authority.issue("db")}
    ways = {
        "without TLS": {"plain": "yes"},
        "with TLS 1.2": {"version": "1.2"},
        "without a certificate": {},
        **{
            name: {"certificate": file.read_text(), "key": file.with_suffix(".key").read_text()}
            for name, file in shown.items()
        },
    }
    place = {"name": "app", "address": "127.0.0.1", "port": server.port, "speaks": "http", "site": "www.lab.test"}
    place["ca"] = server.authority.file.read_text()
    return {name: inner_attempts.tried(place, name, way) for name, way in ways.items()}


def test_the_audits_own_attempts_are_refused(server, web, tmp_path):
    found = tried(server, tmp_path)
    assert {name: one["answer"] for name, one in found.items() if one["answer"]} == {
        "other-host": "HTTP/1.1 403 Forbidden"
    }
    assert all(one["said"] for name, one in found.items() if name != "other-host")
    assert found["without a certificate"]["server"] == "proven"


def test_the_audit_sees_that_no_certificate_is_asked_for(tmp_path, told, monkeypatch):
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--cert-reqs=0")
    server = Server(tmp_path, told, Authority(tmp_path))
    try:
        with contextlib.closing(server.client()) as anybody:
            assert anybody.ask() == (403, "")  # it has started
        found = tried(server, tmp_path)
    finally:
        server.stop()
    assert found["without a certificate"]["answer"] == found["unknown-ca"]["answer"] == "HTTP/1.1 403 Forbidden"


def test_what_cannot_be_kept_is_said_and_none_of_it_is_logged(server, web):
    _, page = web.ask()
    token = re.search('name="token" value="([^"]+)"', page)[1]
    headers = {"Sec-Fetch-Site": "same-origin", "User-Agent": SECRET_WORDS, "X-Forwarded-For": SECRET_WORDS}
    status, page = web.ask("POST", body=f"token={token}&comments={SECRET_WORDS}", **headers)
    assert status == 503
    assert SECRET_WORDS in page
    assert web.ask(path=f"/en/contact/?{SECRET_WORDS}", **headers)[0] == 200
    for line in (
        f"{SECRET_WORDS}\r\n\r\n",
        f"GET / HTTP/1.1\r\n{SECRET_WORDS}\r\n\r\n",
        f"GET / {SECRET_WORDS}\r\n\r\n",
    ):
        broken = server.client("web")
        broken.connect()
        broken.sock.sendall(line.encode())
        assert broken.sock.recv(1000).startswith(b"HTTP/1.1 400 ")
        broken.close()
    assert server.log.read_text() == "An answer was not kept: OperationalError, SQLSTATE None.\n"


def test_who_breaks_off_disturbs_nobody(server, web):
    workers = server.workers
    assert len(workers) == 2
    for start in (b"", b"\x16", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n"):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", server.port)) as rude:
                rude.sendall(start)
                rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # ends it by RST
    assert web.ask()[0] == 200
    time.sleep(1)  # a worker that ended would have been replaced
    assert server.workers == workers, server.log.read_text()
    assert server.log.read_text() == ""


def test_who_says_nothing_holds_nobody_up_for_long(server, web):
    with contextlib.ExitStack() as silent:
        for _ in range(20):  # more than there are threads
            mute = silent.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            mute.sendall(b"\x16")
        time.sleep(1)  # until they have every thread
        assert web.ask()[0] == 200


def test_without_the_keys_own_certificate_it_does_not_start(tmp_path, told):
    authority = Authority(tmp_path)
    server = Server(tmp_path, told, authority, certificate=authority.issue("another"))
    try:
        assert server.process.wait(SECONDS) not in {0, None}
    finally:
        server.stop()
