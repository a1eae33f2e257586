"""Key revocation lists in OpenSSH's format (PROTOCOL.krl), written and read without a tool.

Written here rather than by `ssh-keygen -k`, because a list must come out byte for byte the same when nothing was
revoked since: only then does a second `apply` change nothing.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

_MAGIC = b"SSHKRL\n\0"
_FORMAT = 1
_SECTION_CERTIFICATES = 1
_CERT_SERIAL_LIST = 0x20
_CERT_SERIAL_RANGE = 0x21
_CERT_SERIAL_BITMAP = 0x22
_CERT_KEY_ID = 0x23


@dataclass(frozen=True)
class RevocationList:
    """What a revocation list says.

    Attributes:
        version: the number of revocations it knows; it only grows.
        generated: when it was made.
        comment: free text.
        serials: revoked serials, by the CA's public key blob (what stands in base64 in its `.pub`).
        key_ids: revoked key ids, likewise.
        other_sections: numbers of sections of another kind, which azukari never writes.
    """

    version: int
    generated: datetime
    comment: str
    serials: Mapping[bytes, frozenset[int]]
    key_ids: Mapping[bytes, frozenset[str]] = field(default_factory=dict)
    other_sections: tuple[int, ...] = ()

    def revokes_the_same(self, other: "RevocationList") -> bool:
        """Say whether both refuse exactly the same certificates, whenever they were made."""
        mine = (dict(self.serials), dict(self.key_ids), self.other_sections)
        return mine == (dict(other.serials), dict(other.key_ids), other.other_sections)


class KrlInvalid(ValueError):
    """The bytes are no revocation list; a server that is given them refuses everybody."""


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def build(serials: Mapping[bytes, Iterable[int]], *, version: int, generated: datetime, comment: str = "") -> bytes:
    """Return a revocation list.

    Args:
        serials: revoked serials (each above 0), by the CA's public key blob.
        version: the number of revocations known.
        generated: its time, in whole seconds.
        comment: free text.
    """
    out = _MAGIC + struct.pack(">IQQQ", _FORMAT, version, int(generated.timestamp()), 0)
    out += _string(b"") + _string(comment.encode())
    for ca, numbers in sorted(serials.items()):
        ordered = sorted(set(numbers))
        if not ordered:
            continue
        listed = b"".join(struct.pack(">Q", serial) for serial in ordered)
        body = _string(ca) + _string(b"") + bytes([_CERT_SERIAL_LIST]) + _string(listed)
        out += bytes([_SECTION_CERTIFICATES]) + _string(body)
    return out


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise KrlInvalid("the revocation list is cut short")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, layout: str) -> int:
        value: int = struct.unpack(layout, self.take(struct.calcsize(layout)))[0]
        return value

    def string(self) -> bytes:
        return self.take(self.number(">I"))

    def more(self) -> bool:
        return self.at < len(self.data)


def read(data: bytes) -> RevocationList:
    """Return what a revocation list says.

    Raises:
        KrlInvalid: not in OpenSSH's format. (An empty file is valid for sshd, and is read as version 0.)
    """
    if not data:
        return RevocationList(0, datetime.fromtimestamp(0, UTC), "", {})
    reader = _Reader(data)
    if reader.take(len(_MAGIC)) != _MAGIC or reader.number(">I") != _FORMAT:
        raise KrlInvalid("the file does not start as a revocation list does")
    version, generated = reader.number(">Q"), reader.number(">Q")
    reader.number(">Q")  # flags, none defined
    reader.string()  # reserved
    comment = reader.string().decode(errors="replace")
    serials: dict[bytes, set[int]] = {}
    key_ids: dict[bytes, set[str]] = {}
    others: list[int] = []
    while reader.more():
        section, body = reader.take(1)[0], _Reader(reader.string())
        if section != _SECTION_CERTIFICATES:
            others.append(section)
            continue
        ca = body.string()
        body.string()  # reserved
        _read_certificates(body, serials.setdefault(ca, set()), key_ids.setdefault(ca, set()))
    return RevocationList(
        version=version,
        generated=datetime.fromtimestamp(generated, UTC),
        comment=comment,
        serials={ca: frozenset(found) for ca, found in serials.items() if found},
        key_ids={ca: frozenset(found) for ca, found in key_ids.items() if found},
        other_sections=tuple(others),
    )


def _read_certificates(body: _Reader, serials: set[int], key_ids: set[str]) -> None:
    while body.more():
        kind, part = body.take(1)[0], _Reader(body.string())
        if kind == _CERT_SERIAL_LIST:
            while part.more():
                serials.add(part.number(">Q"))
        elif kind == _CERT_SERIAL_RANGE:
            low, high = part.number(">Q"), part.number(">Q")
            if high - low > 1_000_000:
                raise KrlInvalid("the revocation list revokes a range of more than a million serials")
            serials.update(range(low, high + 1))
        elif kind == _CERT_SERIAL_BITMAP:
            offset, bits = part.number(">Q"), int.from_bytes(part.string(), "big")
            serials.update(offset + bit for bit in range(bits.bit_length()) if bits >> bit & 1)
        elif kind == _CERT_KEY_ID:
            while part.more():
                key_ids.add(part.string().decode(errors="replace"))
        else:
            raise KrlInvalid(f"the revocation list has a part of unknown kind {kind}")
