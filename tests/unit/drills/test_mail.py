"""The mail drill: what it says of a message that arrived well, and of each way in which one may not."""

from types import SimpleNamespace

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from azukari.drills import mail
from azukari.errors import NotJudged
from azukari.lab.internet import Received

PEER = "198.18.64.14"


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signed(key, author="postmaster@lab.test"):
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    text = f"From: {author}\r\nTo: reader@reader.test\r\nSubject: azukari drill\r\n\r\nx\r\n".encode()
    return dkim.sign(text, b"azukari2026", b"lab.test", pem, include_headers=[b"from", b"to", b"subject"]) + text


@pytest.fixture
def drill(key, monkeypatch):
    """A drill that needs no servers: its message arrives as `arrived` says, and names are answered from `dns`."""
    der = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    p = "".join(line for line in der.splitlines() if "-----" not in line)
    host = SimpleNamespace(name="mail", address=PEER, address6=None)
    site = SimpleNamespace(lab=True, settings=SimpleNamespace(mail_domain="lab.test"), group=lambda _name: [host])
    at = SimpleNamespace(site=site, hosts=["mail"], left={})
    made = mail._Mail(at, lambda _line: None, "reader@reader.test", None)
    made.dns = {
        ("lab.test", "TXT"): [f"v=spf1 ip4:{PEER} -all"],
        ("azukari2026._domainkey.lab.test.", "TXT"): [f"v=DKIM1; k=rsa; p={p}"],
        ("_dmarc.lab.test", "TXT"): ["v=DMARC1; p=reject"],
        ("mail.lab.test", "A"): [PEER],
    }
    made.arrived = Received(PEER, "mail.lab.test", "TLSv1.3", "bounces@lab.test", (), signed(key))
    monkeypatch.setattr(made, "_send", lambda _to: "mark")
    monkeypatch.setattr(made, "_arrived", lambda _mark, _seconds: made.arrived)
    monkeypatch.setattr(mail, "answers", lambda _site, name, kind: made.dns.get((name, kind), []))
    return made


def failed(drill):
    drill.send_and_look()
    return [step.what for step in drill.outcome.steps if not step.passed]


def test_a_message_as_it_should_be(drill):
    assert failed(drill) == []
    assert len(drill.outcome.steps) == 6


def received(**more):
    def change(drill):
        drill.arrived = Received(**{**vars(drill.arrived), **more})

    return change


def answered(name, kind, said):
    return lambda drill: drill.dns.update({(name, kind): said})


STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SPF, DKIM = "a message comes from where SPF says", "a message's signature is that of the published key"
NAME = "a message's sender has the name that it says"
WRONG = {
    "in the clear": (received(tls=""), ["a message arrives by TLS"]),
    "old TLS": (received(tls="TLSv1.1"), ["a message arrives by TLS"]),
    "from elsewhere": (received(peer="192.0.2.1"), [SPF, NAME]),
    "anybody may send": (answered("lab.test", "TXT", ["v=spf1 ip4:0.0.0.0/0 ~all"]), [SPF]),
    "another sender": (received(sender="bounces@elsewhere.test"), [SPF]),
    "another key": (received(message=signed(STRANGER)), [DKIM]),
    "unsigned": (received(message=b"From: postmaster@lab.test\r\n\r\nx\r\n"), [DKIM]),
    "another author": (received(message=signed(STRANGER, "a@elsewhere.test")), [DKIM]),
    "no published key": (answered("azukari2026._domainkey.lab.test.", "TXT", []), [DKIM]),
    "no policy": (answered("_dmarc.lab.test", "TXT", []), ["a message without it would be rejected"]),
    "another greeting": (received(helo="localhost"), [NAME]),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_a_message_is_said(drill, wrong):
    change, said = WRONG[wrong]
    change(drill)
    assert failed(drill) == said


def test_a_message_of_another_author_is_not_ours_though_we_signed_it(drill, key):
    received(message=signed(key, "somebody@elsewhere.test"))(drill)
    assert failed(drill) == [DKIM]


def test_a_message_that_never_came_is_said(drill):
    drill.arrived = None
    assert failed(drill) == ["a message arrives"]


@pytest.mark.parametrize(
    ("arrived", "queue", "passed"),
    [
        (False, [{"recipients": [{"address": "reader@plain.test", "delay_reason": "TLS is required"}]}], True),
        (False, [{"recipients": [{"address": "reader@plain.test", "delay_reason": "connection refused"}]}], False),
        (False, [], False),
        (True, [], False),
    ],
)
def test_a_server_without_tls_is_sent_nothing(drill, monkeypatch, arrived, queue, passed):
    monkeypatch.setattr(drill, "_queue", lambda: queue)
    if not arrived:
        drill.arrived = None
    drill.send_where_there_is_no_tls()
    assert [step.passed for step in drill.outcome.steps] == [passed]


def test_a_saved_message_says_how_it_came():
    text = (
        "Return-Path: <bounces@example.jp>\n"
        "Received: from mail.example.jp (mail.example.jp [203.0.113.14])\n"
        "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\n"
        "\tby mx.elsewhere.test with ESMTPS id X;\n"
        "From: postmaster@example.jp\n\nx\n"
    )
    found = mail._as_saved(text.encode())
    assert (found.peer, found.helo, found.tls) == ("203.0.113.14", "mail.example.jp", "TLSv1.3")
    assert found.sender == "bounces@example.jp"
    assert mail._as_saved(text.replace("ESMTPS", "ESMTP").encode()).tls == ""
    with pytest.raises(NotJudged, match="save it with all of its headers"):
        mail._as_saved(b"From: x\n\nx\n")
