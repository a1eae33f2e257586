"""The key of an account that was bought at a certificate authority (external account binding, RFC 8555 section 7.3.4).

The authority gives it with a key id; the id stands in `site.yml`, the key is a secret of production.
"""

import re

from azukari.errors import InputError
from azukari.people import domain_secrets
from azukari.site import Site

_DOMAIN, _SECRET = "production", "acme"
_LEAST = 16  # octets; what authorities give is longer


def keep(site: Site, text: str) -> str:
    """Keep the key of the declared account, in the place of an earlier one; return the account's key id.

    Args:
        site: the site.
        text: the key as the authority gives it, in base64url.

    Raises:
        KeysNotAtHand: the secrets of production cannot be opened here.
        InputError: the site declares no such account, or this is no key.
    """
    account, key = _account(site), text.strip().rstrip("=")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", key) or len(key) * 6 // 8 < _LEAST:
        raise InputError(
            f"What was given is no key of an account: allowed is base64url of at least {_LEAST} octets, as the "
            "certificate authority shows it beside the key id."
        )
    values = domain_secrets.read(site, _DOMAIN)
    values[_SECRET] = {account: key}
    domain_secrets.write(site, _DOMAIN, values)
    return account


def private(site: Site) -> str:
    """Return the key of the declared account, in base64url.

    Raises:
        KeysNotAtHand: the secrets of production cannot be opened here.
        InputError: they hold none for it.
    """
    account = _account(site)
    held = domain_secrets.read(site, _DOMAIN).get(_SECRET)
    key = held.get(account) if isinstance(held, dict) else None
    if not isinstance(key, str):
        where = domain_secrets.path(site, _DOMAIN)
        raise InputError(f"{where} lacks the key of the ACME account {account}; put it there: azukari site acme-key")
    return key


def _account(site: Site) -> str:
    account = site.settings.acme.external_account if site.settings.acme else None
    if account is None:
        raise InputError("The site declares no account at a certificate authority (acme.external_account in site.yml).")
    return account
