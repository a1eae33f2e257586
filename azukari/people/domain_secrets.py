"""A domain's secrets: one Ansible Vault file per domain, its vault id the domain's name.

Ansible itself reads the same file, so that nothing secret needs a second home.
"""

import base64
import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Any

import yaml

from azukari.errors import InputError
from azukari.site import Site, holders_dir
from azukari.ssh import keys


class KeysNotAtHand(InputError):
    """What is asked for needs the keys of a domain that are not on this machine."""


def path(site: Site, domain: str) -> Path:
    """Return where the domain's secrets stand in the site."""
    return Path(site.path) / "secrets" / f"{domain}.yml"


def password_path(site: Site, domain: str) -> Path:
    """Return where the domain's holder keeps the password of its secrets."""
    return holders_dir(site) / domain / "vault-password"


def new_password(site: Site, domain: str) -> None:
    """Make the domain's password unless it is there."""
    target = password_path(site, domain)
    if not target.exists():
        keys.write_closed(target, secrets.token_urlsafe(32) + "\n")


def write(site: Site, domain: str, values: dict[str, Any]) -> None:
    """Encrypt the domain's secrets and put them in place.

    Raises:
        KeysNotAtHand: the domain's password is not on this machine.
    """
    plain = yaml.safe_dump(values, sort_keys=True, allow_unicode=True)
    keys.write(path(site, domain), _vault(site, domain).encrypt(plain, vault_id=domain), mode=0o600)


def read(site: Site, domain: str) -> dict[str, Any]:
    """Return the domain's secrets.

    Raises:
        KeysNotAtHand: no secrets, no password, or the password is not theirs.
    """
    source = path(site, domain)
    if not source.exists():
        raise KeysNotAtHand(f"The domain {domain} has no secrets yet: {source} is missing; `azukari init` makes it.")
    vault = _vault(site, domain)
    from ansible.errors import AnsibleError

    try:
        values = yaml.safe_load(vault.decrypt(source.read_bytes()))
    except AnsibleError as error:
        raise KeysNotAtHand(
            f"{source} cannot be opened with {password_path(site, domain)}: it is not this file's password."
        ) from error
    if not isinstance(values, dict):
        raise InputError(f"{source} does not hold a table of secrets.")
    return values


def new_services_secret() -> str:
    """Return a new secret from which those of the domain's services are made."""
    return secrets.token_urlsafe(32)


def service_secret(site: Site, domain: str, what: str) -> str:
    """Return a secret of a service, always the same for the same purpose: 256 bits, base64url.

    Args:
        site: the site.
        domain: the domain whose service it is.
        what: what it is for, such as `database password of intake`.

    Raises:
        KeysNotAtHand: as `read`.
        InputError: the domain's secrets hold none for services.
    """
    own = read(site, domain).get("services")
    if not isinstance(own, str) or not own:
        raise InputError(f"{path(site, domain)} lacks “services”, the secret from which those of services are made.")
    made = hmac.digest(own.encode(), f"azukari {site.name} {domain} {what}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _vault(site: Site, domain: str) -> Any:
    # Ansible takes 0.2 s to import: only those who open secrets pay for it.
    from ansible.parsing.vault import VaultLib, VaultSecret

    source = password_path(site, domain)
    if not source.exists():
        keeper = getattr(site.contract.authorities, domain, "its keeper")
        raise KeysNotAtHand(
            f"The keys of the domain {domain} are not at hand: {source} is missing. They are kept by {keeper}."
        )
    return VaultLib([(domain, VaultSecret(source.read_bytes().strip()))])
