"""Values are sealed for the key that the office named, and for no other."""

import json
import subprocess
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from reference_site.recipients import KeyStatement, NoRecipient, recipient, verified

TODAY = date(2026, 11, 26)
KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
STATEMENT = KeyStatement("lab", "contact", "office", KEY, TODAY, TODAY)


def sign(key, text, folder, namespace="azukari-sealing-key"):
    file = folder / "to-sign"
    file.write_bytes(text)
    subprocess.run(["ssh-keygen", "-Y", "sign", "-q", "-f", key, "-n", namespace, file], check=True)
    signature = (folder / "to-sign.sig").read_bytes()
    (folder / "to-sign.sig").unlink()
    return signature


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    key = tmp_path_factory.mktemp("office") / "approval"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    return key


@pytest.fixture
def public(office):
    return " ".join(office.with_suffix(".pub").read_text().split()[:2])


@pytest.fixture
def put(office, tmp_path):
    def put(statement=STATEMENT, name="contact", key=office, text=None):
        text = statement.to_bytes() if text is None else text
        (tmp_path / f"{name}.json").write_bytes(text)
        (tmp_path / f"{name}.json.sig").write_bytes(sign(key, text, tmp_path))
        return tmp_path

    return put


def ask(folder, public, *, site="lab", collection="contact", holder="office", today=TODAY):
    return recipient(folder, site, collection, holder, public, today)


@pytest.mark.parametrize("key", [KEY, rsa.generate_private_key(65537, 3072).public_key()], ids=["P-256", "RSA"])
def test_the_signed_key_is_the_recipient(put, public, key):
    statement = KeyStatement("lab", "contact", "office", key, TODAY, TODAY)
    assert ask(put(statement), public) == statement


def test_another_key_put_in_its_place_is_refused(put, public):
    folder = put()
    other = KeyStatement("lab", "contact", "office", ec.generate_private_key(ec.SECP256R1()).public_key(), TODAY, TODAY)
    (folder / "contact.json").write_bytes(other.to_bytes())
    with pytest.raises(NoRecipient, match="not signed by the office"):
        ask(folder, public)


def test_somebody_elses_signature_is_refused(put, public, tmp_path):
    somebody = tmp_path / "somebody"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", somebody], check=True)
    with pytest.raises(NoRecipient, match="not signed by the office"):
        ask(put(key=somebody), public)


def test_the_offices_signature_for_something_else_is_refused(office, public, tmp_path):
    text = STATEMENT.to_bytes()
    with pytest.raises(NoRecipient, match="not signed by the office"):
        verified(text, sign(office, text, tmp_path, "azukari-site"), public)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"site": "another"}, r"lab/contact/office .*, not another/contact/office"),
        ({"holder": "mail"}, r"lab/contact/office .*, not lab/contact/mail"),
        ({"today": date(2026, 11, 25)}, "holds from 2026-11-26 to 2026-11-26; today is 2026-11-25"),
        ({"today": date(2026, 11, 27)}, "today is 2026-11-27"),
        ({"collection": "mail_service"}, "No key statement for mail_service"),
    ],
)
def test_a_statement_is_about_one_site_and_its_days(put, public, asked, said):
    with pytest.raises(NoRecipient, match=said):
        ask(put(), public, **asked)


def test_a_statement_does_not_pass_for_another_collections(put, public):
    with pytest.raises(NoRecipient, match=r"lab/contact/office .*, not lab/mail_service/office"):
        ask(put(name="mail_service"), public, collection="mail_service")


WRITTEN = json.loads(STATEMENT.to_bytes())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no key statement"),
        (b"[]", "no key statement"),
        (json.dumps({**WRITTEN, "key": {"kty": "EC"}}).encode(), "no key statement"),
        (json.dumps({**WRITTEN, "until": "tomorrow"}).encode(), "no key statement"),
        (
            json.dumps({**WRITTEN, "kid": "another"}, sort_keys=True, indent=1).encode() + b"\n",
            "not written in its one",
        ),
        (
            json.dumps({**WRITTEN, "second": WRITTEN["key"]}, sort_keys=True, indent=1).encode() + b"\n",
            "not written in",
        ),
        (json.dumps({**WRITTEN, "holder": "contractor"}).encode(), "no key statement"),
        (json.dumps({**WRITTEN, "site": "\ud800"}).encode(), "no key statement"),
        (b" " * 20_000, "not signed"),
    ],
    ids=[
        "nothing",
        "a list",
        "a broken key",
        "a broken date",
        "another kid",
        "a second key",
        "another holder",
        "no text",
        "too large",
    ],
)
def test_what_is_signed_and_no_statement_is_refused(put, public, text, said):
    with pytest.raises(NoRecipient, match=said):
        ask(put(text=text), public)
