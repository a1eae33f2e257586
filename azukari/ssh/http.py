"""HTTP from outside, one request a connection: exactly the bytes that were meant, and the answer as it came."""

import contextlib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse

from azukari.errors import Unreachable
from azukari.ssh.tls import Place, trusting
from azukari.ssh.vantage import dial

_LONGEST_BODY = 1 << 20  # bytes; a page is far smaller


@dataclass(frozen=True)
class Reply:
    """What a server answered.

    Attributes:
        status: the status code; 0 when it closed the connection, or refused the handshake, without an answer.
        headers: by name in small letters; of a header that came twice, both values with a comma between, and of
            `set-cookie`, which may have commas in it (RFC 9110, 5.3), with a line's end.
        body: its first MiB.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


NO_ANSWER = Reply(0, {}, b"")


def request(host: str, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> bytes:
    """Return a request's bytes; nothing is checked, so that it may be wrong on purpose.

    Args:
        host: the Host header.
        path: the request target.
        method: the method.
        headers: more headers.
    """
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def exchange(place: Place, sent: bytes, *, ca_pem: str | None = None) -> Reply:
    """Send bytes, and return the answer.

    Args:
        place: the server; `server_name` is the name asked for in TLS.
        sent: the request.
        ca_pem: speak TLS, trusting these CAs, and check the name; None speaks plain HTTP.

    Raises:
        Unreachable: there is no connection, or its certificate is not trusted.
    """
    with dial(place.address, place.port, place.timeout, place.namespace) as connection:
        if ca_pem is None:
            return _exchanged(connection, sent)
        try:
            with trusting(ca_pem).wrap_socket(connection, server_hostname=place.server_name or place.address) as tls:
                return _exchanged(tls, sent)
        except ssl.SSLCertVerificationError as error:
            shown = place.server_name or place.address
            raise Unreachable(f"The certificate of {shown} is not trusted: {error.verify_message}.") from error
        except OSError:  # the server ended it: during the handshake, or before the answer
            return NO_ANSWER


def _exchanged(connection: socket.socket, sent: bytes) -> Reply:
    response = HTTPResponse(connection)
    try:
        with contextlib.suppress(BrokenPipeError):  # it may have answered before it heard everything
            connection.sendall(sent)
        response.begin()
        body = response.read(_LONGEST_BODY)
    except (OSError, HTTPException):
        return NO_ANSWER
    finally:
        response.close()
    found: dict[str, str] = {}
    for name, value in response.getheaders():
        key = name.lower()
        between = "\n" if key == "set-cookie" else ", "
        found[key] = f"{found[key]}{between}{value}" if key in found else value
    return Reply(response.status, found, body)
