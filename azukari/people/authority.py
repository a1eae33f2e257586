"""The authority of a trust domain: three CAs (SSH users, SSH hosts, TLS) and the ledger of what they signed.

The private keys stand in `secrets/DOMAIN.yml` under the domain's own vault id; the public parts in `keys/ca/`. Whoever
lacks a domain's password can do nothing in it: that is the separation of DEST-09.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    SSHCertificateType,
    load_pem_private_key,
)

from azukari.errors import InputError
from azukari.people import domain_secrets, ssh_certificates, tls_certificates
from azukari.people.domain_secrets import KeysNotAtHand
from azukari.people.ledger import Entry, Ledger
from azukari.site import DOMAINS, Site, state_dir
from azukari.ssh import keys, krl

__all__ = ["Authority", "KeysNotAtHand", "create", "domains_at_hand", "ledger", "load"]

# The serial of the decoy that must be refused as revoked. It is in every list from the first, so that a decoy can be
# made when it is needed, as short-lived as an honest certificate, and still meets a list that knows it.
REVOKED_DECOY_SERIAL = 1


def create(site: Site, domain: str) -> "Authority":
    """Make the three CAs of a domain, its password if there is none, and put all in place.

    Args:
        site: the site.
        domain: `production`, `vault` or `log`.

    Raises:
        InputError: the domain has its secrets already; they are never overwritten.
    """
    if domain_secrets.path(site, domain).exists():
        raise InputError(f"The domain {domain} has its keys already ({domain_secrets.path(site, domain)}).")
    user, host = keys.new_key(), keys.new_key()
    tls = ec.generate_private_key(ec.SECP256R1())
    domain_secrets.new_password(site, domain)
    domain_secrets.write(
        site,
        domain,
        {
            "authority": {
                "user": keys.private_text(user).decode(),
                "host": keys.private_text(host).decode(),
                "tls": tls.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            },
            "services": domain_secrets.new_services_secret(),
        },
    )
    public = _public_folder(site)
    keys.write(public / f"{domain}_user.pub", keys.public_text(user, f"azukari {site.name} {domain} users"))
    keys.write(public / f"{domain}_host.pub", keys.public_text(host, f"azukari {site.name} {domain} hosts"))
    keys.write(public / f"{domain}_tls.pem", tls_certificates.root(site.name, domain, tls))
    return load(site, domain)


def load(site: Site, domain: str) -> "Authority":
    """Return the authority of a domain whose keys are on this machine.

    Raises:
        KeysNotAtHand: they are not; the message says what is missing and who keeps it.
    """
    held = domain_secrets.read(site, domain).get("authority")
    where = str(domain_secrets.path(site, domain))
    if not isinstance(held, dict) or not {"user", "host", "tls"} <= held.keys():
        raise InputError(f"{where} lacks the authority's keys (authority: user, host, tls).")
    tls = load_pem_private_key(held["tls"].encode(), password=None)
    if not isinstance(tls, ec.EllipticCurvePrivateKey):
        raise InputError(f"{where}: authority.tls is not an ECDSA key.")
    root = _public_folder(site) / f"{domain}_tls.pem"
    if not root.exists():
        raise InputError(f"{root} is missing; it is the public part of {where}. Take it from the version history.")
    return Authority(
        domain=domain,
        user_ca=keys.read_private(held["user"].encode(), where),
        host_ca=keys.read_private(held["host"].encode(), where),
        tls_ca=tls,
        tls_ca_pem=root.read_text(),
        ledger=ledger(site, domain),
    )


def ledger(site: Site, domain: str) -> Ledger:
    """Return the domain's ledger as it is on this machine."""
    return Ledger(state_dir(site) / "ledger" / f"{domain}.jsonl")


def domains_at_hand(site: Site) -> list[str]:
    """Return the domains whose password and secrets are on this machine, in the design's order."""
    return [
        domain
        for domain in DOMAINS
        if domain_secrets.path(site, domain).exists() and domain_secrets.password_path(site, domain).exists()
    ]


@dataclass(frozen=True)
class Authority:
    """One domain's CAs. Every certificate is in the ledger before the caller has it."""

    domain: str
    user_ca: ed25519.Ed25519PrivateKey
    host_ca: ed25519.Ed25519PrivateKey
    tls_ca: ec.EllipticCurvePrivateKey
    tls_ca_pem: str
    ledger: Ledger

    def must_be_declared(self, site: Site) -> None:
        """Refuse to act where the site declares other keys: servers trust what lies there, and would refuse all of it.

        Raises:
            InputError: names the file that is not the public half of what is held here.
        """
        advice = (
            f"is not the public half of {domain_secrets.path(site, self.domain)}. Take it from the version history."
        )
        for kind, own in (("user", self.user_ca_public), ("host", self.host_ca_public)):
            public = _public_folder(site) / f"{self.domain}_{kind}.pub"
            if not public.exists() or public.read_text().split()[:2] != own.split()[:2]:
                raise InputError(f"{public} {advice}")
        try:
            root = x509.load_pem_x509_certificate(self.tls_ca_pem.encode()).public_key()
        except (ValueError, UnsupportedAlgorithm):
            root = None
        if root != self.tls_ca.public_key():
            raise InputError(f"{_public_folder(site) / f'{self.domain}_tls.pem'} {advice}")

    @property
    def user_ca_public(self) -> str:
        """The line that servers put in `TrustedUserCAKeys`."""
        return keys.public_text(self.user_ca)

    @property
    def host_ca_public(self) -> str:
        """The key for `@cert-authority` lines of a known_hosts file."""
        return keys.public_text(self.host_ca)

    def user_certificate(
        self,
        public_key: str,
        principals: Sequence[str],
        key_id: str,
        valid_after: datetime,
        valid_before: datetime,
        source_addresses: Sequence[str],
        extensions: Sequence[str] = (),
        serial: int | None = None,
    ) -> str:
        """Return an SSH user certificate, one line.

        Args:
            public_key: the line of the key to certify.
            principals: at least one; a certificate without would be valid for all.
            key_id: person and ticket, or the automation's purpose; sshd logs it.
            valid_after: start (with time zone).
            valid_before: end (with time zone).
            source_addresses: addresses and networks that it may be used from; at least one.
            extensions: what it permits, such as `permit-port-forwarding`; nothing by default.
            serial: only for the revoked decoy; else a new one.

        Raises:
            InputError: no principal, no source address, or an end before the start.
        """
        if not principals or not source_addresses:
            raise InputError(f"A certificate for “{key_id}” needs at least one principal and one source address.")
        certificate, entry = ssh_certificates.make(
            self.user_ca,
            SSHCertificateType.USER,
            public_key,
            principals,
            key_id,
            (valid_after, valid_before),
            serial=serial,
            sources=source_addresses,
            extensions=extensions,
        )
        self.ledger.append([entry])
        return certificate

    def host_certificate(self, public_key: str, names: Sequence[str], days: int) -> str:
        """Return an SSH host certificate, one line.

        Args:
            public_key: the host's own public key line.
            names: its name first, then its addresses.
            days: how long it is valid, at most 365 (LEAK-11).

        Raises:
            InputError: no name, or too long.
        """
        if not names or not 0 < days <= 365:
            raise InputError(f"A host certificate needs a name and 1 to 365 days; found {list(names)}, {days} days.")
        start = datetime.now(UTC) - ssh_certificates.CLOCK_SKEW
        validity = (start, start + timedelta(days=days))
        certificate, entry = ssh_certificates.make(
            self.host_ca, SSHCertificateType.HOST, public_key, names, names[0], validity
        )
        self.ledger.append([entry])
        return certificate

    def tls_certificate(
        self,
        csr_pem: str,
        names: Sequence[str],
        days: int,
        client: bool = True,
        server: bool = True,
        start: datetime | None = None,
        key_id: str = "",
    ) -> str:
        """Return a TLS certificate (PEM, the leaf alone) for the key of a signing request.

        Arguments and errors are those of `tls_certificates.leaf`; `key_id` is how the ledger calls it, by default its
        first name.
        """
        certificate = tls_certificates.leaf(
            self.tls_ca, self.tls_ca_pem, csr_pem, names, days, client=client, server=server, start=start
        )
        entry = Entry(
            event="issued",
            kind="tls",
            serial=certificate.serial_number,
            key_id=key_id or names[0],
            names=tuple(names),
            valid_after=certificate.not_valid_before_utc.isoformat(),
            valid_before=certificate.not_valid_after_utc.isoformat(),
            key="SHA256:" + certificate.fingerprint(hashes.SHA256()).hex(),
        )
        self.ledger.append([entry])
        return certificate.public_bytes(Encoding.PEM).decode()

    def revoke(self, serial: int, key_id: str, why: str) -> None:
        """Put a user certificate on the revocation list, which the next `apply` carries to the servers."""
        self.ledger.append([Entry(event="revoked", kind="user", serial=serial, key_id=key_id, note=why)])

    def revocation_list(self, generated: datetime | None = None) -> bytes:
        """Return the domain's key revocation list, in the format of `ssh-keygen -k`.

        Args:
            generated: the time it bears; now by default. The rest depends on the ledger alone.
        """
        return combined_revocation_list([self], generated)


def combined_revocation_list(authorities: Sequence[Authority], generated: datetime | None = None) -> bytes:
    """Return one list for several authorities, as the bastion's jump account needs it.

    Args:
        authorities: one or more.
        generated: the time it bears; now by default.
    """
    serials = {_blob(a.user_ca_public): a.ledger.revoked() | {REVOKED_DECOY_SERIAL} for a in authorities}
    domains = " ".join(a.domain for a in authorities)
    version = sum(len(found) for found in serials.values())
    return krl.build(serials, version=version, generated=generated or datetime.now(UTC), comment=domains)


def _public_folder(site: Site) -> Path:
    return Path(site.path) / "keys" / "ca"


def _blob(public_key: str) -> bytes:
    return base64.b64decode(public_key.split()[1])
