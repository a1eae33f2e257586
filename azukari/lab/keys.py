"""The keys that lab hosts are born with; on a real site the installer makes them."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from azukari.lab.fresh import HostKeys


def host_keys(kept: Path, published: Path, first_contact: Path, name: str) -> HostKeys:
    """Return a host's keys; makes those that are missing and publishes the public part in the site.

    Args:
        kept: the private folder of host keys.
        published: the site's `keys/hosts` folder.
        first_contact: the private key by which root is reached at first.
        name: the host.
    """
    private = kept / name
    public = key_pair(private, comment=f"root@{name}")
    published.mkdir(parents=True, exist_ok=True)
    target = published / f"{name}.pub"
    if not target.exists() or target.read_text(encoding="utf-8") != public:
        target.write_text(public, encoding="utf-8")
    return HostKeys(private.read_bytes(), public, key_pair(first_contact, comment="first contact"))


def key_pair(private: Path, *, comment: str) -> str:
    """Return the public line of an Ed25519 key pair in OpenSSH's format, making the pair when it is missing.

    Args:
        private: the private key's file (0600); the public one lies beside it, ending in `.pub`.
        comment: what the public line ends with.
    """
    public = private.with_name(f"{private.name}.pub")
    if not (private.exists() and public.exists()):
        private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = Ed25519PrivateKey.generate()
        data = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        private.unlink(missing_ok=True)
        handle = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        public.write_text(f"{line.decode()} {comment}\n", encoding="utf-8")
    return public.read_text(encoding="utf-8")
