"""Each reason for which a certificate is signed anew, and that a good one is left alone."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.hazmat.primitives.serialization.ssh import SSHCertificateBuilder, SSHCertificateType
from cryptography.x509.oid import NameOID

from azukari.provision.renewal import SSH_HOST_DAYS, ssh_host_due, stand_in_due, tls_due

NOW = datetime(2026, 11, 25, tzinfo=UTC)
NAMES = ["web", "198.18.64.11"]
CA, OTHER_CA, HOST, OTHER_HOST = (ed25519.Ed25519PrivateKey.generate() for _ in range(4))


def line(key: ed25519.Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def host_certificate(
    ca: ed25519.Ed25519PrivateKey = CA,
    key: ed25519.Ed25519PrivateKey = HOST,
    names: list[str] = NAMES,
    days: int = SSH_HOST_DAYS,
) -> str:
    end = NOW + timedelta(days=days)
    builder = SSHCertificateBuilder().public_key(key.public_key()).type(SSHCertificateType.HOST).key_id(b"web")
    builder = builder.valid_principals([n.encode() for n in names]).valid_after(0).valid_before(end.timestamp())
    return builder.sign(ca).public_bytes().decode()


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        (host_certificate(), None),
        (host_certificate(days=61), None),
        (host_certificate(days=59), "it ends on 2027-01-23"),
        (host_certificate(days=-1), "it ends on 2026-11-24"),
        (host_certificate(days=400), "it is valid for too long"),
        (host_certificate(ca=OTHER_CA), "another authority signed it"),
        (host_certificate(key=OTHER_HOST), "it is for another key"),
        (host_certificate(names=["web"]), "its names are not the declared ones"),
        (host_certificate(names=[*NAMES, "db"]), "its names are not the declared ones"),
        ("", "there is none"),
        pytest.param(line(HOST), "it is a key, not a certificate", id="a key"),
        ("ssh-ed25519-cert-v01@openssh.com AAAA", "it cannot be read"),
    ],
)
def test_why_a_host_certificate_is_due(certificate: str, why: str | None) -> None:
    assert ssh_host_due(certificate, line(HOST), line(CA), NAMES, NOW) == why


def tls(key: ec.EllipticCurvePrivateKey, ca: ec.EllipticCurvePrivateKey, names: list[str], left: int, life: int) -> str:
    builder = x509.CertificateBuilder().subject_name(common(names[0])).issuer_name(common("ca"))
    builder = builder.public_key(key.public_key()).serial_number(7)
    end = NOW + timedelta(days=left)
    builder = builder.not_valid_before(end - timedelta(days=life)).not_valid_after(end)
    alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    signed = builder.add_extension(alternative, critical=False).sign(ca, hashes.SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


def common(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def authority(key: ec.EllipticCurvePrivateKey) -> str:
    builder = x509.CertificateBuilder().subject_name(common("ca")).issuer_name(common("ca"))
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=999))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def request(key: ec.EllipticCurvePrivateKey) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(common("web"))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


TLS_CA, TLS_OTHER_CA, TLS_KEY, TLS_OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(4))


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        (tls(TLS_KEY, TLS_CA, ["web"], 60, 90), None),
        (tls(TLS_KEY, TLS_CA, ["web"], 44, 90), "it ends on 2027-01-08"),
        (tls(TLS_KEY, TLS_OTHER_CA, ["web"], 60, 90), "another authority signed it, or it cannot be read"),
        (tls(TLS_OTHER_KEY, TLS_CA, ["web"], 60, 90), "it is for another key"),
        (tls(TLS_KEY, TLS_CA, ["web", "db"], 60, 90), "its names are not the declared ones"),
        ("", "there is none"),
        ("nonsense", "another authority signed it, or it cannot be read"),
    ],
)
def test_why_a_tls_certificate_is_due(certificate: str, why: str | None) -> None:
    assert tls_due(certificate, request(TLS_KEY), authority(TLS_CA), ["web"], NOW) == why


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        (tls(TLS_KEY, TLS_CA, ["web"], 60, 90), None),
        (tls(TLS_KEY, TLS_CA, ["web"], 44, 90), "it ends on 2027-01-08"),
        (tls(TLS_KEY, TLS_CA, ["web", "db"], 60, 90), "its names are not the declared ones"),
        (tls(TLS_KEY, TLS_OTHER_CA, ["web"], 60, 90), None),
        (tls(TLS_KEY, TLS_OTHER_CA, ["other"], -1, 90), None),  # the renewal's matter: nothing served is taken away
        (tls(TLS_OTHER_KEY, TLS_OTHER_CA, ["web"], 60, 90), "it is for another key"),
        (tls(TLS_OTHER_KEY, TLS_CA, ["web"], 60, 90), "it is for another key"),
        ("", "there is none"),
        ("nonsense", "another authority signed it, or it cannot be read"),
    ],
)
def test_the_own_ca_stands_in_for_a_public_one_where_nothing_can_be_shown(certificate: str, why: str | None) -> None:
    assert stand_in_due(certificate, request(TLS_KEY), authority(TLS_CA), ["web"], NOW) == why
