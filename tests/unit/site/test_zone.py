"""The records that the office publishes, from what is declared alone: who sends, and what never does."""

import base64
import re
import shutil

import dns.rdata
import dns.zonefile
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from azukari.content import content
from azukari.errors import InputError
from azukari.site import load, zone


@pytest.fixture
def folder(tmp_path):
    made = shutil.ignore_patterns("keys", "secrets", "approval.*", "upstream.yml")
    shutil.copytree(content("inventory") / "lab", tmp_path / "lab", ignore=made)
    return tmp_path / "lab"


def edit(folder, before, after):
    path = folder / "group_vars" / "all" / "site.yml"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))


def said(folder):
    """Return {(name, kind): [values]}."""
    found = {}
    for one in zone.records(load(folder)):
        found.setdefault((one.name, one.kind), []).append(one.value)
    return found


def published(folder, selector="azukari2026"):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    path = folder / "keys" / "dkim" / f"{selector}.pem"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return key


def test_the_mail_domain_says_who_sends_and_that_all_else_is_refused(folder):
    found = said(folder)
    assert found["lab.test", "TXT"] == ["v=spf1 ip4:198.18.64.14 ip6:2001:2:0:64::14 -all"]
    assert found["lab.test", "MX"] == ["10 mx.office.test."]
    [policy] = found["_dmarc.lab.test", "TXT"]
    assert policy.startswith("v=DMARC1; p=reject; sp=reject;")
    assert found["mail.lab.test", "A"] == ["198.18.64.14"]
    assert found["mail.lab.test", "TXT"] == ["v=spf1 a -all"]


def test_a_name_that_sends_no_mail_says_so(folder):
    found = said(folder)
    for name in ("www.lab.test", "mail.lab.test"):
        assert found[name, "MX"] == ["0 ."]
    assert found["www.lab.test", "TXT"] == ["v=spf1 -all"]


def test_a_name_outside_the_mail_domain_has_a_policy_of_its_own(folder):
    assert ("_dmarc.www.lab.test", "TXT") not in said(folder)
    edit(folder, "names: [www.lab.test]", "names: [www.lab.test, www.other.test]")
    found = said(folder)
    assert found["_dmarc.www.other.test", "TXT"] == ["v=DMARC1; p=reject; sp=reject; adkim=s; aspf=s"]
    assert '0 issue "issuer.test"' in found["www.other.test", "CAA"]


def test_nobody_may_issue_certificates_but_who_is_declared(folder):
    assert said(folder)["lab.test", "CAA"][:2] == ['0 issue "issuer.test"', '0 issuewild ";"']
    edit(folder, "certificate_issuers: [issuer.test]", "certificate_issuers: [ca.example, other.example]")
    found = said(folder)["lab.test", "CAA"]
    assert found[:3] == ['0 issue "ca.example"', '0 issue "other.example"', '0 issuewild ";"']
    edit(folder, "  certificate_issuers: [ca.example, other.example]\n", "")
    edit(folder, '  acme: {directory: "https://acme.issuer.test/dir", roots: keys/acme/roots.pem}', " ")
    assert said(folder)["lab.test", "CAA"][:2] == ['0 issue ";"', '0 issuewild ";"']


def test_each_published_key_is_the_file_and_the_newest_signs(folder):
    assert zone.signing_selector(load(folder)) is None
    keys = {name: published(folder, name) for name in ("azukari2026", "azukari2027")}
    for selector, key in keys.items():
        [text] = said(folder)[f"{selector}._domainkey.lab.test", "TXT"]
        [p] = re.findall(r"; p=(\S+)$", text)
        assert load_der_public_key(base64.b64decode(p)).public_numbers() == key.public_numbers()
    assert zone.signing_selector(load(folder)) == "azukari2027"


def test_what_is_no_key_is_told(folder):
    published(folder).public_numbers()
    (folder / "keys" / "dkim" / "azukari2026.pem").write_text("-----BEGIN PUBLIC KEY-----\n")
    with pytest.raises(InputError, match="no public key in PEM"):
        zone.records(load(folder))


def test_the_lines_are_a_master_file(folder):
    published(folder)
    records = zone.records(load(folder))
    sets = dns.zonefile.read_rrsets("\n".join(one.line() for one in records), rdclass=None)
    assert sum(len(one) for one in sets) == len(records)
    assert all(len(piece) <= 255 for one in sets if one.rdtype == 16 for rdata in one for piece in rdata.strings)


def test_a_site_without_a_mail_host_publishes_nothing_about_its_domain(folder):
    hosts = folder / "hosts.yml"
    hosts.write_text(re.sub(r"(?m)^    mail:\n      hosts:\n.*\n", "", hosts.read_text()))
    flows = folder / "group_vars" / "all" / "flows.yml"
    flows.write_text("".join(line for line in flows.read_text().splitlines(True) if "from: mail" not in line))
    contract = folder / "group_vars" / "all" / "contract.yml"
    contract.write_text(contract.read_text().replace(", db, mail]", ", db]"))
    assert {name for name, _ in said(folder)} == {"www.lab.test", "_dmarc.www.lab.test"}
