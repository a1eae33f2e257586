"""SSH signatures: made and verified by `ssh-keygen -Y` (PROTOCOL.sshsig of OpenSSH), each for one namespace."""

import base64
import binascii
import re
import subprocess
import tempfile
from pathlib import Path

from azukari.errors import InputError

_ARMOUR = re.compile(rb"-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)-----END SSH SIGNATURE-----\n?")
_SECONDS = 120  # a person may have to type a passphrase, or to touch a key


def sign(text: bytes, namespace: str, private_key: Path) -> bytes:
    """Return a signature in OpenSSH's armour.

    Args:
        text: what is signed.
        namespace: what the signature is for; it is worth nothing for anything else.
        private_key: the private key, or its public half when an ssh-agent holds the private one.

    Raises:
        InputError: it is no key, or cannot sign.
    """
    _must_be_key(private_key)
    with tempfile.TemporaryDirectory(prefix="azukari-sign-") as folder:
        file = Path(folder) / "text"
        file.write_bytes(text)
        ran = _ssh_keygen(["-Y", "sign", "-q", "-n", namespace, "-f", str(private_key), str(file)])
        made = file.with_suffix(".sig")
        if ran.returncode or not made.exists():
            said = ran.stderr.decode(errors="replace").strip() or "no reason given"
            raise InputError(f"The key {private_key} could not sign: {said}. Nothing was written.")
        return made.read_bytes()


def verifies(text: bytes, namespace: str, signature: bytes, key: str) -> bool:
    """Tell whether a signature over a text is a key's own, for a namespace.

    Args:
        text: what was signed.
        namespace: what the signature is for.
        signature: in OpenSSH's armour.
        key: the signer's public key, “TYPE BASE64”.

    Raises:
        InputError: `ssh-keygen` is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="azukari-verify-") as folder:
        allowed, file = Path(folder) / "allowed_signers", Path(folder) / "signature"
        allowed.write_text(f'signer namespaces="{namespace}" {key}\n', encoding="utf-8")
        file.write_bytes(signature)
        arguments = ["-Y", "verify", "-f", str(allowed), "-I", "signer", "-n", namespace, "-s", str(file)]
        return _ssh_keygen(arguments, text).returncode == 0


def signer(signature: bytes) -> str:
    """Return the key, “TYPE BASE64”, with which a signature says that it was made; `verifies` alone proves it.

    Raises:
        ValueError: it is no SSH signature.
    """
    found = _ARMOUR.fullmatch(signature)
    try:
        blob = base64.b64decode(found[1].replace(b"\n", b"") if found else b"", validate=True)
        if blob[:10] != b"SSHSIG\0\0\0\1":
            raise ValueError("no SSH signature")
        length = int.from_bytes(blob[10:14], "big")
        key = blob[14 : 14 + length]
        kind = key[4 : 4 + int.from_bytes(key[:4], "big")].decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("no SSH signature") from error
    return f"{kind} {base64.b64encode(key).decode()}"


def _must_be_key(file: Path) -> None:
    """Refuse what ssh-keygen would only complain of in its own words."""
    try:
        begin = file.read_bytes()[:64]
    except OSError as error:
        raise InputError(
            f"The key {file} cannot be read ({(error.strerror or str(error)).lower()}); name the signer's private key."
        ) from error
    if b"PRIVATE KEY-----" not in begin and not begin.startswith((b"ssh-", b"ecdsa-", b"sk-")):
        raise InputError(f"{file} is no OpenSSH key; name the signer's private key, or its .pub file for an ssh-agent.")


def _ssh_keygen(arguments: list[str], text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["ssh-keygen", *arguments], input=text, capture_output=True, check=False, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"ssh-keygen got no answer (a passphrase, a touch of the key) within {_SECONDS} s; try again."
        ) from error
    except FileNotFoundError as error:
        raise InputError("ssh-keygen is not installed; install it with: apt-get install openssh-client") from error
