"""The types of single values in a site's files, each with the words that tell a user what is allowed."""

import ipaddress
import re
import zoneinfo
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

Domain = Literal["production", "vault", "log"]
DOMAINS: tuple[Domain, ...] = ("production", "vault", "log")
GROUPS = ("bastion", "web", "app", "db", "mail", "vault", "log")
PLACES = ("controller", "office", "auditor")
RESERVED = ("visitors", *PLACES)
DUTIES = ("operator", "database", "vault-keeper", "log-keeper")


class Strict(BaseModel):
    """A mapping of the site's files: unknown keys refused, nothing converted, never changed after loading."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=False)


def _only_text(value: Any) -> str:
    # ipaddress takes numbers too: 10 would become 0.0.0.10.
    if not isinstance(value, str):
        raise ValueError("not text")  # noqa: TRY004 (pydantic reports ValueError, and lets TypeError through)
    return value


def _address4(value: Any) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(_only_text(value))


def _address6(value: Any) -> ipaddress.IPv6Address:
    return ipaddress.IPv6Address(_only_text(value))


def _address(value: Any) -> Address:
    return ipaddress.ip_address(_only_text(value))


def _network(value: Any) -> Network:
    return ipaddress.ip_network(_only_text(value))


def _time_zone(value: Any) -> str:
    # A relative name such as “../x” would read a file outside the zone database: ZoneInfo refuses it with ValueError.
    try:
        zoneinfo.ZoneInfo(_only_text(value))
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as error:
        raise ValueError("unknown zone") from error
    return str(value)


def _text(value: Any) -> Any:
    # Ansible would run a template in any variable of the inventory on the controller: the site is data only.
    if isinstance(value, str) and (not value.strip() or re.search(r"\{\{|\{%|\{#", value)):
        raise ValueError("blank or a template")
    if isinstance(value, str) and any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError("control characters")
    return value


_DNS = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
_KEY_PATH = r"keys/(?:[A-Za-z0-9_][A-Za-z0-9._-]*/)*[A-Za-z0-9_][A-Za-z0-9._-]*\.pub"
_KEY_LINE = (
    r"(?:ssh-ed25519|ecdsa-sha2-nistp256|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
    r" [A-Za-z0-9+/]+=*(?: [^\n]*)?"
)

Text = Annotated[
    str,
    BeforeValidator(_text),
    Field(description="text without templates ({{ … }}) and control characters"),
]

Slug = Annotated[
    str,
    BeforeValidator(_text),
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$"),
    Field(description="a short name of small letters, digits and _"),
]
SiteName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$"),
    Field(description="a short name of small letters, digits and -, beginning with a letter"),
]
HostName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$"),
    Field(description="a host name of small letters, digits and -, beginning with a letter"),
]
LoginName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,30}$"),
    Field(description="a login name of small letters, digits, _ and -, beginning with a letter"),
]
DnsName = Annotated[
    str,
    StringConstraints(pattern=rf"^{_DNS}$", max_length=253),
    Field(description="a full DNS name in small letters, such as www.example.jp"),
]
Email = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._+-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*$"),
    Field(description="an e-mail address"),
]
HeaderName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,62}$"),
    Field(description="the name of an HTTP header, such as X-DCMGUID"),
]
HttpUrl = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[A-Za-z0-9._~:\[\]-]+(?:/[A-Za-z0-9._~/+%-]*)?$"),
    Field(description="a URL that begins with http:// or https:// and has no user, password or query"),
]
PagePath = Annotated[
    str,
    StringConstraints(pattern=r"^/(?:[A-Za-z0-9._~-]+/)*$"),
    Field(description="a path below the website that begins and ends with /"),
]
TimeZone = Annotated[
    str, BeforeValidator(_time_zone), Field(description="a time zone of the IANA database, such as Asia/Tokyo")
]
V4 = Annotated[
    ipaddress.IPv4Address, BeforeValidator(_address4), Field(description="an IPv4 address, such as 192.0.2.10")
]
V6 = Annotated[
    ipaddress.IPv6Address, BeforeValidator(_address6), Field(description="an IPv6 address, such as 2001:db8::10")
]
AnyAddress = Annotated[Address, BeforeValidator(_address), Field(description="an IPv4 or IPv6 address")]
AnyNetwork = Annotated[
    Network,
    BeforeValidator(_network),
    Field(description="an IPv4 or IPv6 address, or a network written with its first address, such as 192.0.2.0/28"),
]
Port = Annotated[int, Field(ge=1, le=65535, description="a whole number from 1 to 65535")]
Days = Annotated[int, Field(ge=1, le=36500, description="a whole number of days, at least 1")]
# The proxy lets TLS through to port 443 alone.
AcmeUrl = Annotated[
    str,
    StringConstraints(pattern=rf"^https://{_DNS}/[A-Za-z0-9._~/-]*$", max_length=253),
    Field(description="the https:// URL of an ACME directory, without a port, user or query"),
]
AcmeKeyId = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._~-]{1,128}$"),
    Field(description="the key id that the certificate authority gave, of letters, digits and . _ ~ -"),
]
PemFile = Annotated[
    str,
    StringConstraints(pattern=r"^keys/(?:[A-Za-z0-9_][A-Za-z0-9._-]*/)*[A-Za-z0-9_][A-Za-z0-9._-]*\.pem$"),
    Field(description="the path of certificates in PEM below the site's folder, such as keys/acme/roots.pem"),
]
KeyFile = Annotated[
    str,
    StringConstraints(pattern=rf"^{_KEY_PATH}$"),
    Field(description="the path of a public key below the site's folder, such as keys/people/tanaka.pub"),
]
PersonKey = Annotated[
    str,
    StringConstraints(pattern=rf"^(?:{_KEY_PATH}|{_KEY_LINE})$"),
    Field(description="a public key (“ssh-ed25519 AAAA…”) or the path of one, such as keys/people/tanaka.pub"),
]
HostKey = Annotated[
    str,
    StringConstraints(pattern=rf"^(?:{_KEY_PATH}|SHA256:[A-Za-z0-9+/]{{43}})$"),
    Field(description="a fingerprint (“SHA256:…”, 43 characters) or the path of a key, such as keys/hosts/web.pub"),
]
SafeguardId = Annotated[
    str,
    StringConstraints(pattern=r"^(?:LEAK|LOSS|DEST|USE|CONT)-[0-9]{2}$"),
    Field(description="a safeguard's id, such as LEAK-10"),
]
Clause = Annotated[
    str,
    StringConstraints(pattern=r"^[1-9](?:\([1-9]\))?$"),
    Field(description="a clause of the policy in quotes, such as “2(1)”"),
]
