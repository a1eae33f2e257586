"""The mail tier's keys, for which subscribers' addresses are sealed; their private halves are secrets of production.

The office states the public half (`azukari office key`), so that nobody else's is taken for it. Keys of earlier years
stay: what was sealed for them still has to be opened.
"""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from azukari.errors import InputError
from azukari.people import domain_secrets
from azukari.site import Site
from azukari.site.key_names import made_in, named_for
from azukari.ssh import keys

FOLDER = Path("keys/mail")
_DOMAIN, _SECRET = "production", "mail"


def make(site: Site, *, another: bool = False) -> str | None:
    """Make this year's key unless the site has it, and return its name; None when it was there.

    Args:
        site: the declared site.
        another: make one more where it is there, because that one got out.

    Raises:
        KeysNotAtHand: the secrets of production cannot be opened here.
    """
    name = named_for("mail", site.today().year, [path.stem for path in _published(site)] if another else [])
    values = domain_secrets.read(site, _DOMAIN)
    held = values.setdefault(_SECRET, {})
    public = site.path / FOLDER / f"{name}.pem"
    if name in held and public.exists():
        return None
    key = ec.generate_private_key(ec.SECP256R1())
    held[name] = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    domain_secrets.write(site, _DOMAIN, values)
    keys.write(public, _text(key.public_key()))
    return name


def newest(site: Site) -> ec.EllipticCurvePublicKey:
    """Return the public half of the newest key, as names bear the year.

    Raises:
        InputError: the site has none, or it is no key on P-256.
    """
    found = _published(site)
    if not found:
        raise InputError(f"The mail tier has no key in {FOLDER} of the site; make it: azukari site mail-key")
    try:
        key = load_pem_public_key(found[-1].read_bytes())
    except ValueError as error:
        raise InputError(f"{found[-1]} is no public key in PEM; take it from the version history.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InputError(f"{found[-1]} is no key on P-256; take it from the version history.")
    return key


def private(site: Site) -> str:
    """Return the private halves of all published keys, in PEM, one after the other.

    Raises:
        KeysNotAtHand: the secrets of production cannot be opened here.
        InputError: there is no key, or the secrets hold another than the site publishes.
    """
    newest(site)
    held = domain_secrets.read(site, _DOMAIN).get(_SECRET)
    where = domain_secrets.path(site, _DOMAIN)
    texts = []
    for path in _published(site):
        pem = held.get(path.stem) if isinstance(held, dict) else None
        if not isinstance(pem, str):
            raise InputError(
                f"{where} lacks the private half of {FOLDER}/{path.name}; take it from the version history."
            )
        key = load_pem_private_key(pem.encode(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or _text(key.public_key()) != path.read_text("utf-8"):
            raise InputError(
                f"{FOLDER}/{path.name} is not the public half of what {where} holds. Take it from the version history."
            )
        texts.append(pem)
    return "".join(texts)


def _published(site: Site) -> list[Path]:
    return sorted((site.path / FOLDER).glob("*.pem"), key=lambda path: made_in(path.stem))


def _text(key: ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
