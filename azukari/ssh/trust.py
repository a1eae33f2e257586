"""Whom the website's visitors trust: the machine's own list, in a lab its outside world's authority, or the own CA."""

import ssl
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from azukari.errors import NotJudged
from azukari.lab.layout import layout
from azukari.site import Site

# Debian's list, after what OpenSSL itself says; then those of other systems that a controller may be.
_LISTS = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_DEEPEST = 8  # certificates between a server's own and a root's


def visitors_trust(site: Site) -> str:
    """Return the authorities that the website's visitors trust, in PEM.

    A lab's authority is made anew whenever the lab's outside world is, so it is no part of the approved site: it
    belongs to whoever looks from there.

    Raises:
        NotJudged: there is no such list here; the message says what to do.
    """
    if site.settings.acme is None:
        path = site.path / "keys" / "ca" / f"{site.group('web')[0].domain}_tls.pem"
        if not path.is_file():
            raise NotJudged(f"{path} is missing, so that no certificate of the website can be judged.")
        return path.read_text()
    found = _of_machine()
    if not site.lab:
        return found
    roots = layout(site.name, site.hosts.values()).issuer_roots
    try:
        return f"{found}\n{roots.read_text('ascii')}"
    except OSError as error:
        raise NotJudged(
            f"The lab's certificate authority is not to be had from {roots} ({error.strerror}); run: azukari lab up"
        ) from error


def _of_machine() -> str:
    for name in (ssl.get_default_verify_paths().cafile, *_LISTS):
        if name and Path(name).is_file():
            return Path(name).read_text("ascii", "ignore")
    raise NotJudged("This machine has no list of certificate authorities; install it: apt-get install ca-certificates")


def leads_to_trust(chain_pem: str, roots_pem: str, now: datetime) -> bool:
    """Tell whether a certificate with its chain leads to a trusted authority, every one of them in time.

    Args:
        chain_pem: the certificate, and those that came with it.
        roots_pem: whom to trust.
        now: the time of the question.
    """
    try:
        own, *between = x509.load_pem_x509_certificates(chain_pem.encode())
    except ValueError:
        return False
    roots = {one.subject: one for one in x509.load_pem_x509_certificates(roots_pem.encode())}
    for _ in range(_DEEPEST):
        if not own.not_valid_before_utc <= now < own.not_valid_after_utc:
            return False
        root = roots.get(own.issuer)
        if root is not None and _issued(own, root):
            return True
        above = next((one for one in between if _issued(own, one)), None)
        if above is None:
            return False
        own = above
    return False


def _issued(own: x509.Certificate, above: x509.Certificate) -> bool:
    try:
        own.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
