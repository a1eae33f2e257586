"""OpenSSH keys and certificates as files: made, read, and written closed."""

import os
import tempfile
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
    load_ssh_public_key,
)

from azukari.errors import InputError


def new_key() -> Ed25519PrivateKey:
    """Return a new Ed25519 key, the one kind of SSH key that azukari makes (CRYPTREC's list)."""
    return Ed25519PrivateKey.generate()


def private_text(key: Ed25519PrivateKey) -> bytes:
    """Return the key in OpenSSH's own private format, not encrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def public_text(key: Ed25519PrivateKey | Ed25519PublicKey, comment: str = "") -> str:
    """Return the line of a `.pub` file: type, base64 and comment, with its end of line."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return f"{line} {comment}".rstrip() + "\n"


def read_private(data: bytes, where: str) -> Ed25519PrivateKey:
    """Return the Ed25519 key of an OpenSSH private key file.

    Args:
        data: the file's bytes.
        where: how to name the file in an error.

    Raises:
        InputError: not an unencrypted Ed25519 key.
    """
    try:
        key = load_ssh_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"{where} is not an OpenSSH private key that can be read: {error}.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{where} holds another kind of key; azukari expects Ed25519.")
    return key


def read_public(line: str, where: str) -> Ed25519PublicKey:
    """Return the Ed25519 key of a `.pub` line.

    Raises:
        InputError: not an Ed25519 public key.
    """
    try:
        key = load_ssh_public_key(line.strip().encode())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"{where} is not an OpenSSH public key: {error}.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{where} holds another kind of key; azukari expects ssh-ed25519.")
    return key


def write_closed(path: Path, data: bytes | str) -> None:
    """Put a private file (0600, in 0700 folders) in place at once: it is never half written or open for a moment."""
    write(path, data, mode=0o600, folders=0o700)


def write(path: Path, data: bytes | str, mode: int = 0o644, folders: int = 0o755) -> None:
    """Put a file in place by renaming, making missing folders.

    Args:
        path: where.
        data: its content.
        mode: the file's rights.
        folders: the rights of folders that are made on the way.
    """
    for folder in reversed([path.parent, *path.parent.parents]):
        if not folder.exists():
            folder.mkdir(mode=folders, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
