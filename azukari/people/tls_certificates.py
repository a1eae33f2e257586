"""TLS certificates of a domain's own CA: ECDSA P-256 with SHA-256 (CRYPTREC's list), profile of RFC 5280."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from azukari.errors import InputError
from azukari.people import ssh_certificates

_ROOT_DAYS = 3650


def root(site_name: str, domain: str, key: ec.EllipticCurvePrivateKey) -> str:
    """Return a new root (PEM) of a domain, valid for ten years."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"azukari {site_name} {domain}")])
    start = datetime.now(UTC) - ssh_certificates.CLOCK_SKEW
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=_ROOT_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


def leaf(
    ca: ec.EllipticCurvePrivateKey,
    ca_pem: str,
    csr_pem: str,
    names: Sequence[str],
    days: int,
    *,
    client: bool,
    server: bool,
    start: datetime | None = None,
) -> x509.Certificate:
    """Return a certificate for the key of a signing request.

    Names come from the caller, never from the request, so that a host cannot ask for another's name.

    Args:
        ca: the root's key.
        ca_pem: the root.
        csr_pem: the request; its key must be P-256, P-384, Ed25519 or RSA of 3072 bits or more.
        names: DNS names and addresses; the first becomes the common name.
        days: 1 to 397.
        client: may be used as a client's certificate.
        server: may be used as a server's.
        start: with time zone; now by default.

    Raises:
        InputError: a bad request, a weak key, no name, no use, or too long.
    """
    if not names or not 0 < days <= 397 or not (client or server):
        raise InputError(f"A TLS certificate needs a name, 1 to 397 days and a use; found {list(names)}, {days} days.")
    try:
        request = x509.load_pem_x509_csr(csr_pem.encode())
    except ValueError as error:
        raise InputError(f"The signing request for {names[0]} cannot be read: {error}.") from error
    key = request.public_key()
    strong = (
        isinstance(key, ed25519.Ed25519PublicKey)
        or (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1))
        or (isinstance(key, rsa.RSAPublicKey) and key.key_size >= 3072)
    )
    if not request.is_signature_valid or not strong:
        raise InputError(f"The signing request for {names[0]} has a bad signature or a key that is too weak.")
    root = x509.load_pem_x509_certificate(ca_pem.encode())
    start = start or datetime.now(UTC) - ssh_certificates.CLOCK_SKEW
    uses = [ExtendedKeyUsageOID.SERVER_AUTH] * server + [ExtendedKeyUsageOID.CLIENT_AUTH] * client
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=isinstance(key, rsa.RSAPublicKey),
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
        .issuer_name(root.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key()), critical=False)
        .sign(ca, hashes.SHA256())
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
