"""Who acts: automation with keys that live for one run, and the auditor with an own key."""

import secrets
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

from azukari.errors import InputError
from azukari.people import authority
from azukari.people.authority import Authority, KeysNotAtHand
from azukari.people.ssh_certificates import CLOCK_SKEW
from azukari.site import DOMAINS, Site, holders_dir
from azukari.ssh import keys
from azukari.ssh.identity import Identity, Kind, new_folder

AUTOMATION_VALID = timedelta(hours=1)  # LEAK-14, the allowance for clocks included
PERSON_VALID = timedelta(hours=8)
_SERVER_EXTENSIONS = ("permit-pty",)
_JUMP_EXTENSIONS = ("permit-port-forwarding",)
_LEFT = timedelta(minutes=15)  # a certificate with less is made anew where it can be


def automation(
    site: Site, kind: Kind = "apply", domains: Sequence[str] | None = None, place: str = "controller"
) -> Identity:
    """Return a new key with certificates of at most one hour for the accounts of automation.

    Args:
        site: the site.
        kind: `apply` (may change servers) or `audit` (may not).
        domains: the domains to act in; all at hand by default.
        place: the reserved name of where it runs.

    Raises:
        KeysNotAtHand: no domain's keys are on this machine, or not those asked for.
        InputError: the site declares other authorities than these; only where servers may be changed.
    """
    chosen = authority.domains_at_hand(site) if domains is None else list(domains)
    if not chosen:
        raise KeysNotAtHand(
            f"No domain's keys of the site {site.name} are at hand: {holders_dir(site)} has no DOMAIN/vault-password."
        )
    authorities = [authority.load(site, domain) for domain in chosen]
    if kind == "apply":  # an audit judges what is declared (DEST-09)
        for each in authorities:
            each.must_be_declared(site)
    folder = new_folder()
    try:
        key = keys.new_key()
        keys.write_closed(folder / "key", keys.private_text(key))
        start = datetime.now(UTC) - CLOCK_SKEW
        issuer = _Issuer(site, kind, place, keys.public_text(key), (start, start + AUTOMATION_VALID))
        return issuer.identity(authorities, folder, folder / "key", f"automation/{kind}/{secrets.token_hex(4)}")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # no Identity is there yet to do it
        raise


def auditor(site: Site) -> Identity:
    """Return the auditor's identity: the own key of `holders/auditor/audit` with the certificates that were issued.

    Where a domain's keys are at hand (in the lab), missing or ending certificates are issued at once.

    Raises:
        KeysNotAtHand: no key, or no valid certificate of any domain or of the bastion; says whom to ask.
    """
    at_hand = authority.domains_at_hand(site)
    ending = [domain for domain in at_hand if not _valid(_server_certificate(site, domain), _LEFT)]
    if ending or (at_hand and not _valid(_jump_certificate(site), _LEFT)):
        issue_auditor(site, at_hand)
    home = _auditor_home(site)
    certificates: dict[str, Path] = {
        domain: path for domain in DOMAINS if _valid(path := _server_certificate(site, domain), timedelta(0))
    }
    jump = _jump_certificate(site)
    if not (home / "audit").exists() or not certificates or not _valid(jump, timedelta(0)):
        raise KeysNotAtHand(
            f"The auditor has no valid certificates in {home}. Give {home / 'audit.pub'} to the contractor, who runs "
            "`azukari people audit --key FILE`, and put what comes out there."
        )
    bastion = home / "audit-bastion-cert.pub"
    return Identity(
        kind="audit",
        place="auditor",
        folder=new_folder(),
        private_key=home / "audit",
        jump_certificate=jump,
        certificates=certificates,
        bastion_certificate=bastion if _valid(bastion, timedelta(0)) else None,
        valid_before=min(_ends(path) for path in [jump, *certificates.values()]),
        hosts=_hosts(site, certificates, with_bastion=_valid(bastion, timedelta(0))),
    )


def issue_auditor(
    site: Site, domains: Sequence[str], public_key: str | None = None, valid: timedelta = PERSON_VALID
) -> list[Path]:
    """Issue the auditor's certificates of the given domains into `holders/auditor`.

    Args:
        site: the site.
        domains: domains whose keys are at hand.
        public_key: the auditor's public key line; `holders/auditor/audit.pub` by default.
        valid: how long, at most 8 hours.

    Returns:
        the files that were written.

    Raises:
        KeysNotAtHand: a domain's keys are not at hand.
        InputError: no public key, longer than 8 hours, or the site declares other authorities than these.
    """
    home = _auditor_home(site)
    if public_key is None:
        if not (home / "audit.pub").exists():
            raise InputError(f"The auditor's public key is missing: put it at {home / 'audit.pub'}.")
        public_key = (home / "audit.pub").read_text()
    if not timedelta(0) < valid <= PERSON_VALID:
        raise InputError(f"A person's certificate is valid for at most 8 hours; asked for {valid}.")
    now = datetime.now(UTC)
    start = now - CLOCK_SKEW
    issuer = _Issuer(site, "audit", "auditor", public_key, (start, min(now + valid, start + PERSON_VALID)))
    authorities = [authority.load(site, domain) for domain in domains]
    for each in authorities:
        each.must_be_declared(site)
    made = issuer.certificates(authorities, "auditor/audit")
    paths = []
    for name, line in made.items():
        paths.append(home / f"audit-{name}-cert.pub")
        keys.write_closed(paths[-1], line)
    return paths


class _Issuer:
    """Issues the set of certificates that one key needs: the two-certificate pattern of the bastion."""

    def __init__(
        self, site: Site, kind: Kind, place: str, public_key: str, validity: tuple[datetime, datetime]
    ) -> None:
        self.site, self.kind, self.place = site, kind, place
        self.public_key, self.validity = public_key, validity
        self.bastion = site.group("bastion")[0]

    def certificates(self, authorities: Sequence[Authority], key_id: str) -> dict[str, str]:
        """Return certificate lines by `jump`, `bastion` or domain."""
        here = [str(network) for network in self.site.addresses(self.place)]
        behind = [str(network) for network in self.site.addresses(self.bastion.name)]
        # Any domain's CA opens the way through the bastion: each keeper has only an own one.
        made = {
            "jump": self._sign(authorities[0], [f"jump@{self.bastion.name}"], f"{key_id}/jump", here, _JUMP_EXTENSIONS)
        }
        for one in authorities:
            names = [host.name for host in self.site.domain_hosts(one.domain) if host.name != self.bastion.name]
            principals = [f"{self.kind}@{name}" for name in names]
            if principals:
                made[one.domain] = self._sign(one, principals, f"{key_id}/{one.domain}", behind, _SERVER_EXTENSIONS)
            if self.bastion.domain == one.domain:
                own = [f"{self.kind}@{self.bastion.name}"]
                made["bastion"] = self._sign(one, own, f"{key_id}/bastion", here, _SERVER_EXTENSIONS)
        return made

    def identity(self, authorities: Sequence[Authority], folder: Path, private_key: Path, key_id: str) -> Identity:
        """Issue the certificates into a folder and return the identity."""
        made = self.certificates(authorities, key_id)
        paths = {name: folder / f"{name}-cert.pub" for name in made}
        for name, line in made.items():
            keys.write_closed(paths[name], line)
        servers = {name: path for name, path in paths.items() if name not in {"jump", "bastion"}}
        return Identity(
            kind=self.kind,
            place=self.place,
            folder=folder,
            private_key=private_key,
            jump_certificate=paths["jump"],
            certificates=servers,
            bastion_certificate=paths.get("bastion"),
            valid_before=self.validity[1],
            hosts=_hosts(self.site, servers, with_bastion="bastion" in paths),
        )

    def _sign(
        self, one: Authority, principals: list[str], key_id: str, sources: list[str], extensions: tuple[str, ...]
    ) -> str:
        return one.user_certificate(self.public_key, principals, key_id, *self.validity, sources, extensions)


def _hosts(site: Site, certificates: dict[str, Path], *, with_bastion: bool) -> tuple[str, ...]:
    bastion = site.group("bastion")[0].name
    return tuple(
        host.name
        for host in site.hosts.values()
        if (with_bastion if host.name == bastion else host.domain in certificates)
    )


def _auditor_home(site: Site) -> Path:
    return holders_dir(site) / "auditor"


def _server_certificate(site: Site, domain: str) -> Path:
    return _auditor_home(site) / f"audit-{domain}-cert.pub"


def _jump_certificate(site: Site) -> Path:
    return _auditor_home(site) / "audit-jump-cert.pub"


def _read(path: Path) -> SSHCertificate | None:
    try:
        found = load_ssh_public_identity(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, SSHCertificate) else None


def _ends(path: Path) -> datetime:
    found = _read(path)
    return datetime.fromtimestamp(found.valid_before if found else 0, UTC)


def _valid(path: Path, left: timedelta) -> bool:
    found = _read(path)
    now = datetime.now(UTC)
    return found is not None and found.valid_after <= now.timestamp() and _ends(path) > now + left
