"""TLS from outside: what a server would agree to, which certificates it shows, and whom it lets in."""

import contextlib
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from cryptography import x509

from azukari.errors import Unreachable
from azukari.ssh.client_hello import ALL_12, GROUPS, SUITES_13, VERSIONS, Answer, NoTls, ask, suite_name
from azukari.ssh.vantage import dial

StartTls = Literal["smtp", "postgres"]

_AT_ONCE = 4
_READING = threading.Lock()  # those who want the same list at once wait for the first, and do not all read it
_POSTGRES_SSL_REQUEST = struct.pack(">II", 8, 80877103)  # PostgreSQL's protocol, “SSL Session Encryption”


@dataclass(frozen=True)
class Place:
    """Where TLS is spoken.

    Attributes:
        address: IPv4 or IPv6.
        port: the port.
        server_name: the name asked for; empty for none.
        starttls: what is said before TLS begins.
        namespace: from where; None for this machine's own network.
        timeout: seconds for each step.
    """

    address: str
    port: int
    server_name: str = ""
    starttls: StartTls | None = None
    namespace: str | None = None
    timeout: float = 5


@dataclass(frozen=True)
class Offer:
    """What a server agrees to.

    Attributes:
        suites: the suites it chose, in its order, by version; versions that it refuses are missing.
        groups: the groups of TLS 1.3 that it takes, in the order of the registry given in `client_hello`.
    """

    suites: dict[str, tuple[str, ...]]
    groups: tuple[str, ...]

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that it speaks, oldest first."""
        return tuple(self.suites)


@dataclass(frozen=True)
class Chain:
    """The certificates that a server shows.

    Attributes:
        certificates: its own first.
        trusted: whether they lead to the given CA, in time and for the name.
        problem: why not.
    """

    certificates: tuple[x509.Certificate, ...]
    trusted: bool
    problem: str


@dataclass(frozen=True)
class Mutual:
    """How a server took a client, or one without a certificate.

    Attributes:
        handshake: whether the handshake went through as far as the client could see.
        answer: what came back to the request; empty when the server hung up or said nothing.
        message: the refusal, in words; empty when there was none.
    """

    handshake: bool
    answer: bytes
    message: str


def trusting(ca_pem: str | None) -> ssl.SSLContext:
    """Return a client's settings, which many connections share: to read a machine's whole list takes long.

    Args:
        ca_pem: the CAs to trust; None for this machine's own list.
    """
    with _READING:
        return _trusting(ca_pem)


@lru_cache(maxsize=8)
def _trusting(ca_pem: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=ca_pem)


def trusting_anybody() -> ssl.SSLContext:
    """Return the settings of a client that only wants to see what it is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def probe(place: Place) -> Offer:
    """Find out every version, suite and group that a server agrees to.

    Raises:
        Unreachable: it does not answer, or not in TLS.
    """
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        listed = pool.map(lambda version: _suites(place, version), VERSIONS)
        taken = pool.map(lambda group: _asked(place, "TLS 1.3", tuple(SUITES_13), (group,)).group == group, GROUPS)
        suites = {version: chosen for version, chosen in zip(VERSIONS, listed, strict=True) if chosen}
        groups = tuple(name for name, yes in zip(GROUPS.values(), taken, strict=True) if yes)
    return Offer(suites, groups)


def chain(place: Place, ca_pem: str | None = None) -> Chain:
    """Return the certificates that a server shows, and whether they are worth anything.

    Args:
        place: the server; its name is checked.
        ca_pem: the CA to trust; this machine's own list by default.

    Raises:
        Unreachable: it does not answer, or not in TLS.
    """
    with _connected(place) as connection, _wrapped(trusting_anybody(), connection, place) as tls:
        certificates = tuple(x509.load_der_x509_certificate(der) for der in _shown(tls))
    try:
        with (
            _connected(place) as connection,
            trusting(ca_pem).wrap_socket(connection, server_hostname=place.server_name or place.address),
        ):
            return Chain(certificates, True, "")
    except ssl.SSLCertVerificationError as error:
        return Chain(certificates, False, error.verify_message)
    except OSError as error:
        raise Unreachable(f"{place.address} port {place.port}: the TLS handshake failed: {error}.") from error


def mutual(
    place: Place,
    ca_pem: str,
    certificate_pem: str | None = None,
    key_pem: str | None = None,
    request: bytes = b"HEAD / HTTP/1.0\r\n\r\n",
) -> Mutual:
    """Try to be served as a client with some certificate, or with none.

    In TLS 1.3 a server refuses a client's certificate only after the client's side of the handshake is done: so a
    request is sent and an answer waited for.

    Args:
        place: the server.
        ca_pem: the CA of the server's own certificate.
        certificate_pem: the client's certificate; None for none.
        key_pem: its key.
        request: what an honest client would say first.

    Raises:
        Unreachable: no connection, or the server's own certificate is not trusted.
    """
    context = ssl.create_default_context(cadata=ca_pem)
    if certificate_pem is not None and key_pem is not None:
        _present(context, certificate_pem, key_pem)
    with _connected(place) as connection:
        try:
            tls = context.wrap_socket(connection, server_hostname=place.server_name or place.address)
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(
                f"{place.address} port {place.port} shows a certificate that is not trusted: {error.verify_message}."
            ) from error
        except OSError as error:
            return Mutual(False, b"", _words(error))
        with tls:
            try:
                tls.sendall(request)
                answer = tls.recv(4096)
                return Mutual(True, answer, "" if answer else "it closed the connection")
            except TimeoutError:
                return Mutual(True, b"", "")
            except OSError as error:
                return Mutual(True, b"", _words(error))


def _suites(place: Place, version: str) -> tuple[str, ...]:
    """Return the suites in the server's order: each that it chooses is left out of the next offer."""
    left = list(SUITES_13) if version == "TLS 1.3" else list(ALL_12)
    chosen: list[str] = []
    while left:
        answer = _asked(place, version, tuple(left), tuple(GROUPS))
        if answer.version != VERSIONS[version] or answer.suite not in left:
            break
        chosen.append(suite_name(answer.suite))
        left.remove(answer.suite)
    return tuple(chosen)


def _asked(place: Place, version: str, suites: tuple[int, ...], groups: tuple[int, ...]) -> Answer:
    with _connected(place) as connection:
        try:
            return ask(connection, VERSIONS[version], suites, groups, place.server_name)
        except (OSError, NoTls, struct.error, IndexError) as error:
            raise Unreachable(f"{place.address} port {place.port} does not answer in TLS: {error}.") from error


@contextlib.contextmanager
def _connected(place: Place) -> Iterator[socket.socket]:
    with dial(place.address, place.port, place.timeout, place.namespace) as connection:
        try:
            if place.starttls == "smtp":
                _smtp(connection)
            elif place.starttls == "postgres":
                _postgres(connection)
        except (OSError, NoTls) as error:
            raise Unreachable(f"{place.address} port {place.port} does not begin TLS: {error}.") from error
        yield connection


def _postgres(connection: socket.socket) -> None:
    connection.sendall(_POSTGRES_SSL_REQUEST)
    if connection.recv(1) != b"S":
        raise NoTls("it does without TLS")


def _smtp(connection: socket.socket) -> None:
    for said in (b"", b"EHLO probe.invalid\r\n", b"STARTTLS\r\n"):
        if said:
            connection.sendall(said)
        reply = b""
        while not reply.endswith(b"\n") or reply.rstrip(b"\r\n").split(b"\n")[-1][3:4] == b"-":
            more = connection.recv(4096)
            if not more:
                raise NoTls("it closed the connection")
            reply += more
        if reply[:1] != b"2":
            raise NoTls(reply.decode(errors="replace").strip())


def _present(context: ssl.SSLContext, certificate_pem: str, key_pem: str) -> None:
    # Python's ssl takes a client's key from files alone.
    with tempfile.TemporaryDirectory(prefix="azukari-tls-") as folder:
        both = Path(folder) / "client.pem"
        both.touch(mode=0o600)
        both.write_text(f"{certificate_pem}\n{key_pem}\n")
        context.load_cert_chain(both)


@contextlib.contextmanager
def _wrapped(context: ssl.SSLContext, connection: socket.socket, place: Place) -> Iterator[ssl.SSLSocket]:
    try:
        tls = context.wrap_socket(connection, server_hostname=place.server_name or None)
    except OSError as error:
        raise Unreachable(f"{place.address} port {place.port}: the TLS handshake failed: {error}.") from error
    with tls:
        yield tls


def _shown(tls: ssl.SSLSocket) -> list[bytes]:
    plain: Any = tls
    if hasattr(plain, "get_unverified_chain"):  # public from Python 3.13 on
        return list(plain.get_unverified_chain())
    pem = "".join(certificate.public_bytes() for certificate in plain._sslobj.get_unverified_chain())
    return [ssl.PEM_cert_to_DER_cert(part + _END) for part in pem.split(_END)[:-1]]


_END = "-----END CERTIFICATE-----\n"


def _words(error: OSError) -> str:
    reason = getattr(error, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else (error.strerror or str(error) or "it hung up")
