"""The keys for which answers are sealed, and the office's signed statements of them, which go to the site's folder.

The private half of a key of the office's own stays with it. Addresses that no person reads are sealed for the mail
tier's key, which the office states and does not hold.
"""

import json
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from azukari.errors import InputError
from azukari.people import mail_keys
from azukari.site import Site, holders_dir, sshsig
from azukari.site.keys import public_key
from azukari.ssh import keys
from reference_site.answers import MAIL_SERVICE
from reference_site.recipients import NAMESPACE, Holder, KeyStatement, NoRecipient, recipient, verified
from reference_site.sealing import SMALLEST_RSA, key_id

FOLDER = "keys/sealing"


def readable(site: Site) -> list[str]:
    """Return the names of the collections that the office reads."""
    return [each.name for each in site.policy.collections if "office" in each.readers]


def holder(site: Site, collection: str) -> Holder | None:
    """Return who is to open what is kept of a collection: the office, the mail tier, or nobody (None)."""
    if collection in readable(site):
        return "office"
    declared = {each.name for each in site.policy.collections}
    return "mail" if collection == MAIL_SERVICE and collection in declared and site.group("mail") else None


def stated(site: Site, collection: str) -> bool:
    """Tell whether there is a statement, signed by the office's key of the contract, that holds today.

    Of a collection that the mail tier opens, it has to be about that tier's newest key.
    """
    office, opens = public_key(site.path, site.contract.office.key), holder(site, collection)
    if opens is None:
        return False
    try:
        found = recipient(site.path / FOLDER, site.name, collection, opens, office, site.today())
        return opens == "office" or key_id(found.key) == key_id(mail_keys.newest(site))
    except (NoRecipient, InputError):
        return False


def stated_keys(site: Site) -> dict[str, list[str]]:
    """Return the identifiers of all keys that the office has stated, by collection: of today's and of earlier ones."""
    found: dict[str, list[str]] = {}
    for path in sorted((site.path / FOLDER).glob("*.json")):
        try:
            office = public_key(site.path, site.contract.office.key)
            one = verified(path.read_bytes(), path.with_suffix(".json.sig").read_bytes(), office)
        except (OSError, NoRecipient, InputError):
            continue  # whatever lies there, it is not the office's word
        if (one.site, one.holder) == (site.name, holder(site, one.collection)):
            found.setdefault(one.collection, []).append(key_id(one.key))
    return found


def make(
    site: Site, collection: str, approval_key: Path, until: date, passphrase: str = ""
) -> tuple[Path | None, KeyStatement]:
    """Make a new sealing key of the office's for a collection, and the office's signed statement of it.

    An earlier key stays where it is: what was sealed for it still has to be opened. For a collection that the mail tier
    opens, its newest key is stated, and none is made.

    Args:
        site: the site; the statement goes to `keys/sealing/` in its folder.
        collection: a collection of the policy that the office reads, or the mail tier opens.
        approval_key: the office's private approval key, or its public half when an ssh-agent holds the private one.
        until: the last day on which values are sealed for the key.
        passphrase: encrypts the private key; empty: it is not encrypted.

    Returns:
        The file of the private key, None where the mail tier holds it, and the statement.

    Raises:
        InputError: no such collection, a day that is past, the mail tier has no key, or the approval key is not the
            office's.
    """
    opens = holder(site, collection)
    if opens is None:
        known = ", ".join(readable(site)) or "none"
        raise InputError(f"The office reads no collection “{collection}”; those that it reads: {known}.")
    today = site.today()
    if not today <= until <= site.contract.end:
        raise InputError(
            f"The last day {until} is not between today ({today}) and the contract's end ({site.contract.end})."
        )
    key = rsa.generate_private_key(65537, SMALLEST_RSA) if opens == "office" else None  # decision 0014
    public = key.public_key() if key else mail_keys.newest(site)
    statement = KeyStatement(site.name, collection, opens, public, today, until)
    signature = _signed(site, statement.to_bytes(), approval_key)
    private = _kept_by_the_office(site, collection, key, passphrase) if key else None
    # The statement last: a key that was stated and is nowhere would seal what nobody can open.
    place = site.path / FOLDER / f"{collection}.json"
    _keep_earlier(place)
    keys.write(place.with_suffix(".json.sig"), signature)
    keys.write(place, statement.to_bytes())
    return private, statement


def _kept_by_the_office(site: Site, collection: str, key: rsa.RSAPrivateKey, passphrase: str) -> Path:
    private = holders_dir(site) / "office" / "sealing" / f"{collection}-{key_id(key.public_key())}.pem"
    closed: KeySerializationEncryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    keys.write_closed(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed))
    return private


def _keep_earlier(place: Path) -> None:
    """Put an earlier statement aside under its key's identifier: it still accounts for what was sealed before."""
    signature = place.with_suffix(".json.sig")
    if place.is_file() and signature.is_file():
        try:
            kid = str(json.loads(place.read_bytes())["kid"])
        except (ValueError, KeyError, TypeError):
            return  # no statement: nothing was ever sealed by it
        aside = place.with_name(f"{place.stem}.{kid}.json")
        signature.replace(aside.with_suffix(".json.sig"))
        place.replace(aside)


def _signed(site: Site, text: bytes, approval_key: Path) -> bytes:
    """Return the office's signature, proven with the key that the contract names."""
    signature = sshsig.sign(text, NAMESPACE, approval_key)
    if not sshsig.verifies(text, NAMESPACE, signature, public_key(site.path, site.contract.office.key)):
        raise InputError(
            f"The key {approval_key} is not the office's: the contract names {site.contract.office.key}; nothing was "
            "written."
        )
    return signature
