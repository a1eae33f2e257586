"""A domain's secrets: one Ansible Vault file per domain, its vault id the domain's name.

Ansible itself reads the same file, so that nothing secret needs a second home.
"""

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
