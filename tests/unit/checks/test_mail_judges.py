"""The judges of LEAK-08: records, dialogues, settings, signatures and the drill, good and bad."""

import base64
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from azukari.provision.release import policy_digest
from azukari.site import zone
from azukari.verify.authoring import NotEvaluated
from azukari.verify.mail import questions, signature, whole_message
from azukari.verify.redaction import redact
from checks import test_mail as judged

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SELECTOR = "azukari2026"


@pytest.fixture(scope="module")
def keys():
    """The key that the site publishes, and a stranger's."""
    return [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]


@pytest.fixture(scope="module")
def site(lab_site, keys):
    path = lab_site.path / zone.KEYS / f"{SELECTOR}.pem"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(keys[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return lab_site


@pytest.fixture
def host(site):
    return SimpleNamespace(name="mail", declared=site.hosts["mail"], facts={"units": UNITS})


# --- what the public DNS says


@pytest.fixture
def answers(site):
    """What a name server answers that serves what `azukari site zone` prints."""
    found = {" ".join(question): [] for question in questions(site)}
    for record in zone.records(site):
        found[f"{record.name} {record.kind}"].append(record.value)
    return {question: sorted(said) for question, said in found.items()}


def test_what_is_printed_is_what_is_promised(site, answers):
    said = judged.test_the_published_records_are_the_declared_ones(site, {"answers": answers})
    assert said.endswith("all as declared")


def test_every_question_is_judged(site, answers):
    assert set(answers) == set(judged.promised_records(site))


WRONG_RECORDS = {
    "another sender": ("lab.test TXT", ["v=spf1 ip4:198.18.64.14 ip6:2001:2:0:64::14 ip4:192.0.2.1 -all"]),
    "anybody sends": ("lab.test TXT", ["v=spf1 +all"]),
    "two lists": ("lab.test TXT", ["v=spf1 -all", "v=spf1 ip4:198.18.64.14 ip6:2001:2:0:64::14 -all"]),
    "no policy": ("_dmarc.lab.test TXT", []),
    "a policy that only looks": ("_dmarc.lab.test TXT", ["v=DMARC1; p=none"]),
    "no key": (f"{SELECTOR}._domainkey.lab.test TXT", []),
    "another mail server": ("lab.test MX", ["10 mx.elsewhere.test."]),
    "anybody certifies": ("lab.test CAA", []),
    "the website takes mail": ("www.lab.test MX", ["10 www.lab.test."]),
    "another address": ("mail.lab.test A", ["192.0.2.1"]),
}


@pytest.mark.parametrize("wrong", WRONG_RECORDS)
def test_a_wrong_record_is_red(site, answers, wrong):
    question, said = WRONG_RECORDS[wrong]
    assert answers[question] != said
    with pytest.raises(AssertionError, match=question.split()[0].replace(".", r"\.")):
        judged.test_the_published_records_are_the_declared_ones(site, {"answers": {**answers, question: said}})


def test_no_answer_is_no_verdict(site):
    with pytest.raises(NotEvaluated):
        judged.test_the_published_records_are_the_declared_ones(site, {"error": "timed out"})


# --- nothing is taken in

CLOSED = {"open": False, "said": "Connection refused"}
RELAY = {
    "open": True,
    "banner": ["220 mail.lab.test ESMTP Postfix"],
    "ehlo": ["250-mail.lab.test", "250-AUTH PLAIN LOGIN", "250 CHUNKING"],
    "vrfy": ["252 2.0.0 postmaster"],
    "from": ["250 2.1.0 Ok"],
    "to": ["250 2.1.5 Ok"],
}


@pytest.fixture
def tried():
    return {
        "outside": [[["198.18.64.14", 25], CLOSED]],
        "host": [[["127.0.0.1", 25], CLOSED], [["198.18.64.14", 22], {"open": True, "banner": ["SSH-2.0"]}]],
    }


def test_closed_ports_hold(host, tried):
    assert judged.test_no_mail_is_taken(host, tried) == "2 attempts to hand in mail, none answered"


@pytest.mark.parametrize("where", ["outside", "host"])
def test_an_open_relay_is_red_and_said_to_be_one(host, tried, where):
    tried[where][0][1] = RELAY
    with pytest.raises(AssertionError) as caught:
        judged.test_no_mail_is_taken(host, tried)
    for words in ("takes mail from anybody for anybody", "tells who has a mailbox", "passwords in the clear"):
        assert words in str(caught.value)


def test_a_server_that_refuses_all_should_not_be_there_either(host, tried):
    refusing = {**RELAY, "ehlo": ["250 mail"], "vrfy": ["502 no"], "to": ["554 5.7.1 Relay access denied"]}
    tried["host"][0][1] = refusing
    with pytest.raises(AssertionError, match=r"port 25 answers mail\. Where"):
        judged.test_no_mail_is_taken(host, tried)


def test_a_closed_port_proves_nothing_where_nothing_answers(host, tried):
    tried["host"][1][1] = CLOSED
    with pytest.raises(NotEvaluated, match="not even sshd"):
        judged.test_no_mail_is_taken(host, tried)


# --- how it leaves

UNITS = {
    "loaded": {
        "postfix.service": {"ActiveEnterTimestamp": "@2000"},
        "opendkim.service": {"ActiveEnterTimestamp": "@2000"},
    }
}


@pytest.fixture
def settings(host, site):
    kinds = {name: "unix-dgram" if name == "postlog" else "unix" for name in judged.SERVICES}
    return {
        "main": judged.promised_settings(host, site),
        "master": [[n, kinds[n], "n", "-", "n", "-", "-", command] for n, command in judged.SERVICES.items()],
        "overrides": [],
        "changed": dict.fromkeys((path for paths in judged.FILES.values() for path in paths), 1000),
        "environment": "MAIL_CONFIG=/etc/postfix",
    }


def test_the_promised_settings_hold(host, site, settings):
    assert "TLS 1.2 or newer, or not sent" in judged.test_mail_leaves_with_tls_and_signed(host, site, settings)


def main(name, value):
    return lambda settings: settings["main"].update({name: value})


WRONG_SETTINGS = {
    "TLS where offered": main("smtp_tls_security_level", "may"),
    "old TLS": main("smtp_tls_mandatory_protocols", ">=TLSv1"),
    "another level for some": main("smtp_tls_policy_maps", "inline:{reader.test=none}"),
    "by another server": main("relayhost", "[192.0.2.1]"),
    "unsigned where the signer is away": main("milter_default_action", "accept"),
    "open to all": main("mynetworks", "0.0.0.0/0"),
    "a listener": lambda s: s["master"].append(["smtp", "inet", "n", "-", "n", "-", "-", "smtpd"]),
    "another program for a service": lambda s: s["master"][0].__setitem__(7, "smtpd -o smtpd_milters="),
    "a setting of one service": lambda s: s["overrides"].append("smtp/unix/smtp_tls_security_level = none"),
    "other files": lambda s: s.update(environment="MAIL_CONFIG=/etc/other"),
    "changed since it was read": lambda s: s["changed"].update({"/etc/opendkim.conf": 3000}),
    "nothing": lambda s: s.update(main={}),
}


@pytest.mark.parametrize("wrong", WRONG_SETTINGS)
def test_a_wrong_setting_is_red(host, site, settings, wrong):
    WRONG_SETTINGS[wrong](settings)
    with pytest.raises(AssertionError):
        judged.test_mail_leaves_with_tls_and_signed(host, site, settings)


# --- the signature

HEADERS = [
    ["From", "postmaster@lab.test"], ["To", "nobody@azukari.invalid"], ["Subject", "signature of azukari 1"],
    ["List-Unsubscribe", "<https://azukari.invalid/>"], ["List-Unsubscribe-Post", "List-Unsubscribe=One-Click"],
]  # fmt: skip
WAY_OUT = [b"list-unsubscribe", b"list-unsubscribe-post"]
BODY = "A message that goes nowhere.\r\n"


def signed(key, **more):
    """Return a message as a signer with a key signs it."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    text = "".join(f"{name}: {value}\r\n" for name, value in HEADERS) + "\r\n" + BODY
    given = {"selector": SELECTOR.encode(), "domain": b"lab.test", **more}
    include = [b"from", b"from", b"to", b"subject", *WAY_OUT]
    made = dkim.sign(text.encode(), privkey=pem, include_headers=given.pop("include_headers", include), **given)
    added = [["DKIM-Signature", made.decode().partition(": ")[2].rstrip()]]
    message = whole_message({"headers": HEADERS, "body": BODY, "added": added})
    return {"added": added, "message": base64.b64encode(message).decode()}


def judge_signature(host, site, signature, answers):
    return judged.test_mail_is_signed_with_the_published_key(host, site, signature, {"answers": answers})


def test_a_signature_with_the_published_key_holds(host, site, keys, answers):
    said = judge_signature(host, site, redact(signed(keys[0])), answers)  # as evidence has it
    assert said == "azukari2026, 2048 bits, verified with the published key"


def test_another_key_is_red(host, site, keys, answers):
    with pytest.raises(AssertionError, match="does not verify with the published key"):
        judge_signature(host, site, signed(keys[1]), answers)


def test_a_key_that_is_not_published_is_red(host, site, keys, answers):
    with pytest.raises(AssertionError, match="does not verify"):
        judge_signature(host, site, signed(keys[0]), {**answers, f"{SELECTOR}._domainkey.lab.test TXT": []})


def test_a_message_changed_after_signing_is_red(host, site, keys, answers):
    said = signed(keys[0])
    message = base64.b64decode(said["message"])
    assert b"signature of azukari" in message
    said["message"] = base64.b64encode(message.replace(b"signature of azukari", b"another subject")).decode()
    with pytest.raises(AssertionError, match="does not verify"):
        judge_signature(host, site, said, answers)


WRONG_SIGNATURES = {
    "another domain": ({"domain": b"elsewhere.test"}, "the signature"),
    "another selector": ({"selector": b"old"}, "the signature"),
    "the subject left open": ({"include_headers": [b"from", b"from", b"to", *WAY_OUT]}, "leaves open subject"),
    "the way out left open": (
        {"include_headers": [b"from", b"from", b"to", b"subject", WAY_OUT[0]]},
        "leaves open list-unsubscribe-post",
    ),
    "a second From possible": ({"include_headers": [b"from", b"to", b"subject", *WAY_OUT]}, "a second From"),
}


@pytest.mark.parametrize("wrong", WRONG_SIGNATURES)
def test_a_wrong_signature_is_red(host, site, keys, answers, wrong):
    more, says = WRONG_SIGNATURES[wrong]
    with pytest.raises(AssertionError, match=says):
        judge_signature(host, site, signed(keys[0], **more), answers)


def test_an_unsigned_message_is_red_and_no_answer_no_verdict(host, site, keys, answers):
    with pytest.raises(AssertionError, match="0 signatures"):
        judge_signature(host, site, {**signed(keys[0]), "added": []}, answers)
    with pytest.raises(NotEvaluated, match="hung up"):
        judge_signature(host, site, {"error": "the signer hung up"}, answers)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('{"error": "the signer gives no answer: refused"}', "the signer gives no answer: refused"),
        ("", "gave no answer"),
    ],
)
def test_a_signer_that_does_not_answer_is_told_of(said, why):
    answering = SimpleNamespace(stdout=said, stderr="", exit_code=0)
    found = signature(SimpleNamespace(command=lambda _argv, **_how: answering))
    assert set(found) == {"error"}
    assert why in found["error"]


def test_what_was_signed_is_kept_whole():
    said = {"headers": HEADERS, "body": BODY, "added": [["DKIM-Signature", "v=1; b=x"]]}
    answering = SimpleNamespace(stdout=json.dumps(said), stderr="", exit_code=0)
    found = redact(signature(SimpleNamespace(command=lambda _argv, **_how: answering)))
    assert base64.b64decode(found["message"]) == whole_message(said)


def test_the_message_is_put_together_as_it_would_leave():
    said = {"headers": [["From", "a"]], "body": "x\r\n", "added": [["DKIM-Signature", "v=1;\n\tb=x"]]}
    assert whole_message(said) == b"DKIM-Signature: v=1;\r\n\tb=x\r\nFrom: a\r\n\r\nx\r\n"


# --- the drill


@pytest.fixture
def drill(site):
    steps = [{"what": "a message arrives by TLS", "passed": True, "said": "TLSv1.3"}]
    whole = {"what": judged.drills.WHOLE, "passed": True, "said": ""}
    return {
        "name": "d", "fault": "", "ended": (NOW - timedelta(hours=1)).isoformat(), "policy": policy_digest(site),
        "hosts": ["mail"], "left": {}, "steps": [*steps, whole], "passed": True,
    }  # fmt: skip


def judge_drill(site, found, judged_as="contractor"):
    return judged.test_a_message_arrived_as_promised(site, SimpleNamespace(now=NOW, judged_as=judged_as), found)


def test_a_drill_as_it_should_be_holds(site, drill):
    assert judge_drill(site, [drill]) == "d, 1 h old: 1 steps as promised"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["steps"][0].update(passed=False, said="in the clear"), "by TLS: in the clear"),
        (lambda d: d.update(ended=(NOW - timedelta(days=32)).isoformat()), "32 days old"),
        (lambda d: d.update(policy="another"), "another policy"),
        (lambda d: d.update(hosts=[]), "left out mail"),
        (lambda d: d.update(fault="the signature is wrong"), "not what was signed"),
        (lambda d: d.update(steps=d["steps"][1:]), "nothing that speaks"),
    ],
)
def test_a_wrong_drill_is_red(site, drill, change, says):
    change(drill)
    with pytest.raises(AssertionError, match=says):
        judge_drill(site, [drill])


def test_no_drill_is_the_contractors_to_do(site):
    with pytest.raises(AssertionError, match="never done; run `azukari drill mail`"):
        judge_drill(site, [])
    with pytest.raises(NotEvaluated):
        judge_drill(site, [], "auditor")


def test_a_key_is_read_as_its_record_has_it(keys):
    public = keys[0].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert judged.key_text(pem) == base64.b64encode(der).decode()
