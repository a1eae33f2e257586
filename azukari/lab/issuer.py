"""The lab's public certificate authority: Debian's pebble, an ACME server made for tests, in the lab's outside world.

It makes a new root each time it starts, and keeps nothing: so it is started anew only when it does not run, or is to
run otherwise. Whom visitors then trust lies in the lab's folder, as it belongs to them and not to the site.
"""

import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from azukari.lab import background, network
from azukari.lab.commands import LabFault, find
from azukari.lab.layout import Layout
from azukari.site import Site

PORT, MANAGEMENT = 443, 15000
LIFE = timedelta(days=90)  # of the certificates that it gives
_KEY, _CERTIFICATE = "server.key", "server.pem"
_LOOPBACK = IPv4Address("127.0.0.1")
# Its own root is told at a port that only its own loopback has, beside that root's private key.
_ROOT = f"""\
import ssl, sys, urllib.request
trusting = ssl.create_default_context(cafile=sys.argv[1])
print(urllib.request.urlopen("https://127.0.0.1:{MANAGEMENT}/roots/0", context=trusting, timeout=5).read().decode())
"""


def make_keys(kept: Path, published: Path, name: str) -> None:
    """Make the server's own key and certificate unless they are there, and publish whom its clients have to trust.

    Args:
        kept: the private folder.
        published: the file of the site.
        name: the server's DNS name.
    """
    certificate = kept / _CERTIFICATE
    if not (certificate.exists() and (kept / _KEY).exists() and _is_for(certificate, name)):
        kept.mkdir(parents=True, exist_ok=True, mode=0o700)
        key, pem = _server(name)
        _write_closed(kept / _KEY, key)
        background.write(certificate, pem)
    published.parent.mkdir(parents=True, exist_ok=True)
    background.write(published, certificate.read_text("ascii"))


def ensure(lab: Layout, site: Site, kept: Path) -> None:
    """Start it unless it runs as it should; a site that declares no ACME has none.

    Args:
        lab: the lab.
        site: the declared site.
        kept: the private folder of `make_keys`.

    Raises:
        LabFault: it does not start.
    """
    if site.settings.acme is None:
        end(lab)
        return
    folder = lab.issuer_folder
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(settings(lab, kept), indent=1)
    settled = folder / "pebble.json"
    same = settled.exists() and settled.read_text("utf-8") == text
    if same and background.alive(folder) and lab.issuer_roots.exists():
        return
    end(lab)
    program = find("pebble")
    if program is None:
        raise LabFault("This machine has no “pebble”.")
    background.write(settled, text)
    background.start(
        lab,
        folder,
        [program, "-config", str(settled), "-dnsserver", f"{_bare(lab.internet)[0]}:53"],
        "certificate authority",
        lambda: _told_its_root(lab, kept),
        # Neither waits nor refusals by chance: what azukari's client makes of them is not what a lab is for.
        {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"},
    )


def end(lab: Layout) -> None:
    """End it, if it runs; what it certified is trusted by nobody any more."""
    background.end(lab.issuer_folder)
    lab.issuer_roots.unlink(missing_ok=True)


def settings(lab: Layout, kept: Path) -> dict[str, object]:
    """Return pebble's settings."""
    seconds = int(LIFE.total_seconds())
    return {
        "pebble": {
            "listenAddress": f"{_bare(lab.internet)[0]}:{PORT}",
            "managementListenAddress": f"127.0.0.1:{MANAGEMENT}",
            "certificate": str(kept / _CERTIFICATE),
            "privateKey": str(kept / _KEY),
            "httpPort": 80,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "certificateValidityPeriod": seconds,
            # The same as later versions have it.
            "profiles": {"default": {"description": "the lab's", "validityPeriod": seconds}},
        }
    }


def _told_its_root(lab: Layout, kept: Path) -> bool:
    """Keep the present root, as soon as the server tells it."""
    ask = [sys.executable, "-I", "-c", _ROOT, str(kept / _CERTIFICATE)]
    with suppress(LabFault):
        done = network.outside(lab).run(ask, timeout=10)
        if done.returncode == 0 and b"BEGIN CERTIFICATE" in done.stdout:
            background.write(lab.issuer_roots, done.stdout.decode("ascii"))
            return True
    return False


def _server(name: str) -> tuple[str, str]:
    """Return a new key and its certificate, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    called, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    alternative = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(_LOOPBACK)])
    made = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, made.public_bytes(Encoding.PEM).decode()


def _write_closed(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)


def _is_for(path: Path, name: str) -> bool:
    held = x509.load_pem_x509_certificate(path.read_bytes())
    alternative = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return name in alternative.get_values_for_type(x509.DNSName)


def _bare(addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(address.partition("/")[0] for address in addresses)
