"""SCRAM-SHA-256 (RFC 5802, RFC 7677): what a server keeps of a password."""

import base64
import hashlib
import hmac

_ROUNDS = 4096  # PostgreSQL's; the passwords have 256 bits of their own, so that guessing is hopeless anyway


def verifier(password: str, salt: bytes) -> str:
    """Return what PostgreSQL keeps in `pg_authid.rolpassword`, from which the password cannot be read.

    Args:
        password: ASCII, as `service_secret` makes it (so that SASLprep changes nothing).
        salt: 16 bytes.
    """
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    said = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${_ROUNDS}:{said[0]}${said[1]}:{said[2]}"
