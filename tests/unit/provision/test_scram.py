"""What the database keeps of a password, against the exchange that RFC 7677 (3) gives as its example."""

import base64
import hashlib
import hmac

import pytest

from azukari.provision.scram import verifier

NONCE = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
FIRST_OF_CLIENT = "n=user,r=rOprNGfwEbeRWgbNEkqO"
FIRST_OF_SERVER = f"r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
LAST_OF_CLIENT = f"c=biws,r={NONCE}"
PROOF = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
SIGNATURE = base64.b64decode("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
SPOKEN = f"{FIRST_OF_CLIENT},{FIRST_OF_SERVER},{LAST_OF_CLIENT}".encode()
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")


def parts(text):
    kind, told, kept = text.split("$")
    rounds, salt = told.split(":")
    stored, server = (base64.b64decode(one) for one in kept.split(":"))
    return kind, rounds, salt, stored, server


def proves(proof, stored):
    """Tell whether a server that keeps this believes the client (RFC 5802, 3)."""
    signature = hmac.digest(stored, SPOKEN, "sha256")
    key = bytes(one ^ other for one, other in zip(proof, signature, strict=True))
    return hashlib.sha256(key).digest() == stored


def test_the_rfcs_client_is_believed_and_its_server_answers():
    kind, rounds, salt, stored, server = parts(verifier("pencil", SALT))
    assert (kind, rounds, salt) == ("SCRAM-SHA-256", "4096", "W22ZaJ0SNY7soEsUEjb6gQ==")
    assert proves(PROOF, stored)
    assert hmac.digest(server, SPOKEN, "sha256") == SIGNATURE


def test_another_password_or_salt_is_not_believed():
    for text in (verifier("pencils", SALT), verifier("pencil", bytes(16))):
        *_, stored, server = parts(text)
        assert not proves(PROOF, stored)
        assert hmac.digest(server, SPOKEN, "sha256") != SIGNATURE


def test_the_password_is_not_in_it_and_must_be_ascii():
    assert "pencil" not in verifier("pencil", SALT)
    with pytest.raises(UnicodeEncodeError):  # SASLprep might change it, and nobody would get in
        verifier("鉛筆", SALT)
