"""TLS's first message, written by hand, and the server's answer to it (RFC 8446, RFC 5246).

A TLS library offers only what itself would use: none can ask a server for TLS 1.0 with one suite, or whether it would
take a group that the library does not know. Nothing secret is agreed here, so nothing here needs to be secret.
"""

import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

VERSIONS = {"SSL 3.0": 0x0300, "TLS 1.0": 0x0301, "TLS 1.1": 0x0302, "TLS 1.2": 0x0303, "TLS 1.3": 0x0304}

# https://www.iana.org/assignments/tls-parameters, those that servers know.
GROUPS = {
    0x11EC: "X25519MLKEM768",
    0x11EB: "SecP256r1MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
    0x001D: "x25519",
    0x001E: "x448",
    0x0017: "secp256r1",
    0x0018: "secp384r1",
    0x0019: "secp521r1",
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
    0x0102: "ffdhe4096",
}
SUITES_13 = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
}
# Every suite up to TLS 1.2 is offered; those that a server of today may choose have a name, the others a number.
SUITES_12 = {
    0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    0xC0AC: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    0xC0AD: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
    0x009E: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    0x009F: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    0xCCAA: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    0xC023: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    0xC024: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    0xC027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    0xC028: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    0xC009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    0xC00A: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    0xC013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    0xC014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    0x009C: "TLS_RSA_WITH_AES_128_GCM_SHA256",
    0x009D: "TLS_RSA_WITH_AES_256_GCM_SHA384",
    0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
    0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
    0x000A: "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    0x0033: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    0x0039: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
}
_SIGNALS = {0x00FF, 0x5600}  # renegotiation and fallback: signals, no suites
ALL_12 = tuple(
    dict.fromkeys(
        [*SUITES_12, *range(0x0001, 0x00C8), *range(0xC001, 0xC0B8), *range(0xCCA8, 0xCCAF), 0xD001, 0xD002, 0xD005]
    )
)

# Every signature algorithm in use, old ones too, so that a server's choice of certificate is no obstacle.
_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201)
_RETRY = sha256(b"HelloRetryRequest").digest()  # RFC 8446, section 4.1.3
_ALERTS = {
    40: "handshake failure",
    42: "bad certificate",
    47: "illegal parameter",
    50: "decode error",
    70: "protocol version",
    71: "insufficient security",
    80: "internal error",
    86: "inappropriate fallback",
    109: "missing extension",
    112: "unrecognized name",
}


@dataclass(frozen=True)
class Answer:
    """A server's answer to a first message.

    Attributes:
        version: the version that it chose, as on the wire; 0 when it refused.
        suite: the suite that it chose.
        group: the group that it asks for (TLS 1.3), or 0.
        refusal: its alert, in words, or how it hung up; empty when it chose.
    """

    version: int
    suite: int
    group: int
    refusal: str


class NoTls(ValueError):
    """What answers there does not speak TLS."""


def suite_name(suite: int) -> str:
    """Return a suite's registered name, or its number."""
    return SUITES_13.get(suite) or SUITES_12.get(suite) or f"0x{suite:04X}"


def ask(
    connection: socket.socket, version: int, suites: Sequence[int], groups: Sequence[int], server_name: str
) -> Answer:
    """Send a first message and read the answer.

    Args:
        connection: open, with a timeout.
        version: the one version to offer.
        suites: the suites to offer.
        groups: the groups to offer.
        server_name: the name to ask for; empty for none.

    Raises:
        NoTls: another protocol answers.
        OSError: the connection broke or timed out.
    """
    connection.sendall(build(version, suites, groups, server_name))
    return _read(connection)


def build(version: int, suites: Sequence[int], groups: Sequence[int], server_name: str) -> bytes:
    """Return the record with the first message. Arguments as for `ask`."""
    tls13 = version >= VERSIONS["TLS 1.3"]
    body = struct.pack(">H", min(version, VERSIONS["TLS 1.2"])) + os.urandom(32)
    body += _vector(1, os.urandom(32) if tls13 else b"")
    offered = [suite for suite in suites if suite not in _SIGNALS]
    body += _vector(2, _numbers([*offered, 0x00FF] if not tls13 else offered)) + b"\x01\x00"
    if version > VERSIONS["SSL 3.0"]:
        body += _vector(2, _extensions(version, groups, server_name))
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return struct.pack(">BH", 22, min(max(version, 0x0300), 0x0301)) + _vector(2, message)


def _extensions(version: int, groups: Sequence[int], server_name: str) -> bytes:
    extensions: list[tuple[int, bytes]] = []
    if server_name:
        extensions.append((0, _vector(2, b"\x00" + _vector(2, server_name.encode()))))
    extensions += [
        (10, _vector(2, _numbers(groups))),
        (11, b"\x01\x00"),
        (13, _vector(2, _numbers(_SIGNATURES))),
        (23, b""),
    ]
    if version >= VERSIONS["TLS 1.3"]:
        # No key share: the server then asks for the group it wants, and so names it, with nothing computed.
        extensions += [(43, _vector(1, _numbers([version]))), (51, _vector(2, b"")), (45, b"\x01\x01")]
    return b"".join(struct.pack(">H", kind) + _vector(2, data) for kind, data in extensions)


def _vector(width: int, data: bytes) -> bytes:
    return len(data).to_bytes(width, "big") + data


def _numbers(values: Sequence[int]) -> bytes:
    return b"".join(struct.pack(">H", value) for value in values)


def _read(connection: socket.socket) -> Answer:
    handshake = b""
    while True:
        header = _exactly(connection, 5)
        if len(header) < 5:
            return Answer(0, 0, 0, "it closed the connection")
        kind, version, size = struct.unpack(">BHH", header)
        if kind not in (21, 22) or version >> 8 != 3:
            raise NoTls(f"it answers {header!r}, which is not TLS")
        data = _exactly(connection, size)
        if kind == 21:
            code = data[1] if len(data) > 1 else 0
            return Answer(0, 0, 0, f"alert: {_ALERTS.get(code, str(code))}")
        handshake += data
        length = int.from_bytes(handshake[1:4], "big")
        if len(handshake) >= 4 + length:
            return _server_hello(handshake[: 4 + length])


def _server_hello(message: bytes) -> Answer:
    if message[0] != 2:
        raise NoTls("its first message is not TLS's ServerHello")
    version = struct.unpack_from(">H", message, 4)[0]
    retry = message[6:38] == _RETRY
    at = 39 + message[38]
    suite = struct.unpack_from(">H", message, at)[0]
    at += 3
    group = 0
    end = at + 2 + struct.unpack_from(">H", message, at)[0] if at + 2 <= len(message) else at
    at += 2
    while at + 4 <= end:
        kind, size = struct.unpack_from(">HH", message, at)
        if kind == 43:
            version = struct.unpack_from(">H", message, at + 4)[0]
        elif kind == 51 and (retry or size >= 4):
            group = struct.unpack_from(">H", message, at + 4)[0]
        at += 4 + size
    return Answer(version, suite, group, "")


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    try:
        while len(data) < size and (more := connection.recv(size - len(data))):
            data += more
    except ConnectionError:  # a reset is how some servers refuse
        return data
    return data
