"""What the mail tier alone knows: how to open a subscriber's address, and the secrets that letters carry.

Secrets are made from a key that no other host has, of the row that they belong to, so that none of them is kept: the
database has their hashes (SHA-256). The same row always gives the same ones, so that a letter sent twice says the same.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from reference_site.answers import DELIVERY, FINDING, MAIL_SERVICE, TONGUE
from reference_site.forms import ADDRESS, Tongue
from reference_site.sealing import CannotSeal, CannotUnseal, Place, PrivateKey, key_id, sealed_for, unseal

LONGEST_ADDRESS = 254  # characters of an address; RFC 5321, 4.5.3.1.3
_END = b"-----END %s KEY-----\n" % b"PRIVATE"  # so that nobody takes this program for a key (LEAK-26)


class CannotOpen(Exception):
    """What lies there is no address that this host can open; says why, and nothing of what it is."""


@dataclass(frozen=True)
class Reader:
    """To whom a letter goes, and in which language."""

    address: str
    tongue: Tongue


class Keys:
    """The mail tier's private keys.

    Args:
        pem: one after the other.

    Raises:
        ValueError: there is none, or one of them cannot be read.
    """

    def __init__(self, pem: bytes) -> None:
        self._keys: dict[str, PrivateKey] = {}
        for part in pem.split(_END)[:-1]:
            key = load_pem_private_key(part + _END, password=None)
            if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
                raise ValueError("a key of another kind")  # noqa: TRY004  what a file holds is a value
            self._keys[key_id(key.public_key())] = key
        if not self._keys:
            raise ValueError("no key")

    def open(self, row: str, sealed: str) -> Reader:
        """Return whose registration a row is.

        Whoever can write into the database can seal for a public key: what comes out is judged anew, so that nothing
        but an address ever gets into a message.

        Raises:
            CannotOpen: it is not sealed for one of these keys at this row, or it is no address.
        """
        said = self._said(sealed, Place(MAIL_SERVICE, row, DELIVERY))
        address = _address(said)
        tongue: Tongue | None = next((one for one in get_args(Tongue) if one == said.get(TONGUE)), None)
        if tongue is None:
            raise CannotOpen("no language")
        return Reader(address, tongue)

    def asked_for(self, number: str, sealed: str) -> str:
        """Return the address that a question of the office's asks for.

        It is sealed for the question's own number and purpose: no value that is kept opens here, nor this one there.

        Raises:
            CannotOpen: it is not sealed for one of these keys in this question, or it is no address.
        """
        return _address(self._said(sealed, Place(MAIL_SERVICE, number, FINDING)))

    def _said(self, sealed: str, place: Place) -> Mapping[str, Any]:
        try:
            said = json.loads(unseal(sealed, place, self._keys[sealed_for(sealed)]))
        except (CannotUnseal, CannotSeal, ValueError, KeyError, RecursionError) as error:
            raise CannotOpen(type(error).__name__) from None
        if not isinstance(said, dict):
            raise CannotOpen("no object")
        return said


def _address(said: Mapping[str, Any]) -> str:
    address = said.get("email")
    if not isinstance(address, str) or len(address) > LONGEST_ADDRESS or ADDRESS.fullmatch(address) is None:
        raise CannotOpen("no address")
    return address


class Secrets:
    """Makes what letters carry.

    Args:
        key: at least 32 bytes, which no other host has.

    Raises:
        ValueError: it is shorter.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < hashlib.sha256().digest_size:
            raise ValueError(f"The key of the letters has {len(key)} bytes; at least 32 are needed.")
        self._key = key

    def confirm(self, row: str) -> str:
        """Return the secret by which a registration is confirmed."""
        return _text(self._made("confirm", row))

    def leave(self, person: str) -> str:
        """Return the secret by which a person leaves the list: the same in all letters, however often one registers.

        Args:
            person: as `person` returns it.
        """
        return _text(self._made("leave", person))

    def person(self, address: str) -> str:
        """Return by what the registrations of one address are known as one person's: 64 hexadecimal digits."""
        return self._made("person", address.casefold()).hex()

    def message(self, letter: str, row: str) -> str:
        """Return what a message is known by: the same when it is sent again."""
        return self._made("message", f"{letter} {row}").hex()[:32]

    def _made(self, kind: str, value: str) -> bytes:
        return hmac.digest(self._key, f"azukari letters {kind}\0{value}".encode(), "sha256")


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
