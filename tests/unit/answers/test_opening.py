"""What the office opens, and what it does not: each value that does not open is named, and the rest is read."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from sealed_answers import FORM, WHOLE, a_value, collection, sealed_answer

from azukari.answers import opening, resealing
from azukari.answers.files import Change, Fault, Value
from azukari.answers.opening import Answer
from azukari.errors import InputError
from azukari.site import holders_dir
from reference_site.sealing import Place, key_id, sealed_for, unseal

ROW = "00000000-0000-4000-8000-000000000001"
OTHER = "00000000-0000-4000-8000-000000000002"
SECOND = "00000000-0000-4000-8000-000000000003"


@pytest.fixture(scope="module")
def private():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def public(private):
    return private.public_key()


@pytest.fixture
def read(site, private):
    """Open values with the office's key; returns answers and faults."""

    def opened(values):
        found = list(opening.answers(iter(values), collection(site), {key_id(private.public_key()): private}))
        return [one for one in found if isinstance(one, Answer)], [one for one in found if isinstance(one, Fault)]

    return opened


def test_an_answer_is_read_as_it_was_given(site, public, read):
    values = [
        *sealed_answer(site, public, WHOLE, ROW),
        *sealed_answer(site, public, {"comments": "x"}, OTHER, "2026-04-03"),
    ]
    answers, faults = read(values)
    assert faults == []
    assert answers == [Answer(ROW, "2026-04-01", WHOLE), Answer(OTHER, "2026-04-03", {"comments": "x"})]
    assert list(answers[0].items) == ["comments", "heading", "email", "gender", "country"]


def altered(one: Value) -> Value:
    parts = one.sealed.split(".")
    parts[3] = ("B" if parts[3][0] == "A" else "A") + parts[3][1:]
    return Value(one.row, one.purpose, one.received, ".".join(parts))


def test_what_does_not_open_is_named_and_the_rest_is_read(site, public, read):
    foreign = ec.generate_private_key(ec.SECP256R1()).public_key()
    first = {one.purpose: one for one in sealed_answer(site, public, WHOLE, ROW)}
    moved = Value(OTHER, "reply", "2026-04-01", first["reply"].sealed)
    as_another = Value(ROW, "reply", "2026-04-01", first["reference"].sealed)
    no_jwe = Value(ROW, "reference", "2026-04-01", "a.b.c.d.e")
    values = [
        first["policymaking"],
        no_jwe,
        as_another,
        moved,
        altered(a_value({"comments": "x"}, SECOND, "policymaking", public)),
        a_value({"email": "a@b.example"}, SECOND, "reply", foreign),
        a_value({"email": "a@b.example"}, SECOND, "delivery", public),
        Fault("", "", "the file"),
    ]
    answers, faults = read(values)
    assert [(one.row, one.items) for one in answers] == [(ROW, {"comments": WHOLE["comments"]})]
    assert [(one.row, one.purpose) for one in faults] == [
        (ROW, "reference"), (ROW, "reply"), (OTHER, "reply"), (SECOND, "policymaking"), (SECOND, "reply"),
        (SECOND, "delivery"), ("", ""),
    ]  # fmt: skip
    for fault, words in zip(
        faults,
        (
            "no sealed value",
            f"for the place {FORM}/{ROW}/reference",
            f"for the place {FORM}/{ROW}/reply; it lies at {FORM}/{OTHER}/reply",
            "was changed after it was sealed",
            f"{key_id(foreign)}, which is not at hand",
            "the policy declares no purpose “delivery”",
            "the file",
        ),
        strict=True,
    ):
        assert words in fault.reason


@pytest.mark.parametrize("plain", [b"\xff", b"not json", [1], {"email": 1}, b"[" * 100_000, None])
def test_what_opens_to_no_items_is_named_without_its_text(public, read, plain):
    answers, (fault,) = read([a_value(plain, ROW, "reply", public)])
    assert answers == []
    assert fault.reason == "it opens to something else than items"


def test_what_the_policy_does_not_declare_for_the_purpose_is_left_out_and_counted(public, read):
    answers, (fault,) = read(
        [a_value({"email": "a@b.example", "secret-mark": "x", "comments": "y"}, ROW, "reply", public)]
    )
    assert answers[0].items == {"email": "a@b.example"}
    assert "2 of its items" in fault.reason
    assert "secret-mark" not in fault.reason


def test_two_purposes_that_differ_are_named(site, private, public):
    both = collection(site).model_copy(
        update={
            "items": tuple(
                one.model_copy(update={"purposes": ("reply", "reference")}) for one in collection(site).items
            )
        }
    )
    values = [
        a_value({"email": text}, ROW, purpose, public)
        for text, purpose in (("a@b.jp", "reply"), ("c@d.jp", "reference"))
    ]
    found = list(opening.answers(iter(values), both, {key_id(public): private}))
    assert [one.reason for one in found if isinstance(one, Fault)] == [
        "it says something else than another purpose's value of this answer: email"
    ]
    same = [a_value({"email": "a@b.jp"}, ROW, purpose, public) for purpose in ("reply", "reference")]
    assert list(opening.answers(iter(same), both, {key_id(public): private})) == [
        Answer(ROW, "2026-04-01", {"email": "a@b.jp"})
    ]


# --- keys -------------------------------------------------------------------------------------------------------------


def pem(path: Path, key, passphrase: str = "") -> Path:
    closed = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed))
    return path


def test_only_the_keys_that_values_name_are_opened(site, new_key):
    first, second = new_key(), new_key("words")
    folder = holders_dir(site) / "office" / "sealing"
    values = sealed_answer(site, first, WHOLE, ROW)
    assert opening.needed(values, folder, FORM) == [folder / f"{FORM}-{key_id(first)}.pem"]
    both = [*values, *sealed_answer(site, second, WHOLE), Value(ROW, "x", "2026-04-01", "a.b.c.d.e"), Fault("", "", "")]
    assert set(opening.needed(both, folder, FORM)) == {folder / f"{FORM}-{key_id(key)}.pem" for key in (first, second)}
    with pytest.raises(InputError, match=r"There is no key .*name the office's key with --key"):
        opening.needed(values, folder / "none", FORM)


def test_a_passphrase_is_asked_once(tmp_path, private):
    second = ec.generate_private_key(ec.SECP256R1())
    third = rsa.generate_private_key(65537, 3072)
    paths = [
        pem(tmp_path / "1", private, "words"),
        pem(tmp_path / "2", second, "words"),
        pem(tmp_path / "3", third, "others"),
    ]
    asked = []

    def ask(path):
        asked.append(path)
        return "words" if path == paths[0] else "others"

    found = opening.load_keys(paths, ask)
    assert set(found) == {key_id(one.public_key()) for one in (private, second, third)}
    assert asked == [paths[0], paths[2]]


@pytest.mark.parametrize(
    ("make", "ask", "said"),
    [
        (lambda path, key: pem(path, key, "words"), None, "nobody to ask"),
        (lambda path, key: pem(path, key, "words"), lambda _path: "wrong", "does not open with this passphrase"),
        (lambda path, key: pem(path, key, "words"), lambda _path: "", "does not open with this passphrase"),
        (lambda path, _key: path.write_text("x"), None, "no private key in PEM"),
        (lambda _path, _key: None, None, "cannot be read"),
        (lambda path, _key: pem(path, ec.generate_private_key(ec.SECP384R1())), None, "no key that opens"),
        (lambda path, _key: pem(path, rsa.generate_private_key(65537, 2048)), None, "no key that opens"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_used_is_a_sentence(tmp_path, private, make, ask, said):
    make(tmp_path / "key", private)
    with pytest.raises(InputError, match=said):
        opening.load_keys([tmp_path / "key"], ask)


# --- sealed anew ------------------------------------------------------------------------------------------------------


def test_what_was_sealed_for_an_earlier_key_is_sealed_for_the_stated_one_at_its_place(site, private, public):
    stated = ec.generate_private_key(ec.SECP256R1())
    old, new = sealed_answer(site, public, WHOLE, ROW), sealed_answer(site, stated.public_key(), WHOLE, OTHER)
    broken = altered(a_value({"comments": "x"}, SECOND, "policymaking", public))
    keys = {key_id(public): private}
    found = list(resealing.resealed(iter([*old, *new, broken, Fault("", "", "f")]), FORM, keys, stated.public_key()))
    changes = [one for one in found if isinstance(one, Change)]
    assert [(one.row, one.purpose, one.old) for one in changes] == [
        (one.row, one.purpose, resealing.digest(one.sealed)) for one in old
    ]
    for before, after in zip(old, changes, strict=True):
        place = Place(FORM, before.row, before.purpose)
        assert unseal(after.sealed, place, stated) == unseal(before.sealed, place, private)
        assert sealed_for(after.sealed) == key_id(stated.public_key())
    assert [one.row for one in found if isinstance(one, Fault)] == [SECOND, ""]
    assert list(resealing.judged(changes, FORM, key_id(stated.public_key()))) == changes


def test_what_is_not_for_the_stated_key_at_its_place_is_not_put_back(site, public):
    [one] = sealed_answer(site, public, {"comments": "x"}, ROW)
    change = Change(one.row, one.purpose, "0" * 64, one.sealed)
    key = key_id(public)
    assert list(resealing.judged([change], FORM, key)) == [change]
    for wrong, form, stated, said in (
        (change, FORM, "A" * 43, "the office states A"),
        (change, "mail_service", key, "for the place contact/"),
        (Change(OTHER, one.purpose, "0" * 64, one.sealed), FORM, key, f"for the place {FORM}/{ROW}/"),
        (Change(ROW, "reply", "0" * 64, one.sealed), FORM, key, f"for the place {FORM}/{ROW}/"),
        (Change(ROW, "reply", "0" * 64, "a.b.c.d.e"), FORM, key, "no sealed value"),
        (Change(ROW, "reply", "0" * 64, json.dumps("plain")), FORM, key, "no sealed value"),
    ):
        with pytest.raises(InputError, match=said):
            list(resealing.judged([wrong], form, stated))
