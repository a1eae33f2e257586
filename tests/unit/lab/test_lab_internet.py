"""The lab's outside world: its name server answers with the site's zone, its mail server keeps what comes and how."""

import asyncio
import base64
import dataclasses
import json
import os
import smtplib
import ssl
import subprocess
import sys
import threading
from functools import partial
from types import SimpleNamespace

import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from aiosmtpd.smtp import SMTP

from azukari.content import content
from azukari.lab import internet
from azukari.lab.internet_program import Mailbox, Names, certificate
from azukari.lab.layout import layout
from azukari.lab.process import started_at
from azukari.site import load
from tests.unit.lab.declared_hosts import SEVEN

ZONE = """\
www.lab.test. 3600 IN A 198.18.69.11
lab.test. 3600 IN MX 10 mx.office.test.
lab.test. 3600 IN TXT "v=spf1 ip4:198.18.69.14 -all"
azukari2026._domainkey.lab.test. 3600 IN TXT "v=DKIM1; k=rsa; p=" KEY
lab.test. 3600 IN CAA 0 issue ";"
mx.office.test. 60 IN A 198.18.69.2
""".replace("KEY", f'"{"A" * 200}" "{"B" * 255}" "{"C" * 192}"')


@pytest.fixture
def names(tmp_path):
    (tmp_path / "zone").write_text(ZONE)
    return Names(tmp_path / "zone", ())


def asked(names, name, kind, **more):
    query = dns.message.make_query(name, kind, **more)
    return dns.message.from_wire(names.answer(query.to_wire(), datagram=True))


def test_what_the_zone_holds_is_answered_with_authority(names):
    reply = asked(names, "lab.test", "MX")
    assert [str(one) for one in reply.answer] == ["lab.test. 3600 IN MX 10 mx.office.test."]
    assert reply.flags & dns.flags.AA
    assert str(asked(names, "lab.test", "CAA").answer[0][0]) == '0 issue ";"'


@pytest.mark.parametrize(
    ("name", "rcode"),
    [
        ("lab.test", dns.rcode.NOERROR),  # it is there, without an address
        ("_domainkey.lab.test", dns.rcode.NOERROR),  # something below it is there
        ("nothing.lab.test", dns.rcode.NXDOMAIN),
        ("a.mx.office.test", dns.rcode.NXDOMAIN),
    ],
)
def test_what_the_zone_lacks_is_said_to_be_lacking(names, name, rcode):
    reply = asked(names, name, "A")
    assert (reply.rcode(), reply.answer) == (rcode, [])
    assert reply.authority[0].rdtype == dns.rdatatype.SOA


def test_other_names_are_passed_on_and_without_anybody_to_ask_fail(names):
    assert asked(names, "office.test", "A").rcode() == dns.rcode.SERVFAIL


def test_a_long_answer_is_cut_short_where_the_question_allows_no_more(names):
    key = "azukari2026._domainkey.lab.test"
    assert asked(names, key, "TXT").flags & dns.flags.TC
    whole = asked(names, key, "TXT", use_edns=0, payload=1232)
    assert not whole.flags & dns.flags.TC
    assert b"".join(whole.answer[0][0].strings).endswith(b"C" * 192)


def test_the_labs_visitors_have_names_in_the_reverse_tree(tmp_path, monkeypatch):
    monkeypatch.setattr(internet.zone, "records", lambda _site: [])
    site = SimpleNamespace(settings=SimpleNamespace(mail_servers=(), acme=None))
    (tmp_path / "zone").write_text(internet.zone_text(layout("t", SEVEN, tmp_path), site))
    names = Names(tmp_path / "zone", ())
    said = {number: asked(names, internet.VISITORS[number].reverse_pointer, "PTR") for number in (1, 100, 101, 200)}
    assert [str(said[number].answer[0][0]) for number in (1, 100, 101)] == [
        "pc-1.dial.reader.test.", "pc-100.dial.reader.test.", "pc-101.dial.plain.test.",
    ]  # fmt: skip
    assert (said[200].rcode(), said[200].answer) == (dns.rcode.NXDOMAIN, [])


def test_a_changed_zone_is_served_at_once(names, tmp_path):
    assert asked(names, "new.lab.test", "A").rcode() == dns.rcode.NXDOMAIN
    (tmp_path / "zone").write_text(ZONE + "new.lab.test. 60 IN A 198.18.69.9\n")
    os.utime(tmp_path / "zone", (1, 1))
    assert str(asked(names, "new.lab.test", "A").answer[0][0]) == "198.18.69.9"


@pytest.fixture
def mail_server(tmp_path):
    """A mail server on a port of its own; gives (port, folder)."""
    loop = asyncio.new_event_loop()
    box = Mailbox(tmp_path / "received", ("reader.test",))
    own = partial(SMTP, box, hostname="mx.reader.test", tls_context=certificate(tmp_path, "mx.reader.test"), loop=loop)
    server = loop.run_until_complete(loop.create_server(own, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield server.sockets[0].getsockname()[1], tmp_path
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


MESSAGE = b"From: a@lab.test\r\nTo: b@reader.test\r\nSubject: x\r\n\r\n.\r\nline\r\n"


@pytest.mark.parametrize("tls", [True, False])
def test_a_message_is_kept_as_it_came_and_with_how_it_came(mail_server, tls):
    port, folder = mail_server
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", port, local_hostname="mail.lab.test") as client:
        if tls:
            client.starttls(context=trusting)
        client.sendmail("a@lab.test", ["b@reader.test"], MESSAGE)
    [path] = (folder / "received").glob("*.json")
    said = json.loads(path.read_text())
    assert base64.b64decode(said["message"]) == MESSAGE
    assert (said["helo"], said["from"], said["to"]) == ("mail.lab.test", "a@lab.test", ["b@reader.test"])
    assert said["tls"] == ("TLSv1.3" if tls else "")


def test_mail_for_others_is_refused(mail_server):
    with smtplib.SMTP("127.0.0.1", mail_server[0]) as client, pytest.raises(smtplib.SMTPRecipientsRefused):
        client.sendmail("a@lab.test", ["b@elsewhere.test"], MESSAGE)


def test_the_zone_names_the_certificate_authority_where_the_site_has_one():
    site = load(content("inventory") / "lab")
    lab = layout("lab", SEVEN)
    assert "acme.issuer.test. 60 IN A 198.18.72.2\n" in internet.zone_text(lab, site)
    own = dataclasses.replace(site, settings=site.settings.model_copy(update={"acme": None}))
    assert "acme.issuer.test." not in internet.zone_text(lab, own)


def test_it_is_ended_by_its_own_process_and_by_no_other(tmp_path):
    lab = layout("lab", SEVEN, tmp_path)
    lab.internet_folder.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        record = lab.internet_folder / "running.json"
        record.write_text(json.dumps({"pid": other.pid, "started": "1"}))  # the number is another process's by now
        internet.end(lab)
        assert other.poll() is None
        record.write_text(json.dumps({"pid": other.pid, "started": started_at(other.pid)}))
        internet.end(lab)
        other.wait(5)
    assert not record.exists()
