"""The office's sealing keys: the private half stays with it, and its signed statement goes to the site's folder."""

from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from azukari.errors import InputError
from azukari.site import Site, holders_dir, sshsig
from azukari.site.keys import public_key
from azukari.ssh import keys
from reference_site.recipients import NAMESPACE, KeyStatement
from reference_site.sealing import key_id

FOLDER = "keys/sealing"


def make(
    site: Site, collection: str, approval_key: Path, until: date, passphrase: str = ""
) -> tuple[Path, KeyStatement]:
    """Make a new sealing key of the office's for a collection, and the office's signed statement of it.

    An earlier key stays where it is: what was sealed for it still has to be opened.

    Args:
        site: the site; the statement goes to `keys/sealing/` in its folder.
        collection: a collection of the policy that the office reads.
        approval_key: the office's private approval key, or its public half when an ssh-agent holds the private one.
        until: the last day on which values are sealed for the key.
        passphrase: encrypts the private key; empty: it is not encrypted.

    Returns:
        The file of the private key, and the statement.

    Raises:
        InputError: no such collection, a day that is past, or the approval key is not the office's.
    """
    readable = [each.name for each in site.policy.collections if "office" in each.readers]
    if collection not in readable:
        raise InputError(
            f"The office reads no collection “{collection}”; those that it reads: {', '.join(readable) or 'none'}."
        )
    today = site.today()
    if not today <= until <= site.contract.end:
        raise InputError(
            f"The last day {until} is not between today ({today}) and the contract's end ({site.contract.end})."
        )
    key = ec.generate_private_key(ec.SECP256R1())
    statement = KeyStatement(site.name, collection, "office", key.public_key(), today, until)
    signature = _signed(site, statement.to_bytes(), approval_key)
    private = holders_dir(site) / "office" / "sealing" / f"{collection}-{key_id(key.public_key())}.pem"
    closed: KeySerializationEncryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    keys.write_closed(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed))
    # The statement last: a key that was stated and is nowhere would seal what nobody can open.
    place = site.path / FOLDER / f"{collection}.json"
    keys.write(place.with_suffix(".json.sig"), signature)
    keys.write(place, statement.to_bytes())
    return private, statement


def _signed(site: Site, text: bytes, approval_key: Path) -> bytes:
    """Return the office's signature, proven with the key that the contract names."""
    signature = sshsig.sign(text, NAMESPACE, approval_key)
    if not sshsig.verifies(text, NAMESPACE, signature, public_key(site.path, site.contract.office.key)):
        raise InputError(
            f"The key {approval_key} is not the office's: the contract names {site.contract.office.key}; nothing was "
            "written."
        )
    return signature
