"""The site's records in the public DNS, worked out from what is declared: who sends mail, and what never sends any.

The office's DNS operator publishes them; the lab's name server serves exactly them.
"""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from azukari.errors import InputError
from azukari.site.key_names import made_in
from azukari.site.loading import Site
from azukari.site.models import Host

KEYS = Path("keys/dkim")
_LIVES = 3600  # seconds; a key that was withdrawn is believed no longer than that
_NO_MAIL = "0 ."  # RFC 7505
_PIECE = 255  # octets in one string of a TXT record, RFC 1035 section 3.3


@dataclass(frozen=True)
class Record:
    """One record; `name` is whole, without the last dot, and `value` is a master file's (RFC 1035), but one text."""

    name: str
    kind: str
    value: str

    def line(self) -> str:
        """Return the record as a line of a master file."""
        value = _quoted(self.value) if self.kind == "TXT" else self.value
        return f"{self.name}. {_LIVES} IN {self.kind} {value}"


def sending_name(site: Site, host: Host) -> str:
    """Return the public name of a mail host, by which it greets (RFC 5321 section 4.1.1.1)."""
    return f"{host.name}.{site.settings.mail_domain}"


def selectors(site: Site) -> dict[str, Path]:
    """Return the DKIM keys that the site publishes: by selector, the file of the public half, sorted."""
    folder = site.path / KEYS
    return {path.stem: path for path in sorted(folder.glob("*.pem"))} if folder.is_dir() else {}


def signing_selector(site: Site) -> str | None:
    """Return the selector that the mail host signs with: the newest, as names bear the year; None without a key."""
    return max(selectors(site), key=made_in, default=None)


def records(site: Site) -> list[Record]:
    """Return all records of the site, in a fixed order.

    Raises:
        InputError: a DKIM key in the site's folder cannot be read.
    """
    found = [record for name in site.settings.names for record in _of_website(site, name)]
    if site.group("mail"):
        found += _of_mail(site)
    return list(dict.fromkeys(found))


def _of_website(site: Site, name: str) -> list[Record]:
    """A name of the website sends no mail and takes none, unless it is the mail domain itself."""
    found = [record for host in site.group("web") for record in _addresses(name, host)]
    domain = site.settings.mail_domain if site.group("mail") else None
    if name != domain:
        found += [Record(name, "MX", _NO_MAIL), Record(name, "TXT", "v=spf1 -all")]
    if domain is None or not (name == domain or name.endswith(f".{domain}")):
        found += [Record(f"_dmarc.{name}", "TXT", _dmarc("")), *_issuers(site, name)]
    return found


def _of_mail(site: Site) -> list[Record]:
    domain, senders = str(site.settings.mail_domain), site.group("mail")
    addresses = [address for host in senders for address in (host.address, host.address6) if address]
    covered = " ".join(f"ip{address.version}:{address}" for address in addresses)
    found = [
        *(Record(domain, "MX", f"10 {name}.") for name in site.settings.mail_servers),
        Record(domain, "TXT", f"v=spf1 {covered} -all"),
        *(Record(f"{name}._domainkey.{domain}", "TXT", _dkim(path)) for name, path in selectors(site).items()),
        Record(f"_dmarc.{domain}", "TXT", _dmarc(domain)),
        *_issuers(site, domain),
    ]
    for host in senders:
        name = sending_name(site, host)
        # SPF is judged by the name of the greeting too (RFC 7208 section 2.3).
        found += [*_addresses(name, host), Record(name, "MX", _NO_MAIL), Record(name, "TXT", "v=spf1 a -all")]
    return found


def _addresses(name: str, host: Host) -> list[Record]:
    own = [Record(name, "A", str(host.address))]
    return own + ([Record(name, "AAAA", str(host.address6))] if host.address6 else [])


def _issuers(site: Site, name: str) -> list[Record]:
    """Who may issue certificates for a name and all below it (RFC 8659); with nobody declared, nobody."""
    issuers = site.settings.certificate_issuers or ("",)
    told = Record(name, "CAA", f'0 iodef "mailto:{site.settings.contact.email}"')
    issue = [Record(name, "CAA", f'0 issue "{issuer or ";"}"') for issuer in issuers]
    return [*issue, Record(name, "CAA", '0 issuewild ";"'), told]


def public_addresses(site: Site | None) -> frozenset[str]:
    """Return the addresses that the zone publishes; they are an office's, no person's. Without a site, none."""
    if site is None:
        return frozenset()
    domain = site.settings.mail_domain
    return frozenset({site.settings.contact.email, *([_postmaster(domain)] if domain else [])})


def _postmaster(domain: str) -> str:
    return f"postmaster@{domain}"


def _dmarc(domain: str) -> str:
    reports = f"; rua=mailto:{_postmaster(domain)}" if domain else ""
    return f"v=DMARC1; p=reject; sp=reject; adkim=s; aspf=s{reports}"


def _dkim(path: Path) -> str:
    """Return the record of a public key in PEM (RFC 6376 section 3.6.1)."""
    match = re.fullmatch(
        r"-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=\n]+)-----END PUBLIC KEY-----\n?", path.read_text("utf-8")
    )
    if not match:
        raise InputError(f"{path} is no public key in PEM; take it from the version history.")
    key = base64.b64encode(base64.b64decode(match[1])).decode()
    return f"v=DKIM1; k=rsa; h=sha256; s=email; t=s; p={key}"


def _quoted(text: str) -> str:
    pieces = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
    return " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)
