"""What the drill tries keys with: a control, which has to be found and to open; and what is said of the outcome."""

import base64
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization as written
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from azukari.drills import opener
from reference_site.sealing import SMALLEST_RSA, Place, public_jwk, seal

CURVE, RSA = "the control on P-256", "the control for RSA"


def program(values: Mapping[str, str]) -> str:
    """Return the program that tries a host's keys, with its settings.

    Args:
        values: sealed values, by the purpose for which they are kept.
    """
    files, sealed = control()
    text = Path(opener.__file__).read_text(encoding="utf-8")
    return f"{text}\n\nmain({dict(values)!r}, {files!r}, {sealed!r})\n"


def control() -> tuple[list[dict[str, str]], dict[str, str]]:
    """Return files with throwaway keys, each in another form, and values that were sealed for them.

    Of a file: its `form`, its `data` in base64, and the value that it `opens`, empty where it opens none by itself.
    """
    curve, large = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, SMALLEST_RSA)
    values = {
        CURVE: seal(b"control", Place("control", "drill", "curve"), curve.public_key()),
        RSA: seal(b"control", Place("control", "drill", "rsa"), large.public_key()),
    }
    pem, der, no = written.Encoding.PEM, written.Encoding.DER, written.NoEncryption()
    pkcs8, older, ssh = (
        written.PrivateFormat.PKCS8,
        written.PrivateFormat.TraditionalOpenSSL,
        written.PrivateFormat.OpenSSH,
    )
    number = curve.private_numbers().private_value.to_bytes(32)
    jwk = {**public_jwk(curve.public_key()), "d": base64.urlsafe_b64encode(number).rstrip(b"=").decode()}
    passphrase = secrets.token_hex(12).encode()
    closing = written.BestAvailableEncryption(passphrase)
    other = ed25519.Ed25519PrivateKey.generate().private_bytes(pem, pkcs8, no)
    own = curve.private_bytes(pem, pkcs8, no)
    indented = b"keys: |\n  " + (other + own).replace(b"\n", b"\n  ")
    forms = [
        ("PEM", own, CURVE),
        ("SEC 1 as PEM", curve.private_bytes(pem, older, no), CURVE),
        ("OpenSSH's form", curve.private_bytes(pem, ssh, no), CURVE),
        ("DER", curve.private_bytes(der, pkcs8, no), CURVE),
        ("SEC 1 as DER", curve.private_bytes(der, older, no), CURVE),
        ("a JSON Web Key", json.dumps(jwk).encode(), CURVE),
        ("32 bytes", number, CURVE),
        ("hexadecimal digits", f"KEY={number.hex()}\n".encode(), CURVE),
        ("the second of two keys", indented, CURVE),
        ("PEM behind the beginning of a large file", bytes(2 * opener.LONGEST_KEY) + own, CURVE),
        ("PEM closed by a passphrase", curve.private_bytes(pem, pkcs8, closing), CURVE),
        ("DER closed by a passphrase", curve.private_bytes(der, pkcs8, closing), CURVE),
        ("PKCS#12", serialize_key_and_certificates(None, curve, None, None, closing), CURVE),
        ("the passphrase", passphrase + b"\n", ""),
        ("RSA as PEM", large.private_bytes(pem, pkcs8, no), RSA),
        ("RSA as DER", large.private_bytes(der, older, no), RSA),
        ("RSA in OpenSSH's form", large.private_bytes(pem, ssh, no), RSA),
    ]
    files = [{"form": form, "data": base64.b64encode(data).decode(), "opens": opens} for form, data, opens in forms]
    return files, values


def judged(found: Mapping[str, Any], purposes: list[str], holds: str = "") -> tuple[bool, str]:
    """Return whether a host's keys came out as promised, and a sentence.

    Args:
        found: what the program printed on the host.
        purposes: for which values were tried.
        holds: the end of the paths at which the host keeps the key that opens them; empty: it has none.
    """
    opening = [row for row in found["keys"] if row["opens"]]
    wrong = [
        f"{row['path']} ({row['kind']}) opens what is kept for {', '.join(row['opens'])}"
        for row in opening
        if not (holds and row["path"].endswith(holds))
    ]
    if holds and not opening:
        wrong.append("no key opens it, although this host is to")
    wrong += [f"the search missed its own control: {what}" for what in found["missed"]]
    keys = [
        row for row in found["keys"] if not row["kind"].startswith(opener.ALONE) and row["said"] != opener.UNREADABLE
    ]
    closed = sum(row["said"].startswith(opener.CLOSED) for row in keys)
    said = f"{len(keys)} keys and {found['numbers']} numbers of 32 bytes in {found['files']} files"
    what = "nothing" if not opening else f"by {', '.join(row['path'] for row in opening)} alone something"
    said += f" open {what} of what is kept for {', '.join(purposes)}; each control was opened"
    if closed:
        said += f"; {closed} are closed by a passphrase that is not on the host"
    return not wrong, "; ".join(wrong) or said
