"""Seals what visitors entrust, so that the server that stores it cannot open it.

A sealed value is a JSON Web Encryption in compact form (RFC 7516), so that tools that are not ours open it too:
AES-256-GCM (`A256GCM`) under a key that is fresh for each answer, wrapped for exactly one recipient by ECDH on P-256
(`ECDH-ES+A256KW`, RFC 7518 section 4.6) or by RSA-OAEP with SHA-256 (`RSA-OAEP-256`, section 4.3). The protected
header, which is the associated data, names the recipient's key and the place where the value lies: a value that was
moved to another row does not open there. There is one value for a row and a purpose.

Sealing says nothing of who sealed: the public key is no secret, and whoever can write into the store can put a value of
their own there, or an older one of the same place.
"""

import base64
import binascii
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

SMALLEST_RSA = 3072  # bits; CRYPTREC
LONGEST = 1_000_000  # characters of a sealed value; far above what a form takes
_BY_CURVE, _BY_RSA, _CONTENT = "ECDH-ES+A256KW", "RSA-OAEP-256", "A256GCM"
_NONCE, _TAG = 12, 16  # bytes; RFC 7518 section 5.3
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{43}")
_PART = r"[A-Za-z0-9_-]{1,64}"
_PLACE = re.compile(f"{_PART}/{_PART}/{_PART}")


class CannotSeal(Exception):
    """The key or the place is none for which values are sealed."""


class CannotUnseal(Exception):
    """The value is not one that this key opens at this place."""


@dataclass(frozen=True)
class Place:
    """Where a sealed value lies, and for what it may be opened.

    Args:
        table: the table's name.
        row: the row's identifier.
        purpose: the purpose of use that the policy declares, such as `reply`.
    """

    table: str
    row: str
    purpose: str

    def __str__(self) -> str:
        """Return `TABLE/ROW/PURPOSE`."""
        place = f"{self.table}/{self.row}/{self.purpose}"
        if _PLACE.fullmatch(place) is None:
            raise CannotSeal(f"A place is a table, a row and a purpose, each of letters, digits, _ and -: {place!r}.")
        return place


class Recipient:
    """The one who opens what is sealed: the public half of the key, and its identifier, which is computed once.

    Args:
        key: P-256, or RSA of at least 3072 bits.

    Raises:
        CannotSeal: the key is of another kind.
    """

    def __init__(self, key: PublicKey) -> None:
        self.key, self.id = key, key_id(key)


def seal(plain: bytes, place: Place, key: PublicKey) -> str:
    """Return a value that the private half of `key` alone opens, and only at `place`.

    Args:
        plain: what is sealed.
        place: where it will lie.
        key: the one recipient's: P-256, or RSA of at least 3072 bits.

    Raises:
        CannotSeal: the key is of another kind, or the place is none.
    """
    return seal_all({place: plain}, Recipient(key))[place]


def seal_all(plain: Mapping[Place, bytes], recipient: Recipient) -> dict[Place, str]:
    """Return values of one answer, each of which opens by itself, and only at its place.

    One fresh key is wrapped once for them all; each value has its own nonce.

    Args:
        plain: what is sealed, by where it will lie.
        recipient: whose key opens it.

    Raises:
        CannotSeal: a place is none.
    """
    content_key, key = AESGCM.generate_key(256), recipient.key
    header: dict[str, Any] = {"enc": _CONTENT, "kid": recipient.id}
    if isinstance(key, rsa.RSAPublicKey):
        header["alg"] = _BY_RSA
        wrapped = key.encrypt(content_key, _oaep())
    else:
        ephemeral = ec.generate_private_key(ec.SECP256R1())
        header |= {"alg": _BY_CURVE, "epk": public_jwk(ephemeral.public_key())}
        wrapped = keywrap.aes_key_wrap(_agreed(ephemeral, key), content_key)
    cipher, in_words = AESGCM(content_key), _encode(wrapped)
    return {place: _sealed(each, header | {"place": str(place)}, in_words, cipher) for place, each in plain.items()}


def unseal(sealed: str, place: Place, key: PrivateKey) -> bytes:
    """Return what was sealed for this key at this place.

    Args:
        sealed: what `seal` returned.
        place: where it was found.
        key: the recipient's private key.

    Raises:
        CannotUnseal: it was sealed for another key or place, or was changed; says which, where it can be told.
        CannotSeal: the place is none, or nothing is sealed for keys of this kind.
    """
    protected, wrapped, nonce, content, tag = _parts(sealed)
    header = _header(protected)
    own = key_id(key.public_key())
    if header["kid"] != own:
        raise CannotUnseal(f"The value says that it is sealed for the key {header['kid']}, not for {own}.")
    if header["place"] != str(place):
        raise CannotUnseal(f"The value says that it is sealed for the place {header['place']}; it lies at {place}.")
    try:
        content_key = _unwrap(header, wrapped, key)
        return AESGCM(content_key).decrypt(nonce, content + tag, protected.encode())
    except (InvalidTag, keywrap.InvalidUnwrap, CannotSeal, ValueError) as error:
        raise CannotUnseal(f"The value at {place} was changed after it was sealed.") from error


def sealed_for(sealed: str) -> str:
    """Return the identifier of the key for which a value was sealed; proves nothing about the value.

    Raises:
        CannotUnseal: it is no sealed value.
    """
    return str(_header(_parts(sealed)[0])["kid"])


def sealed_at(sealed: str) -> str:
    """Return the place, `TABLE/ROW/PURPOSE`, for which a value says that it was sealed; proves nothing about the value.

    Raises:
        CannotUnseal: it is no sealed value.
    """
    return str(_header(_parts(sealed)[0])["place"])


def key_id(key: PublicKey) -> str:
    """Return a key's thumbprint (RFC 7638, SHA-256), by which sealed values and key statements name it.

    Raises:
        CannotSeal: values are not sealed for keys of this kind.
    """
    return _encode(hashlib.sha256(_canonical(public_jwk(key))).digest())


def public_jwk(key: PublicKey) -> dict[str, str]:
    """Return a public key as the required members of a JSON Web Key (RFC 7518 section 6).

    Raises:
        CannotSeal: values are not sealed for keys of this kind.
    """
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < SMALLEST_RSA:
            raise CannotSeal(f"An RSA key of {key.key_size} bits; at least {SMALLEST_RSA} are needed.")
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CannotSeal("Values are sealed for keys on P-256, or RSA keys, only.")
    point = key.public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": _encode(point.x.to_bytes(32)), "y": _encode(point.y.to_bytes(32))}


def from_jwk(jwk: Mapping[str, Any]) -> PublicKey:
    """Return the public key that a JSON Web Key holds.

    Raises:
        CannotSeal: it is no such key, or of a kind for which values are not sealed.
    """
    try:
        if jwk["kty"] == "RSA":
            n, e = (int.from_bytes(_decode(jwk[name])) for name in ("n", "e"))
            key: PublicKey = rsa.RSAPublicNumbers(e, n).public_key()
        else:
            x, y = (int.from_bytes(_decode(jwk[name])) for name in ("x", "y"))
            key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        exact = public_jwk(key) == dict(jwk)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CannotSeal("The key is no JSON Web Key of a public key on P-256, or of RSA.") from error
    if not exact:
        raise CannotSeal("The JSON Web Key is written otherwise than its required members, or holds more.")
    return key


def _sealed(plain: bytes, header: Mapping[str, Any], wrapped: str, cipher: AESGCM) -> str:
    nonce, protected = os.urandom(_NONCE), _encode(_canonical(header))
    sealed = cipher.encrypt(nonce, plain, protected.encode())
    return ".".join((protected, wrapped, *map(_encode, (nonce, sealed[:-_TAG], sealed[-_TAG:]))))


def _unwrap(header: Mapping[str, Any], wrapped: bytes, key: PrivateKey) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        if header["alg"] != _BY_RSA:
            raise CannotUnseal(f"The value says {header['alg']}; this key opens {_BY_RSA}.")
        return key.decrypt(wrapped, _oaep())
    if header["alg"] != _BY_CURVE:
        raise CannotUnseal(f"The value says {header['alg']}; this key opens {_BY_CURVE}.")
    ephemeral = from_jwk(header.get("epk", {}))
    if not isinstance(ephemeral, ec.EllipticCurvePublicKey):
        raise CannotUnseal("The value's ephemeral key is not on P-256.")
    return keywrap.aes_key_unwrap(_agreed(key, ephemeral), wrapped)


def _agreed(own: ec.EllipticCurvePrivateKey, other: ec.EllipticCurvePublicKey) -> bytes:
    """Return the key that wraps: Concat KDF over the shared secret (RFC 7518 section 4.6.2), no party information."""
    algorithm = _BY_CURVE.encode()
    information = len(algorithm).to_bytes(4) + algorithm + bytes(8) + (256).to_bytes(4)
    shared = own.exchange(ec.ECDH(), other)
    return ConcatKDFHash(hashes.SHA256(), 32, information).derive(shared)


def _oaep() -> padding.OAEP:
    return padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def _parts(sealed: str) -> tuple[str, bytes, bytes, bytes, bytes]:
    found = sealed.split(".")
    if len(sealed) > LONGEST or len(found) != 5:
        raise CannotUnseal("The value is no sealed value: five parts are expected (RFC 7516 section 3.1).")
    try:
        wrapped, nonce, content, tag = (_decode(part) for part in found[1:])
    except ValueError as error:
        raise CannotUnseal("The value is no sealed value: a part of it is not base64url.") from error
    if len(nonce) != _NONCE or len(tag) != _TAG:
        raise CannotUnseal("The value is no sealed value: its nonce or tag has another length.")
    return found[0], wrapped, nonce, content, tag


def _header(protected: str) -> dict[str, Any]:
    try:
        header = json.loads(_decode(protected))
        wanted = {"alg", "enc", "kid", "place"} | ({"epk"} if header["alg"] == _BY_CURVE else set())
        fits = (
            set(header) == wanted
            and header["enc"] == _CONTENT
            and header["alg"] in {_BY_CURVE, _BY_RSA}
            and _KEY_ID.fullmatch(header["kid"]) is not None  # both are shown to people, and are not yet proven
            and _PLACE.fullmatch(header["place"]) is not None
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CannotUnseal("The value is no sealed value: its header cannot be read.") from error
    if not fits:
        raise CannotUnseal("The value is sealed in a way that is not used here.")
    found: dict[str, Any] = header
    return found


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _number(value: int) -> str:
    return _encode(value.to_bytes((value.bit_length() + 7) // 8))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """Decode base64url without padding, in its one form: another spelling of the same bytes is refused."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if _encode(data) != text:
        raise ValueError("not base64url in its one form")
    return data
