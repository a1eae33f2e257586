"""Public keys as they are declared: written out, or in a file of the site."""

import base64
import binascii
import hashlib
from pathlib import Path

from azukari.errors import InputError

SMALLEST_RSA = 3072  # bits; CRYPTREC


def public_key(folder: Path, declared: str) -> str:
    """Return a declared OpenSSH public key, “TYPE BASE64”, without its comment.

    Args:
        folder: the site's folder.
        declared: the key, or the path of its file below the folder.

    Raises:
        InputError: the file is missing or holds no such key.
    """
    text = declared
    if declared.startswith("keys/"):
        try:
            text = (folder / declared).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise InputError(f"the key {declared} does not exist; needed is a public key; put it there.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the key {declared} {_unread(error)}; put a public key there.") from error
    return _public_half(text, declared if declared.startswith("keys/") else "What is given")


def _public_half(text: str, named: str) -> str:
    if "PRIVATE KEY" in text:
        raise InputError(f"{named} is a private key; allowed is its public half, one line “ssh-ed25519 AAAA…”.")
    words = text.split()
    if len(words) < 2 or not _is_blob(words[0], words[1]):
        raise InputError(f"{named} is no OpenSSH public key; allowed is one line “ssh-ed25519 AAAA…”; correct it.")
    if not words[0].startswith("sk-"):  # a key in hardware, of which there is no more to see
        _must_be_sound(words, named)
    return f"{words[0]} {words[1]}"


def only_key(folder: Path, declared: str) -> str:
    """Return the key of a file that servers take as it is: every line of it would be trusted.

    Args:
        folder: the site's folder.
        declared: the path of the file below the folder.

    Raises:
        InputError: as `public_key`, or the file holds more than one line.
    """
    found = public_key(folder, declared)
    lines = [line for line in (folder / declared).read_text(encoding="utf-8").splitlines() if line.strip()]
    if len(lines) > 1:
        raise InputError(f"{declared} holds {len(lines)} lines; servers would trust each; allowed is one key.")
    return found


def public_key_file(file: Path, what: str) -> str:
    """Return the OpenSSH public key in a file of somebody's own, “TYPE BASE64”, without its comment.

    Args:
        file: the file.
        what: whose key it is, to begin a sentence: `The office's key`.

    Raises:
        InputError: the file cannot be read or holds no such key.
    """
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        wanted = "name a file with one line “ssh-ed25519 AAAA…”"
        raise InputError(f"{what} {file} {_unread(error)}; {wanted}.") from error
    return _public_half(text, f"{what} {file}")


def _unread(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "is no text"
    return f"cannot be read ({(error.strerror or str(error)).lower()})"


def fingerprint(key: str) -> str:
    """Return the fingerprint of “TYPE BASE64” as OpenSSH shows it: `SHA256:…`."""
    blob = base64.b64decode(key.split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _is_blob(kind: str, encoded: str) -> bool:
    try:
        blob = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False
    name = kind.encode()
    return blob[:4] == len(name).to_bytes(4, "big") and blob[4 : 4 + len(name)] == name and len(blob) > 4 + len(name)


def _must_be_sound(words: list[str], named: str) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        key = load_ssh_public_key(" ".join(words[:2]).encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        wrong = "is cut short, or of a kind that nobody uses any more; copy the whole line again"
        raise InputError(f"{named} {wrong}.") from error
    if isinstance(key, RSAPublicKey) and key.key_size < SMALLEST_RSA:
        raise InputError(f"{named} is an RSA key of {key.key_size} bits; allowed are {SMALLEST_RSA} and more.")
