"""What a server offers in its first SSH packet (RFC 4253, section 7.1), read without any library's own opinion."""

import struct
from dataclasses import dataclass
from typing import Protocol

from azukari.errors import Unreachable
from azukari.ssh.vantage import dial

_MSG_KEXINIT = 20
_OURS = b"SSH-2.0-azukari\r\n"


class Connection(Protocol):
    """What a socket and a channel through the bastion have in common."""

    def sendall(self, data: bytes, /) -> None:
        """Send everything."""

    def recv(self, size: int, /) -> bytes:
        """Return up to so many bytes; none at the end."""

    def settimeout(self, seconds: float, /) -> None:
        """Wait so many seconds for each step."""

    def close(self) -> None:
        """End it."""


@dataclass(frozen=True)
class Handshake:
    """A server's identification and the algorithms it offers, in its order of preference.

    Attributes:
        version: its identification line, such as `SSH-2.0-OpenSSH_10.0p2`.
        kex: key exchanges, without the markers of extensions and strict order.
        host_key_algorithms: for its host keys.
        ciphers: both directions, client to server first.
        macs: likewise.
        compression: likewise.
        strict_order: whether it has the remedy to Terrapin (CVE-2023-48795).
    """

    version: str
    kex: tuple[str, ...]
    host_key_algorithms: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    compression: tuple[str, ...]
    strict_order: bool


def handshake(
    address: str,
    port: int = 22,
    timeout: float = 5,
    namespace: str | None = None,
    connection: Connection | None = None,
) -> Handshake:
    """Read a server's offer and leave.

    Args:
        address: the server.
        port: its port.
        timeout: seconds for each read.
        namespace: from where.
        connection: an open connection to use instead, such as a channel through the bastion.

    Raises:
        Unreachable: no connection, or not an SSH server's answer.
    """
    open_connection: Connection = connection or dial(address, port, timeout, namespace)
    try:
        open_connection.settimeout(timeout)
        return _read(open_connection)
    except (OSError, ValueError, struct.error) as error:
        raise Unreachable(f"{address} port {port} does not answer as an SSH server does: {error}.") from error
    finally:
        open_connection.close()


def parse(payload: bytes) -> list[list[str]]:
    """Return the ten name lists of a KEXINIT payload.

    Raises:
        ValueError: it is another message.
    """
    if not payload or payload[0] != _MSG_KEXINIT:
        raise ValueError(f"its first packet is of type {payload[0] if payload else 'none'}, not a key exchange's offer")
    lists, at = [], 17  # the type and 16 random bytes
    for _ in range(10):
        (size,) = struct.unpack_from(">I", payload, at)
        names = payload[at + 4 : at + 4 + size].decode("ascii")
        lists.append(names.split(",") if names else [])
        at += 4 + size
    return lists


def _read(connection: Connection) -> Handshake:
    connection.sendall(_OURS)
    version = _identification(connection)
    size, padding = struct.unpack(">IB", _exactly(connection, 5))
    if not 16 <= size <= 65536:
        raise ValueError("its first packet has an impossible length")
    kex, host_keys, ciphers_in, ciphers_out, macs_in, macs_out, zip_in, zip_out, *_ = parse(
        _exactly(connection, size - 1)[: size - 1 - padding]
    )
    markers = {name for name in kex if name.startswith(("ext-info-", "kex-strict-"))}
    return Handshake(
        version=version,
        kex=tuple(name for name in kex if name not in markers),
        host_key_algorithms=tuple(host_keys),
        ciphers=tuple(dict.fromkeys([*ciphers_in, *ciphers_out])),
        macs=tuple(dict.fromkeys([*macs_in, *macs_out])),
        compression=tuple(dict.fromkeys([*zip_in, *zip_out])),
        strict_order="kex-strict-s-v00@openssh.com" in markers,
    )


def _identification(connection: Connection) -> str:
    for _ in range(20):  # a server may send other lines first
        line = b""
        while not line.endswith(b"\n"):
            line += _exactly(connection, 1)
            if len(line) > 1024:
                raise ValueError("its identification has no end")
        text = line.decode("utf-8", "replace").strip()
        if text.startswith("SSH-"):
            return text
    raise ValueError("it does not identify itself")


def _exactly(connection: Connection, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ValueError("it closed the connection")
        data += more
    return data
