"""Who signs: one interface for a key file (encrypted or not) and for a key that an ssh-agent holds."""

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import paramiko
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_private_key,
    load_ssh_public_key,
)

from azukari.errors import InputError

_OPENSSH_PRIVATE = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_AGENT_KEY = "ssh-ed25519"


class Signer(Protocol):
    """Signs evidence with one Ed25519 key."""

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The public half."""

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of the Ed25519 signature over `data`.

        Raises:
            InputError: the key refused.
        """


class KeyFileSigner:
    """Signs with a private key that was read from a file."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The public half."""
        return self._key.public_key()

    def sign(self, data: bytes) -> bytes:
        """Return the signature over `data`."""
        return self._key.sign(data)


class AgentSigner:
    """Signs with a key that an ssh-agent holds, and that never leaves it."""

    def __init__(self, public_key: Ed25519PublicKey) -> None:
        self._public_key = public_key
        self._held = _held_by_agent(public_key)

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The public half."""
        return self._public_key

    def sign(self, data: bytes) -> bytes:
        """Return the signature over `data`; raises InputError when the agent refuses."""
        try:
            answer: Any = self._held.sign_ssh_data(data)  # bytes, whatever the stubs say
            message = paramiko.Message(answer)
            algorithm, signature = message.get_text(), message.get_binary()
            self._public_key.verify(signature, data)
        except (paramiko.SSHException, InvalidSignature, ValueError) as error:
            raise InputError(f"The ssh-agent did not sign with {fingerprint(self._public_key)}: {error}.") from error
        if algorithm != _AGENT_KEY:
            raise InputError(f"The ssh-agent signed with {algorithm}; evidence needs {_AGENT_KEY}.")
        return signature


def load(path: Path, passphrase: Callable[[], str] | None = None) -> Signer:
    """Return the signer of a key.

    Args:
        path: a private Ed25519 key (PKCS#8 PEM or OpenSSH), or a public key (`.pub`) whose private half an ssh-agent
            holds.
        passphrase: asked when the file is encrypted.

    Raises:
        InputError: no such file, another kind of key, a wrong passphrase, or the agent does not hold the key.
    """
    data = _read(path)
    if b"PRIVATE KEY-----" not in data:
        return AgentSigner(public_key(path))
    read = load_ssh_private_key if data.startswith(_OPENSSH_PRIVATE) else load_pem_private_key
    try:
        try:
            key = read(data, password=None)
        except TypeError:  # cryptography's way to say that the key is encrypted
            if passphrase is None:
                raise InputError(
                    f"The key {path} is encrypted, and there is nobody to ask for its passphrase."
                ) from None
            key = read(data, password=passphrase().encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"The key {path} cannot be read: the passphrase or the file is wrong.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"The key {path} is not an Ed25519 key; evidence is signed with Ed25519 only.")
    return KeyFileSigner(key)


def public_key(path: Path) -> Ed25519PublicKey:
    """Return the public key of a file: one OpenSSH line or PEM.

    Raises:
        InputError: no such file, or it holds no Ed25519 public key.
    """
    data = _read(path)
    if b"PRIVATE KEY-----" in data:
        raise InputError(f"{path} is a private key; evidence is verified with the public one ({path.stem}.pub).")
    try:
        key = load_pem_public_key(data) if data.startswith(b"-----") else load_ssh_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path} is no key: an OpenSSH line or PEM of an Ed25519 key is expected.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{path} is not an Ed25519 public key.")
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the key's fingerprint as `ssh-keygen -l` prints it: `SHA256:…`."""
    blob = base64.b64decode(_openssh(key).split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _openssh(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _held_by_agent(key: Ed25519PublicKey) -> paramiko.AgentKey:
    blob = base64.b64decode(_openssh(key).split()[1])
    for held in paramiko.Agent().get_keys():
        if held.asbytes() == blob:
            return held
    raise InputError(f"The ssh-agent does not hold {fingerprint(key)}; add it with `ssh-add FILE`, or name its file.")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"The key {path} cannot be read: {error.strerror or error}.") from error
