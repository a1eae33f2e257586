"""The decoy kit: throwaway keys whose certificates every server of a domain must refuse, each for one reason.

A decoy is right in everything but that reason, or its refusal would prove nothing: it is made with the domain's own
CA, for the right account, usable from where attempts are made, and as short-lived as an honest certificate. So the kit
grows old within a working day, and is made anew by whoever holds the domain's keys (`apply` does).
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import SSHCertificateType

from azukari.errors import NotJudged
from azukari.people import authority, ssh_certificates
from azukari.people.identity import AUTOMATION_VALID, PERSON_VALID
from azukari.people.ssh_certificates import CLOCK_SKEW
from azukari.site import DOMAINS, Site, holders_dir
from azukari.ssh import keys

WHY_REFUSED = {
    "expired": "its certificate ended an hour ago",
    "not-yet-valid": "its certificate is not valid before the year 2099",
    "wrong-principal": "its certificate names the account instead of account and host",
    "revoked": "its certificate's serial is on the revocation list",
    "too-long": "its certificate is valid for a day; people have 8 hours at most",
    "other-host": "its certificate is for hosts of another domain",
    "other-source": "its certificate may be used from 192.0.2.1 only, where nobody is",
    "unknown-ca": "its certificate is signed by a CA that no server knows",
    "bare-key": "it is a key without a certificate",
}
_LEFT = timedelta(minutes=20)  # a kit with less is made anew where it can be
_FAR = datetime(2099, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Decoy:
    """One decoy.

    Attributes:
        name: a key of `WHY_REFUSED`.
        domain: the domain whose servers must refuse it.
        why_refused: the reason, in words.
        private_key: its key's file.
        certificate: its certificate's file; None for the bare key.
        usable_until: after this, a server could refuse it for its age, and it proves no more.
    """

    name: str
    domain: str
    why_refused: str
    private_key: Path
    certificate: Path | None
    usable_until: datetime


def make(site: Site, domain: str) -> list[Decoy]:
    """Make a domain's kit anew, in `holders/auditor/decoys/DOMAIN`.

    Raises:
        KeysNotAtHand: the domain's keys are not on this machine.
    """
    own = authority.load(site, domain)
    now = datetime.now(UTC)
    folder = _folder(site, domain)
    kit = _Kit(site, own, now)
    made = []
    for name, why in WHY_REFUSED.items():
        private = folder / name
        if not private.exists():
            keys.write_closed(private, keys.private_text(keys.new_key()))
        certificate = None
        if name != "bare-key":
            public = keys.public_text(keys.read_private(private.read_bytes(), str(private)))
            certificate = folder / f"{name}-cert.pub"
            keys.write_closed(certificate, kit.certificate(name, public))
        decoy = Decoy(name, domain, why, private, certificate, now + PERSON_VALID - CLOCK_SKEW)
        said = {key: str(value) if value is not None else None for key, value in asdict(decoy).items()}
        said |= {"private_key": name, "certificate": certificate.name if certificate else None}
        keys.write_closed(folder / f"{name}.json", json.dumps(said, indent=1) + "\n")
        made.append(decoy)
    return made


def ensure(site: Site, domains: Iterable[str]) -> None:
    """Make the kits of those domains that lack a usable one.

    Raises:
        KeysNotAtHand: a kit is needed, and the domain's keys are not on this machine.
    """
    for domain in domains:
        try:
            usable = all(decoy.usable_until > datetime.now(UTC) + _LEFT for decoy in load(site, domain))
        except NotJudged:
            usable = False
        if not usable:
            make(site, domain)


def load(site: Site, domain: str) -> list[Decoy]:
    """Return a domain's kit, in the order of `WHY_REFUSED`.

    Raises:
        NotJudged: there is none, it is not whole, or it is too old to prove anything.
    """
    folder = _folder(site, domain)
    found = []
    for name in WHY_REFUSED:
        try:
            said = json.loads((folder / f"{name}.json").read_text())
            certificate = folder / said["certificate"] if said["certificate"] else None
            until = datetime.fromisoformat(said["usable_until"])
            (folder / said["private_key"]).stat()
            decoy = Decoy(name, domain, said["why_refused"], folder / said["private_key"], certificate, until)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotJudged(
                f"The decoy “{name}” of the domain {domain} is missing in {folder}; whoever holds the domain's keys "
                "makes the kit with `azukari apply` or `azukari people audit`."
            ) from error
        if until <= datetime.now(UTC):
            raise NotJudged(
                f"The decoys of the domain {domain} are too old to prove anything (usable until {until:%F %R} UTC); "
                "have `azukari people audit` run again."
            )
        found.append(decoy)
    return found


def _folder(site: Site, domain: str) -> Path:
    return holders_dir(site) / "auditor" / "decoys" / domain


class _Kit:
    def __init__(self, site: Site, own: authority.Authority, now: datetime) -> None:
        self.site, self.own = site, own
        self.bastion = site.group("bastion")[0].name
        hosts = [host.name for host in site.domain_hosts(own.domain)]
        self.principals = [*(f"audit@{name}" for name in hosts), f"jump@{self.bastion}"]
        others = [h.name for d in DOMAINS if d != own.domain for h in site.domain_hosts(d)] or ["other-host"]
        self.others = [f"audit@{name}" for name in others if name not in hosts]
        networks = [n for place in (self.bastion, "controller", "auditor", "office") for n in site.addresses(place)]
        self.sources = list(dict.fromkeys([*map(str, networks), *map(str, site.settings.probe)]))
        start = now - CLOCK_SKEW
        # As long as the auditor's own certificates, which are people's: a decoy must not be refused for its length.
        self.honest = (start, start + PERSON_VALID)
        self.validity = {
            "expired": (now - 2 * AUTOMATION_VALID, now - AUTOMATION_VALID),
            "not-yet-valid": (_FAR, _FAR + AUTOMATION_VALID),
            "too-long": (start, start + timedelta(days=1)),
        }

    def certificate(self, name: str, public_key: str) -> str:
        after, before = self.validity.get(name, self.honest)
        principals = {"wrong-principal": ["azukari-audit", "azukari-jump"], "other-host": self.others}.get(
            name, self.principals
        )
        sources = ["192.0.2.1/32"] if name == "other-source" else self.sources
        key_id = f"decoy/{name}/{self.own.domain}"
        if name == "unknown-ca":
            return self._unknown(public_key, principals, key_id, sources)
        serial = authority.REVOKED_DECOY_SERIAL if name == "revoked" else None
        return self.own.user_certificate(
            public_key, principals, key_id, after, before, sources, ("permit-pty", "permit-port-forwarding"), serial
        )

    def _unknown(self, public_key: str, principals: list[str], key_id: str, sources: list[str]) -> str:
        nobody = Ed25519PrivateKey.generate()
        line, _ = ssh_certificates.make(
            nobody, SSHCertificateType.USER, public_key, principals, key_id, self.honest, sources=sources
        )
        return line
