"""The TLS part of the decoy kit: throwaway keys whose certificates every inner server must refuse (LEAK-05).

As in decoys.py each is right in everything but its one reason: it is a client's certificate, in the names of all
clients that the domain has, and its CA bears the domain's name. They open nothing, and go to the auditor.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from azukari.errors import NotJudged
from azukari.people import authority, tls_certificates
from azukari.people.ssh_certificates import CLOCK_SKEW
from azukari.site import Site, holders_dir
from azukari.ssh import keys

WHY_REFUSED = {
    "expired": "its certificate ended an hour ago",
    "unknown-ca": "its certificate is signed by a CA that no server knows, though it calls itself the domain's",
    "other-host": "its certificate is the domain's, in the name of a host that is no client",
}
OTHER_DOMAIN = "its certificate is signed by the CA of the domain {}"
NOBODY = "decoy.invalid"  # RFC 2606: no host ever has this name
_DAYS = 1  # how long they are valid; the shortest that the authority makes
_LEFT = timedelta(minutes=20)  # a kit with less is made anew where it can be
_UNTIL = "usable-until"


@dataclass(frozen=True)
class TlsDecoy:
    """One decoy.

    Attributes:
        name: a key of `WHY_REFUSED`, or `other-domain-NAME`.
        why_refused: the reason, in words.
        certificate: PEM.
        private_key: PEM.
    """

    name: str
    why_refused: str
    certificate: str
    private_key: str


def make(site: Site, domain: str) -> list[TlsDecoy]:
    """Make a domain's TLS decoys anew, in `holders/auditor/decoys/DOMAIN/tls`.

    Raises:
        KeysNotAtHand: the domain's keys are not on this machine.
    """
    own, now, folder = authority.load(site, domain), datetime.now(UTC), _folder(site, domain)
    made = [_decoy(site, own, name, why, now) for name, why in WHY_REFUSED.items()]
    for one in made:
        keys.write_closed(folder / f"{one.name}.key", one.private_key)
        keys.write_closed(folder / f"{one.name}.pem", one.certificate)
    keys.write_closed(folder / _UNTIL, (now - CLOCK_SKEW + timedelta(days=_DAYS)).isoformat() + "\n")
    return made


def ensure(site: Site, domains: Iterable[str]) -> None:
    """Make the TLS decoys of those domains that lack usable ones.

    Raises:
        KeysNotAtHand: some are needed, and the domain's keys are not on this machine.
    """
    for domain in domains:
        try:
            load(site, domain, left=_LEFT)
        except NotJudged:
            make(site, domain)


def load(site: Site, domain: str, left: timedelta = timedelta(0)) -> list[TlsDecoy]:
    """Return a domain's TLS decoys, in the order of `WHY_REFUSED`.

    Args:
        site: the site.
        domain: the domain whose servers must refuse them.
        left: for how long they must be usable yet.

    Raises:
        NotJudged: one is missing, or they are too old: servers would refuse them for their age, which proves nothing.
    """
    folder = _folder(site, domain)
    try:
        until = datetime.fromisoformat((folder / _UNTIL).read_text().strip())
        found = [
            TlsDecoy(name, why, (folder / f"{name}.pem").read_text(), (folder / f"{name}.key").read_text())
            for name, why in WHY_REFUSED.items()
        ]
    except (OSError, ValueError) as error:
        raise NotJudged(
            f"The TLS decoys of the domain {domain} are not whole in {folder}; whoever holds the domain's keys makes "
            "them with `azukari apply` or `azukari people audit`."
        ) from error
    if until <= datetime.now(UTC) + left:
        raise NotJudged(
            f"The TLS decoys of the domain {domain} are too old to prove anything (usable until {until:%F %R} UTC); "
            "have `azukari people audit` run again."
        )
    return found


def of_other_domains(site: Site, domain: str) -> list[TlsDecoy]:
    """Return what a domain's servers must refuse as another domain's, made now by each CA whose keys are at hand.

    They lie nowhere, because no server of that other domain would refuse them.
    """
    now, others = datetime.now(UTC), [one for one in authority.domains_at_hand(site) if one != domain]
    names = _clients(site, domain)
    return [
        _made(authority.load(site, other), f"other-domain-{other}", OTHER_DOMAIN.format(other), names, now - CLOCK_SKEW)
        for other in others
    ]


def _clients(site: Site, domain: str) -> list[str]:
    """Return the names by which clients are known: the forms' role in the database, and the hosts."""
    return ["intake", *(host.name for host in site.domain_hosts(domain))]


def _decoy(site: Site, own: authority.Authority, name: str, why: str, now: datetime) -> TlsDecoy:
    names = [NOBODY] if name == "other-host" else _clients(site, own.domain)
    if name == "unknown-ca":
        return _unknown(site, own.domain, name, why, names)
    ended = now - timedelta(days=_DAYS, hours=1)
    return _made(own, name, why, names, ended if name == "expired" else now - CLOCK_SKEW)


def _made(own: authority.Authority, name: str, why: str, names: list[str], start: datetime) -> TlsDecoy:
    request, private = signing_request()
    certificate = own.tls_certificate(
        request, names, _DAYS, server=False, start=start, key_id=f"decoy/{name}/{own.domain}"
    )
    return TlsDecoy(name, why, certificate, private)


def _unknown(site: Site, domain: str, name: str, why: str, names: list[str]) -> TlsDecoy:
    nobody = ec.generate_private_key(ec.SECP256R1())
    root = tls_certificates.root(site.name, domain, nobody)
    request, private = signing_request()
    certificate = tls_certificates.leaf(nobody, root, request, names, _DAYS, client=True, server=False)
    return TlsDecoy(name, why, certificate.public_bytes(Encoding.PEM).decode(), private)


def signing_request() -> tuple[str, str]:
    """Return a signing request for a new key, and the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return request.public_bytes(Encoding.PEM).decode(), private.decode()


def _folder(site: Site, domain: str) -> Path:
    return holders_dir(site) / "auditor" / "decoys" / domain / "tls"
