"""OpenSSH certificates (PROTOCOL.certkeys), made without a tool: 0.3 ms each."""

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import SSHCertificateBuilder, SSHCertificateType

from azukari.errors import InputError
from azukari.people.ledger import Entry
from azukari.site import fingerprint
from azukari.ssh import keys

# Clocks of controller and servers may differ by so much before a fresh certificate is “not yet valid”.
CLOCK_SKEW = timedelta(minutes=5)


def new_serial() -> int:
    """Return a serial that was not given before."""
    # Seconds and chance, so that two machines which hold the same keys do not give one serial twice; below 2^53,
    # which JSON's readers keep exactly.
    return (int(time.time()) << 21) | secrets.randbits(21)


def make(
    ca: ed25519.Ed25519PrivateKey,
    kind: SSHCertificateType,
    public_key: str,
    names: Sequence[str],
    key_id: str,
    validity: tuple[datetime, datetime],
    *,
    serial: int | None = None,
    sources: Sequence[str] = (),
    extensions: Sequence[str] = (),
) -> tuple[str, Entry]:
    """Return a certificate line and what the ledger says of it.

    Args:
        ca: the key that signs.
        kind: user or host.
        public_key: the line of the key to certify.
        names: principals or host names.
        key_id: who or what it is for.
        validity: start and end (with time zone).
        serial: a new one unless given.
        sources: addresses that it may be used from (critical option `source-address`).
        extensions: what a user may do with it.

    Raises:
        InputError: an end before the start, or a key that is not Ed25519.
    """
    after, before = validity
    if before <= after:
        raise InputError(f"The certificate for “{key_id}” would end ({before}) before it starts ({after}).")
    number = new_serial() if serial is None else serial
    builder = (
        SSHCertificateBuilder()
        .public_key(keys.read_public(public_key, f"the key of “{key_id}”"))
        .serial(number)
        .type(kind)
        .key_id(key_id.encode())
        .valid_principals([name.encode() for name in names])
        .valid_after(int(after.timestamp()))
        .valid_before(int(before.timestamp()))
    )
    if sources:
        builder = builder.add_critical_option(b"source-address", ",".join(sources).encode())
    for extension in sorted(extensions):
        builder = builder.add_extension(extension.encode(), b"")
    entry = Entry(
        event="issued",
        kind="user" if kind is SSHCertificateType.USER else "host",
        serial=number,
        key_id=key_id,
        names=tuple(names),
        valid_after=after.astimezone(UTC).isoformat(timespec="seconds"),
        valid_before=before.astimezone(UTC).isoformat(timespec="seconds"),
        sources=tuple(sources),
        key=fingerprint(public_key),
    )
    return builder.sign(ca).public_bytes().decode() + f" {key_id}\n", entry
