"""A sealed value opens for one key at one place, whole or not at all, and by a tool that is not ours."""

import base64
import itertools
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwcrypto import jwe, jwk

from reference_site.sealing import (
    CannotSeal,
    CannotUnseal,
    Place,
    Recipient,
    from_jwk,
    key_id,
    public_jwk,
    seal,
    seal_all,
    sealed_for,
    unseal,
)

PLACE = Place("contact", "7f3c", "reply")
WORDS = "山田です。返事をください。".encode()
KEYS = {
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "RSA": rsa.generate_private_key(65537, 3072),
}


@pytest.fixture(params=KEYS)
def key(request):
    return KEYS[request.param]


def test_only_the_recipient_opens_it(key):
    sealed = seal(WORDS, PLACE, key.public_key())
    assert unseal(sealed, PLACE, key) == WORDS
    assert sealed_for(sealed) == key_id(key.public_key())
    for other in (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 3072)):
        with pytest.raises(CannotUnseal, match="says that it is sealed for the key"):
            unseal(sealed, PLACE, other)


def test_another_tool_opens_it(key):
    theirs = jwk.JWK.from_pem(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    token = jwe.JWE(algs=["ECDH-ES+A256KW", "RSA-OAEP-256", "A256GCM"])
    token.deserialize(seal(WORDS, PLACE, key.public_key()), theirs)
    assert token.payload == WORDS
    assert theirs.thumbprint() == key_id(key.public_key())


def test_what_another_tool_sealed_opens_here(key):
    theirs = jwk.JWK(**public_jwk(key.public_key()))
    algorithm = "RSA-OAEP-256" if theirs["kty"] == "RSA" else "ECDH-ES+A256KW"
    header = {"alg": algorithm, "enc": "A256GCM", "kid": theirs.thumbprint(), "place": str(PLACE)}
    token = jwe.JWE(WORDS, json.dumps(header), recipient=theirs, algs=[algorithm, "A256GCM"])
    assert unseal(token.serialize(compact=True), PLACE, key) == WORDS


def test_values_of_one_answer_open_each_by_itself_and_only_at_its_place(key):
    places = [Place("contact", "7f3c", purpose) for purpose in ("reply", "record", "improvement")]
    sealed = seal_all({place: place.purpose.encode() for place in places}, Recipient(key.public_key()))
    theirs = jwk.JWK.from_pem(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for place in places:
        assert unseal(sealed[place], place, key) == place.purpose.encode()
        token = jwe.JWE(algs=["ECDH-ES+A256KW", "RSA-OAEP-256", "A256GCM"])
        token.deserialize(sealed[place], theirs)
        assert token.payload == place.purpose.encode()
    for one, other in itertools.permutations(places, 2):
        with pytest.raises(CannotUnseal, match="says that it is sealed for the place"):
            unseal(sealed[one], other, key)
        # Nor does a part of one do in the other's place; the wrapped key is the same in both.
        parts, others = sealed[one].split("."), sealed[other].split(".")
        assert [at for at in range(5) if parts[at] == others[at]] == [1]
        for changed in ((0,), (2,), (3,), (4,), (3, 4), (2, 3, 4)):
            mixed = [others[at] if at in changed else part for at, part in enumerate(parts)]
            with pytest.raises(CannotUnseal):
                unseal(".".join(mixed), one, key)


@pytest.mark.parametrize(
    "elsewhere",
    [Place("mail_service", "7f3c", "reply"), Place("contact", "7f3d", "reply"), Place("contact", "7f3c", "x")],
)
def test_it_does_not_open_elsewhere(key, elsewhere):
    with pytest.raises(CannotUnseal, match="sealed for the place contact/7f3c/reply"):
        unseal(seal(WORDS, PLACE, key.public_key()), elsewhere, key)


def test_no_changed_character_goes_unseen(key):
    sealed = seal(WORDS, PLACE, key.public_key())
    tried = 0
    for at in range(len(sealed)):
        for other in {"A", "b", "."} - {sealed[at]}:
            with pytest.raises(CannotUnseal):
                unseal(sealed[:at] + other + sealed[at + 1 :], PLACE, key)
            tried += 1
    assert tried > 2 * len(sealed) - 100


def test_the_same_words_never_look_the_same(key):
    assert len({seal(WORDS, PLACE, key.public_key()) for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "sealed", ["", "a.b.c.d", "....", "e30.AA.AA.AA.AA", "A" * 1_000_001, "W10.a.b.c.d", "é.a.b.c.d"]
)
def test_what_is_no_sealed_value_is_said_to_be_none(sealed):
    with pytest.raises(CannotUnseal, match="no sealed value"):
        unseal(sealed, PLACE, KEYS["P-256"])


def test_another_way_to_seal_is_refused():
    theirs = jwk.JWK(**public_jwk(KEYS["P-256"].public_key()))
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": theirs.thumbprint(), "place": str(PLACE)}
    token = jwe.JWE(WORDS, json.dumps(header), recipient=theirs, algs=["ECDH-ES", "A256GCM"])
    with pytest.raises(CannotUnseal, match="not used here"):
        unseal(token.serialize(compact=True), PLACE, KEYS["P-256"])


@pytest.mark.parametrize(
    ("name", "value"), [("kid", "\x1b]0;owned\x07"), ("kid", 7), ("place", "a/b"), ("place", "a/b/\n")]
)
def test_a_header_that_would_paint_on_a_terminal_is_not_repeated(name, value):
    sealed = seal(WORDS, PLACE, KEYS["P-256"].public_key())
    protected, rest = sealed.split(".", 1)
    header = json.loads(base64.urlsafe_b64decode(protected + "=" * (-len(protected) % 4)))
    changed = base64.urlsafe_b64encode(json.dumps({**header, name: value}).encode()).rstrip(b"=").decode()
    with pytest.raises(CannotUnseal) as caught:
        unseal(f"{changed}.{rest}", PLACE, KEYS["P-256"])
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "weak", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)], ids=["P-384", "RSA-2048"]
)
def test_nothing_is_sealed_for_a_key_of_another_kind(weak):
    with pytest.raises(CannotSeal):
        seal(WORDS, PLACE, weak.public_key())


@pytest.mark.parametrize("part", ["", "a/b", "\x1b[2K", "a" * 65])
def test_a_place_has_three_parts(part):
    with pytest.raises(CannotSeal, match="each of letters"):
        seal(WORDS, Place("contact", part, "reply"), KEYS["P-256"].public_key())


def test_a_key_is_written_in_one_way(key):
    written = public_jwk(key.public_key())
    assert from_jwk(written) == key.public_key()
    for wrong in (
        {},
        {**written, "use": "enc"},
        {**written, "kty": "oct"},
        {**written, next(reversed(written)): "AA"},
        [],
    ):
        with pytest.raises(CannotSeal):
            from_jwk(wrong)
