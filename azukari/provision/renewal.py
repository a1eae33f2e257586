"""Decides whether a certificate is due for renewal: pure, so that plan and apply decide alike."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_public_identity,
    load_ssh_public_key,
)
from cryptography.hazmat.primitives.serialization.ssh import SSHCertificate

SSH_HOST_DAYS = 180  # LEAK-11: at most a year
# LEAK-11: at least 30 days left; twice that, so that one missed month is no finding
SSH_HOST_RENEW = timedelta(days=60)
TLS_RENEW_PART = 0.5  # LEAK-04: at least a third of the life left


def ssh_host_due(  # noqa: PLR0911 - one reason a line
    current: str, public_key: str, authority: str, names: list[str], now: datetime
) -> str | None:
    """Return why an SSH host certificate must be signed anew, or None.

    Args:
        current: the certificate as OpenSSH writes it; empty when there is none.
        public_key: the host key that it must be for.
        authority: the public key of the domain's host CA.
        names: the principals it must name, no more and no fewer.
        now: the time of the question.
    """
    if not current.strip():
        return "there is none"
    try:
        certificate = load_ssh_public_identity(current.strip().encode())
        if not isinstance(certificate, SSHCertificate):
            return "it is a key, not a certificate"
        certificate.verify_cert_signature()
    except (ValueError, InvalidSignature):
        return "it cannot be read"
    if _raw(certificate.signature_key()) != _raw(load_ssh_public_key(authority.encode())):
        return "another authority signed it"
    if _raw(certificate.public_key()) != _raw(load_ssh_public_key(public_key.strip().encode())):
        return "it is for another key"
    if {n.decode() for n in certificate.valid_principals} != set(names):
        return "its names are not the declared ones"
    end = datetime.fromtimestamp(min(certificate.valid_before, 253402300799), UTC)
    if end - now < SSH_HOST_RENEW:
        return f"it ends on {end:%Y-%m-%d}"
    if end - now > timedelta(days=SSH_HOST_DAYS + 1):
        return "it is valid for too long"
    return None


def tls_due(current: str, request: str, authority: str, names: list[str], now: datetime) -> str | None:
    """Return why a TLS certificate must be signed anew, or None; arguments as in `ssh_host_due`, in PEM."""
    if not current.strip():
        return "there is none"
    try:
        certificate = x509.load_pem_x509_certificate(current.encode())
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    except (ValueError, TypeError, InvalidSignature):
        return "another authority signed it, or it cannot be read"
    wanted_key = x509.load_pem_x509_csr(request.encode()).public_key()
    encoding = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if certificate.public_key().public_bytes(*encoding) != wanted_key.public_bytes(*encoding):
        return "it is for another key"
    alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = {str(name.value) for name in alternative}
    if found != set(names):
        return "its names are not the declared ones"
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    if certificate.not_valid_after_utc - now < life * TLS_RENEW_PART:
        return f"it ends on {certificate.not_valid_after_utc:%Y-%m-%d}"
    return None


def stand_in_due(current: str, request: str, authority: str, names: list[str], now: datetime) -> str | None:
    """Return why the own CA must sign a certificate until a public authority does, or None; arguments as in `tls_due`.

    Whatever the web server can show stays, however wrong: to replace it is the renewal's, and the own CA's certificate
    would only make a visitor's warning another one.
    """
    reason = tls_due(current, request, authority, names, now)
    try:
        held = x509.load_pem_x509_certificate(current.encode())
        wanted = x509.load_pem_x509_csr(request.encode())
    except ValueError:
        return reason
    encoding = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if held.public_key().public_bytes(*encoding) != wanted.public_key().public_bytes(*encoding):
        return "it is for another key"
    try:
        held.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    except (ValueError, TypeError, InvalidSignature):
        return None
    return reason


def _raw(key: object) -> bytes:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)  # type: ignore[attr-defined,no-any-return]  # every SSH key has it
