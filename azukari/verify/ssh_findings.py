"""Judges of SSH that are worth a table of cases: host certificates, the ledger, idle times. All pure."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_identity
from cryptography.hazmat.primitives.serialization.ssh import SSHCertificate

from azukari.people.ledger import Entry

HOST_LIFE, HOST_LEFT = timedelta(days=366), timedelta(days=30)
LONGEST = {"automation": timedelta(hours=1), "person": timedelta(hours=8)}
IDLE_S = {"person": 30 * 60, "automation": 60 * 60, "unused": 15 * 60, "dead": 5 * 60}
_FAR = 2**33  # seconds; “for ever” is a number that no calendar holds
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def key_blobs(text: str) -> set[str]:
    """Return the keys of a file of OpenSSH public keys, as their base64."""
    return {line.split()[1] for line in text.splitlines() if len(line.split()) > 1 and not line.startswith("#")}


def read_certificate(text: str) -> SSHCertificate | None:
    """Return an SSH certificate whose signature holds; None when the text is none."""
    try:
        certificate = load_ssh_public_identity(text.strip().encode())
        if not isinstance(certificate, SSHCertificate):
            return None
        certificate.verify_cert_signature()
    except (ValueError, InvalidSignature):
        return None
    return certificate


def certificate_findings(certificate: SSHCertificate, names: set[str], ca: set[str], now: datetime) -> list[str]:
    """Return a sentence for each respect in which a host certificate is not as promised (LEAK-11).

    Args:
        certificate: as read.
        names: the principals that it must have, no more and no fewer.
        ca: the domain's host CA, as `key_blobs` tells it.
        now: the time of the question.
    """
    found = []
    signer = certificate.signature_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1].decode()
    if signer not in ca:
        found.append("it is signed by another authority than the domain’s host CA")
    named = {name.decode(errors="replace") for name in certificate.valid_principals}
    if named != names:
        found.append(f"it names {', '.join(sorted(named)) or 'every host'}; promised are {', '.join(sorted(names))}")
    begins, ends = (_moment(value) for value in (certificate.valid_after, certificate.valid_before))
    if ends - begins > HOST_LIFE:
        found.append(f"it is valid for {(ends - begins).days} days; promised is a year at most")
    if begins > now:
        found.append(f"it is not valid before {begins:%F %R} UTC")
    if ends - now < HOST_LEFT:
        found.append(f"it ends on {ends:%F}; promised are {HOST_LEFT.days} days yet")
    return found


def _moment(value: int) -> datetime:
    return datetime.fromtimestamp(min(value, _FAR), UTC)


def ledger_findings(entries: Iterable[Entry], people: Mapping[str, datetime]) -> list[str]:
    """Return a sentence for each user certificate made for longer, or for later, than is promised (LEAK-14).

    Args:
        entries: of the ledger; decoys are made wrong on purpose, and open nothing.
        people: the end of each person's last day, by name.
    """
    found = []
    for entry in entries:
        if entry.kind != "user" or entry.event != "issued" or entry.key_id.startswith("decoy/"):
            continue
        begins, ends = (datetime.fromisoformat(text) for text in (entry.valid_after, entry.valid_before))
        who = entry.key_id.partition("/")[0]
        longest = LONGEST["automation" if who in {"automation", "attempt"} else "person"]
        what = f"“{entry.key_id}” (serial {entry.serial})"
        if ends - begins > longest:
            found.append(f"{what} was made for {ends - begins}; promised is {longest} at most")
        if "/" not in entry.key_id:
            found.append(f"{what} names no ticket")
        if who in people and ends > people[who]:
            found.append(f"{what} outlives the contract’s date of {who}")
    return found


def seconds(text: str | None) -> int | None:
    """Return a time of sshd_config(5) (`30m`, `1h30m`, `900`) in seconds; None when it is none."""
    if re.fullmatch(r"\d+", text or ""):
        return int(text or 0)
    parts = re.findall(r"(\d+)([smhdw])", text or "")
    return sum(int(number) * _UNIT_S[unit] for number, unit in parts) if parts else None


def idle_findings(account: str, settings: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each way in which a connection could stay open for ever (LEAK-18).

    Args:
        account: whose connection; automation may be silent for longer.
        settings: of `sshd -T`.
    """
    found = []
    longest = IDLE_S["automation" if account == "azukari-apply" else "person"]
    channels = dict(one.partition("=")[::2] for one in str(settings.get("channeltimeout", "")).split())
    limits = [seconds(value) for value in channels.values()]
    if "*" not in channels or not all(limit and limit <= longest for limit in limits):
        told = settings.get("channeltimeout", "no time")
        found.append(f"idle sessions end after {told}; promised are {longest // 60} minutes")
    unused = seconds(settings.get("unusedconnectiontimeout"))
    if not unused or unused > IDLE_S["unused"]:
        told = settings.get("unusedconnectiontimeout", "no time")
        found.append(f"connections without a session end after {told}; promised are {IDLE_S['unused'] // 60} minutes")
    dead = int(settings.get("clientaliveinterval", 0)) * int(settings.get("clientalivecountmax", 0))
    if not 0 < dead <= IDLE_S["dead"]:
        found.append(f"dead connections end after {dead} s; promised are {IDLE_S['dead']} s")
    return found
