"""The keys by which the site's mail is signed (DKIM, RFC 6376): the private half is a secret of the domain production.

RSA with 2048 bits: RFC 8301 wants no less, and Ed25519 (RFC 8463) is not verified by many.
"""

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from azukari.errors import InputError
from azukari.people import domain_secrets
from azukari.site import Site, zone
from azukari.site.key_names import named_for
from azukari.ssh import keys

_DOMAIN, _SECRET, _BITS = "production", "dkim", 2048


def make(site: Site, *, another: bool = False) -> str | None:
    """Make this year's signing key unless the site has it, and return its selector; None when it was there.

    Args:
        site: the declared site.
        another: make one more where it is there, because that one got out.

    The public halves of earlier years stay in `keys/dkim/`: mail that is under way was signed with them.

    Raises:
        KeysNotAtHand: the secrets of production cannot be opened here.
    """
    there = [path.stem for path in (site.path / zone.KEYS).glob("*.pem")] if another else []
    selector = named_for("azukari", site.today().year, there)
    values = domain_secrets.read(site, _DOMAIN)
    held = values.setdefault(_SECRET, {})
    public = site.path / zone.KEYS / f"{selector}.pem"
    if selector in held and public.exists():
        return None
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    held[selector] = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    domain_secrets.write(site, _DOMAIN, values)
    keys.write(public, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
    return selector


def private(site: Site, selector: str) -> str:
    """Return the private half of a published key, in PEM.

    Raises:
        KeysNotAtHand: the secrets of production cannot be opened here.
        InputError: they hold no such key, or another than the site publishes.
    """
    held = domain_secrets.read(site, _DOMAIN).get(_SECRET)
    pem = held.get(selector) if isinstance(held, dict) else None
    where = domain_secrets.path(site, _DOMAIN)
    if not isinstance(pem, str):
        raise InputError(
            f"{where} lacks the private half of keys/dkim/{selector}.pem; `azukari site dkim` makes a key."
        )
    own = load_pem_private_key(pem.encode(), password=None).public_key()
    text = own.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    if text != (site.path / zone.KEYS / f"{selector}.pem").read_text("utf-8"):
        raise InputError(
            f"keys/dkim/{selector}.pem is not the public half of what {where} holds. Take it from the version history."
        )
    return pem
