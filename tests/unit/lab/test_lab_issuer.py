"""The lab's public certificate authority: its keys, its settings, and what stays of it when it is ended."""

import json
import stat

from cryptography import x509

from azukari.lab import issuer
from azukari.lab.layout import layout
from tests.unit.lab.declared_hosts import SEVEN

NAME = "acme.issuer.test"


def test_its_keys_are_made_once_and_its_certificate_is_the_sites(tmp_path):
    kept, published = tmp_path / "kept", tmp_path / "site" / "keys" / "acme" / "roots.pem"
    issuer.make_keys(kept, published, NAME)
    first = published.read_text()
    held = x509.load_pem_x509_certificate(first.encode())
    names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NAME]
    assert stat.S_IMODE((kept / "server.key").stat().st_mode) == 0o600
    issuer.make_keys(kept, published, NAME)
    assert published.read_text() == first
    issuer.make_keys(kept, published, "other.issuer.test")
    assert published.read_text() != first


def test_a_published_certificate_that_is_not_ours_is_replaced(tmp_path):
    kept, published = tmp_path / "kept", tmp_path / "roots.pem"
    issuer.make_keys(kept, published, NAME)
    published.write_text("another machine's")
    issuer.make_keys(kept, published, NAME)
    assert published.read_text() == (kept / "server.pem").read_text()


def test_its_root_key_is_told_to_nobody_but_the_vantage_itself(tmp_path):
    said = issuer.settings(layout("lab", SEVEN, tmp_path), tmp_path / "kept")
    told = said["pebble"]
    assert told["listenAddress"] == "198.18.72.2:443"
    assert told["managementListenAddress"] == "127.0.0.1:15000"  # of the vantage's own network namespace
    assert told["certificateValidityPeriod"] == 90 * 86400
    assert (told["httpPort"], told["tlsPort"]) == (80, 443)
    json.dumps(said)


def test_when_it_is_ended_nobody_trusts_it_any_more(tmp_path):
    lab = layout("lab", SEVEN, tmp_path)
    lab.issuer_folder.mkdir(parents=True)
    lab.issuer_roots.write_text("a root")
    issuer.end(lab)
    assert not lab.issuer_roots.exists()
