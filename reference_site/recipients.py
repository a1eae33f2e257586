"""For whom values are sealed: the one key that the office's signed statement names for a collection.

A statement is a small JSON document; beside it lies the office's SSH signature over it (`ssh-keygen -Y sign`, namespace
`azukari-sealing-key`; PROTOCOL.sshsig of OpenSSH). Who can write to a server can put another key there, but not the
office's word for it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

from reference_site.sealing import CannotSeal, PublicKey, from_jwk, key_id, public_jwk
from reference_site.signatures import CannotTell, signed

Holder = Literal["office", "mail"]
NAMESPACE = "azukari-sealing-key"
LARGEST = 16_384  # bytes of a statement


class NoRecipient(Exception):
    """There is no key for which a collection's values may be sealed; says why."""


@dataclass(frozen=True)
class KeyStatement:
    """The office's word: values of this collection are sealed for this key, and for no other.

    Attributes:
        site: the site's name.
        collection: the policy's collection.
        holder: who holds the private half: `office`, or `mail` for addresses that the mail tier opens.
        key: the public half.
        start, until: the first and the last day on which values are sealed for it, in the site's time zone.
    """

    site: str
    collection: str
    holder: Holder
    key: PublicKey
    start: date
    until: date

    def to_bytes(self) -> bytes:
        """Return the one text of the statement, which is signed."""
        document = {
            "schema": 1,
            "site": self.site,
            "collection": self.collection,
            "holder": self.holder,
            "kid": key_id(self.key),
            "key": public_jwk(self.key),
            "from": self.start.isoformat(),
            "until": self.until.isoformat(),
        }
        return json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"


def recipient(folder: Path, site: str, collection: str, holder: Holder, office_key: str, today: date) -> KeyStatement:
    """Return for whom values of a collection are sealed today.

    Args:
        folder: holds `COLLECTION.json` and `COLLECTION.json.sig`.
        site: the site's name.
        collection: the policy's collection.
        holder: who is to open it.
        office_key: the office's approval key, “TYPE BASE64”.
        today: the date in the site's time zone.

    Raises:
        NoRecipient: no statement, not the office's, of another site or collection, or not of today.
    """
    path = folder / f"{collection}.json"
    try:
        text, signature = path.read_bytes(), path.with_suffix(".json.sig").read_bytes()
    except OSError as error:
        raise NoRecipient(
            f"No key statement for {collection}: {error.filename} cannot be read ({error.strerror})."
        ) from error
    found = verified(text, signature, office_key)
    said, wanted = (found.site, found.collection, found.holder), (site, collection, holder)
    if said != wanted:
        raise NoRecipient(
            f"{path} is a statement about {'/'.join(said)} (site, collection, holder), not {'/'.join(wanted)}."
        )
    if not found.start <= today <= found.until:
        raise NoRecipient(f"{path} holds from {found.start} to {found.until}; today is {today}.")
    return found


def verified(text: bytes, signature: bytes, office_key: str) -> KeyStatement:
    """Return what a statement says, once the office's signature over it is proven.

    Args:
        text: the statement.
        signature: the office's, in OpenSSH's armour.
        office_key: the office's approval key, “TYPE BASE64”.

    Raises:
        NoRecipient: the signature is not the office's, or the statement is none.
    """
    try:
        proven = len(text) <= LARGEST and signed(text, signature, office_key, NAMESPACE)
    except CannotTell as error:
        raise NoRecipient(str(error)) from error
    if not proven:
        raise NoRecipient("The key statement is not signed by the office's approval key.")
    try:
        found = _read(json.loads(text))
        exact = found.to_bytes() == text
    except (ValueError, KeyError, TypeError, CannotSeal, RecursionError) as error:
        raise NoRecipient(f"The office signed what is no key statement ({type(error).__name__}).") from error
    if not exact:
        raise NoRecipient("The office signed a key statement that is not written in its one form.")
    return found


def _read(document: Mapping[str, Any]) -> KeyStatement:
    if document["holder"] not in get_args(Holder):
        raise ValueError("neither the office nor the mail tier")
    return KeyStatement(
        site=document["site"],
        collection=document["collection"],
        holder=document["holder"],
        key=from_jwk(document["key"]),
        start=date.fromisoformat(document["from"]),
        until=date.fromisoformat(document["until"]),
    )
