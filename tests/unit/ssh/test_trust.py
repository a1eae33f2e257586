"""Whom visitors trust, and whether a certificate leads there."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from azukari.content import content
from azukari.errors import NotJudged
from azukari.lab import layout as layouts
from azukari.site import Site, load
from azukari.ssh import trust

NOW = datetime.now(UTC)
ROOT, MIDDLE, LEAF, STRANGER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(4))


def made(name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey, age: int) -> str:
    def called(one: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, one)])

    start = NOW - timedelta(days=age)
    builder = x509.CertificateBuilder(
        called(issuer), called(name), key.public_key(), x509.random_serial_number(), start, start + timedelta(days=90)
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


ROOTS = made("root", ROOT, "root", ROOT, 1) + made("another", STRANGER, "another", STRANGER, 1)
BETWEEN = made("middle", MIDDLE, "root", ROOT, 1)


@pytest.mark.parametrize(
    ("chain", "trusted"),
    [
        (made("www", LEAF, "root", ROOT, 1), True),
        (made("www", LEAF, "middle", MIDDLE, 1) + BETWEEN, True),
        (made("www", LEAF, "middle", MIDDLE, 1) + made("x", LEAF, "y", LEAF, 1) + BETWEEN, True),
        (made("www", LEAF, "middle", MIDDLE, 1), False),  # the one between is missing
        (made("www", LEAF, "middle", STRANGER, 1) + BETWEEN, False),  # not signed by whom it names
        (made("www", LEAF, "root", LEAF, 1), False),
        (made("www", LEAF, "www", LEAF, 1), False),
        (made("www", LEAF, "root", ROOT, 91), False),
        (made("www", LEAF, "root", ROOT, -1), False),
        (made("www", LEAF, "middle", MIDDLE, 1) + made("middle", MIDDLE, "root", ROOT, 91), False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_what_leads_to_trust(chain: str, trusted: bool) -> None:
    assert trust.leads_to_trust(chain, ROOTS, NOW) is trusted


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    machines = tmp_path / "machines.crt"
    machines.write_text("the machine's own\n")
    monkeypatch.setattr(trust, "_LISTS", (str(machines),))
    monkeypatch.setattr(
        trust.ssl, "get_default_verify_paths", lambda: dataclasses.make_dataclass("P", ["cafile"])(None)
    )
    found = load(content("inventory") / "lab")
    own = layouts.layout(found.name, found.hosts.values(), tmp_path)
    monkeypatch.setattr(trust, "layout", lambda *_: own)
    return dataclasses.replace(found, path=tmp_path)


def without_acme(site: Site) -> Site:
    return dataclasses.replace(site, settings=site.settings.model_copy(update={"acme": None}))


def real(site: Site) -> Site:
    return dataclasses.replace(site, settings=site.settings.model_copy(update={"lab": False}))


def test_visitors_of_a_lab_trust_its_outside_world_too(site: Site, tmp_path: Path) -> None:
    with pytest.raises(NotJudged, match="run: azukari lab up"):
        trust.visitors_trust(site)
    (tmp_path / "lab" / "issuer").mkdir(parents=True)
    (tmp_path / "lab" / "issuer" / "roots.pem").write_text("the lab's\n")
    assert trust.visitors_trust(site).split("\n") == ["the machine's own", "", "the lab's", ""]
    assert trust.visitors_trust(real(site)) == "the machine's own\n"


def test_visitors_of_a_site_without_acme_trust_its_own_ca_alone(site: Site, tmp_path: Path) -> None:
    with pytest.raises(NotJudged, match=r"production_tls\.pem is missing"):
        trust.visitors_trust(without_acme(site))
    (tmp_path / "keys" / "ca").mkdir(parents=True)
    (tmp_path / "keys" / "ca" / "production_tls.pem").write_text("its own CA")
    assert trust.visitors_trust(without_acme(site)) == "its own CA"


def test_without_a_list_nothing_can_be_judged(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "_LISTS", ("/nowhere",))
    with pytest.raises(NotJudged, match="apt-get install ca-certificates"):
        trust.visitors_trust(real(site))
