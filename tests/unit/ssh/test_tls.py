"""The TLS client against OpenSSL's own server, and against answers that no server at hand would give."""

import contextlib
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from azukari.errors import Unreachable
from azukari.ssh import client_hello
from azukari.ssh.tls import Place, chain, mutual, probe

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="not applicable: openssl is not installed")


class Ca:
    """A CA and what it signs, each as PEM."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
        self.pem = self._sign(self.key, self.name, "", ca=True).public_bytes(Encoding.PEM).decode()

    def leaf(self, name: str, days: float = 1) -> tuple[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(key, subject, name, ca=False, days=days)
        plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return certificate.public_bytes(Encoding.PEM).decode(), plain

    def _sign(
        self, key: ec.EllipticCurvePrivateKey, subject: x509.Name, name: str, *, ca: bool, days: float = 1
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if name:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        return builder.sign(self.key, hashes.SHA256())


@pytest.fixture(scope="module")
def ca() -> Ca:
    return Ca()


Serve = Callable[..., contextlib.AbstractContextManager[int]]


@pytest.fixture
def serve(tmp_path: Path, ca: Ca) -> Serve:
    @contextlib.contextmanager
    def started(*arguments: str, days: float = 1) -> Iterator[int]:
        (tmp_path / "server.pem").write_text("".join(ca.leaf("www.test", days)))
        (tmp_path / "ca.pem").write_text(ca.pem)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", "server.pem", "-www", *arguments]
        server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(200):
                with socket.socket() as attempt:
                    if attempt.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            yield port
        finally:
            server.terminate()
            server.wait(10)

    return started


@contextlib.contextmanager
def _answering(answer: bytes) -> Iterator[int]:
    """A server that gives one fixed answer to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def work() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(4096)
                        connection.sendall(answer)

        threading.Thread(target=work, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_a_strict_server_shows_two_versions_its_suites_in_order_and_its_groups(serve: Serve) -> None:
    suites = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
    arguments = ("-no_tls1", "-no_tls1_1", "-serverpref", "-cipher", suites, "-groups", "X25519:P-256")
    with serve(*arguments, "-ciphersuites", "TLS_AES_256_GCM_SHA384") as port:
        offer = probe(Place("127.0.0.1", port, "www.test"))
    assert offer.suites == {
        "TLS 1.2": ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        "TLS 1.3": ("TLS_AES_256_GCM_SHA384",),
    }
    assert set(offer.groups) == {"x25519", "secp256r1"}


def test_old_versions_and_cbc_suites_show(serve: Serve) -> None:
    with serve("-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", "-no_tls1_3") as port:
        offer = probe(Place("127.0.0.1", port, "www.test"))
    cbc = ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",)
    assert offer.suites == {"TLS 1.0": cbc, "TLS 1.1": cbc, "TLS 1.2": cbc}
    assert offer.groups == ()


def test_a_server_that_asks_for_the_hybrid_group_is_understood() -> None:
    extensions = struct.pack(">HHH", 43, 2, 0x0304) + struct.pack(">HHH", 51, 2, 0x11EC)
    body = b"\x03\x03" + sha256(b"HelloRetryRequest").digest() + b"\x00" + struct.pack(">HB", 0x1302, 0)
    body += struct.pack(">H", len(extensions)) + extensions
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    record = b"\x16\x03\x03" + struct.pack(">H", len(message)) + message
    with _answering(record) as port, socket.create_connection(("127.0.0.1", port), 2) as connection:
        answer = client_hello.ask(connection, 0x0304, [0x1302], [0x11EC], "")
    assert answer == client_hello.Answer(0x0304, 0x1302, 0x11EC, "")


def test_an_alert_is_a_refusal_in_words() -> None:
    with (
        _answering(b"\x15\x03\x01\x00\x02\x02\x46") as port,
        socket.create_connection(("127.0.0.1", port)) as connection,
    ):
        answer = client_hello.ask(connection, 0x0301, [0x002F], [23], "www.test")
    assert answer == client_hello.Answer(0, 0, 0, "alert: protocol version")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n"])
def test_another_protocol_is_not_a_server_without_versions(answer: bytes) -> None:
    with _answering(answer) as port, pytest.raises(Unreachable, match="does not answer in TLS"):
        probe(Place("127.0.0.1", port, timeout=2))


def test_nobody_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(Unreachable, match="Connection refused"):
        probe(Place("127.0.0.1", port))


def test_a_chain_is_trusted_for_its_name_its_time_and_its_ca_only(serve: Serve, ca: Ca) -> None:
    with serve() as port:
        good = chain(Place("127.0.0.1", port, "www.test"), ca.pem)
        other_name = chain(Place("127.0.0.1", port, "other.test"), ca.pem)
        other_ca = chain(Place("127.0.0.1", port, "www.test"), Ca().pem)
    with serve(days=-1) as port:
        expired = chain(Place("127.0.0.1", port, "www.test"), ca.pem)
    assert (good.trusted, good.problem, len(good.certificates)) == (True, "", 1)
    assert "www.test" in good.certificates[0].subject.rfc4514_string()
    assert [c.trusted for c in (other_name, other_ca, expired)] == [False] * 3
    assert "mismatch" in other_name.problem
    assert "expired" in expired.problem


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_mutual_tls_lets_in_its_own_clients_only(serve: Serve, ca: Ca, version: str) -> None:
    with serve(version, "-Verify", "2", "-verify_return_error", "-CAfile", "ca.pem") as port:
        place = Place("127.0.0.1", port, "www.test")
        own = mutual(place, ca.pem, *ca.leaf("client"), request=b"GET / HTTP/1.0\r\n\r\n")
        nobody = mutual(place, ca.pem)
        foreign = mutual(place, ca.pem, *Ca().leaf("client"))
    assert own.answer.startswith(b"HTTP/1.0 200")
    assert own.message == ""
    for refused in (nobody, foreign):
        assert refused.answer == b""
        assert refused.message


def test_starttls_of_mail_and_database_comes_first() -> None:
    with _answering(b"N") as port, pytest.raises(Unreachable, match="does without TLS"):
        probe(Place("127.0.0.1", port, starttls="postgres", timeout=2))
