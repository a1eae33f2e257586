"""What a lab needs and no real site may have: every holder's private things on one machine, made at once.

A real site's keys are made by the people who hold them. The lab plays all of them, with separate keys in separate
folders, so that each proof there uses what its holder would have.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from azukari.errors import InputError
from azukari.people import authority, dkim_keys, domain_secrets, mail_keys, sealing_keys
from azukari.site import DOMAINS, Approval, Site, approval, approve, holders_dir, load
from azukari.ssh import keys

_GENERATED = ("keys/", "group_vars/all/upstream.yml")  # what `lab up` itself writes into the site's folder


@dataclass(frozen=True)
class Made:
    """What `make` did.

    Attributes:
        made: what was missing and is there now, in words.
        approval: the office's approval after it.
        approved: whether the office was made to sign in this call.
    """

    made: tuple[str, ...]
    approval: Approval
    approved: bool


def make(site_path: Path | str, *, sign: bool = False) -> Made:
    """Make whatever a lab site lacks: everybody's keys, the three authorities, and the office's approval.

    What is there already stays. The office signs when the site has no approval, when only what azukari generates
    changed since, or when asked; an edit of the declaration stays unapproved, as it would for a real office.

    Args:
        site_path: the lab site's folder.
        sign: have the office approve the site as it stands.

    Raises:
        InputError: not a lab site.
        SiteInvalid: the declaration is wrong.
    """
    site = load(site_path)
    if not site.lab:
        raise InputError(f"{site.path} is no lab (site.yml has no “lab: true”): its people make their own keys.")
    made = [*_people(site), *office_key(site), *evidence_keys(site), *_own_keys(site), *_authorities(site)]
    made += [*mail_tiers_key(site), *_sealing_keys(site), *signing_key(site)]
    found = approval(site)
    generated = all(path.startswith(_GENERATED) for path in found.changed)
    new_office = found.state == "forged" and "the office's approval key" in made
    to_sign = sign or found.state == "missing" or (found.state == "changed" and generated) or new_office
    if to_sign:
        found = approve(site, holders_dir(site) / "office" / "approval")
    return Made(tuple(made), found, to_sign)


def _pair(private: Path, comment: str, public_copy: Path | None = None) -> bool:
    """Make an OpenSSH key with its `.pub` unless it is there; say whether anything was made."""
    made = not private.exists()
    if made:
        keys.write_closed(private, keys.private_text(keys.new_key()))
    line = keys.public_text(keys.read_private(private.read_bytes(), str(private)), comment)
    for target in [private.with_name(private.name + ".pub"), *([public_copy] if public_copy else [])]:
        if not target.exists() or target.read_text() != line:
            keys.write(target, line)
            made = True
    return made


def _people(site: Site) -> list[str]:
    made = []
    for person in (*site.contract.people, *site.contract.disclosers):
        declared = person.keys[0]
        if declared.startswith("keys/"):
            private = holders_dir(site) / "people" / person.name / "id_ed25519"
            if _pair(private, person.name, site.path / declared):
                made.append(f"the key of {person.name}")
    return made


def office_key(site: Site) -> list[str]:
    """Make the office's approval key unless it is there; return what was made, in words."""
    private = holders_dir(site) / "office" / "approval"
    return ["the office's approval key"] if _pair(private, "office", site.path / site.contract.office.key) else []


def evidence_keys(site: Site, holders: tuple[str, ...] = ("contractor", "auditor")) -> list[str]:
    """Make the holders' evidence keys unless they are there; return what was made, in words."""
    made = []
    parties = {"contractor": site.contract.contractor, "auditor": site.contract.auditor}
    for holder in holders:
        party = parties[holder]
        private, public = holders_dir(site) / holder / "evidence.pem", site.path / party.evidence_key
        if not private.exists():
            key = Ed25519PrivateKey.generate()
            keys.write_closed(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        held = load_pem_private_key(private.read_bytes(), password=None)
        if not isinstance(held, Ed25519PrivateKey):
            raise InputError(f"{private} is not an Ed25519 key; remove it to have a new one made.")
        line = keys.public_text(held, f"{holder}'s evidence")
        if not public.exists() or public.read_text() != line:
            keys.write(public, line)
            made.append(f"the {holder}'s evidence key")
    return made


def _sealing_keys(site: Site) -> list[str]:
    """The keys for what is sealed, each with the office's statement; a statement that is over is made anew."""
    made = []
    for name in (each.name for each in site.policy.collections if sealing_keys.holder(site, each.name)):
        if not sealing_keys.stated(site, name):
            until = min(site.contract.end, site.today() + timedelta(days=365))
            sealing_keys.make(site, name, holders_dir(site) / "office" / "approval", until)
            of_office = sealing_keys.holder(site, name) == "office"
            made.append(f"the office's {'' if of_office else 'statement of the '}sealing key for {name}")
    return made


def mail_tiers_key(site: Site) -> list[str]:
    """Make this year's key of the mail tier unless it is there; return what was made, in words."""
    if not site.group("mail"):
        return []
    name = mail_keys.make(site)
    return [f"the mail tier's key {name}"] if name else []


def signing_key(site: Site) -> list[str]:
    """Make this year's key that signs mail unless it is there; return what was made, in words."""
    if not site.group("mail"):
        return []
    selector = dkim_keys.make(site)
    return [f"the key {selector} that signs mail"] if selector else []


def _own_keys(site: Site) -> list[str]:
    """The keys of the auditor's own account and of first contact: nobody needs to approve them."""
    made = []
    audit = holders_dir(site) / "auditor" / "audit"
    if _pair(audit, "auditor"):
        for old in audit.parent.glob("audit-*-cert.pub"):
            old.unlink()  # they certify the key that was lost
        made.append("the auditor's key")
    if _pair(holders_dir(site) / "contractor" / "first_contact", "first contact"):
        made.append("the contractor's key of first contact")
    return made


def _authorities(site: Site) -> list[str]:
    made = []
    for domain in DOMAINS:
        if _whole(site, domain):
            continue
        # A lab's password lives with the machine, its secrets with the checkout: one without the other opens nothing.
        domain_secrets.path(site, domain).unlink(missing_ok=True)
        domain_secrets.password_path(site, domain).unlink(missing_ok=True)
        for old in (holders_dir(site) / "auditor").glob("audit-*-cert.pub"):
            old.unlink()
        authority.create(site, domain)
        made.append(f"the authority of {domain}")
    return made


def _whole(site: Site, domain: str) -> bool:
    try:
        authority.load(site, domain).must_be_declared(site)
        domain_secrets.service_secret(site, domain, "")
    except InputError:
        return False
    return True
