"""What a site's files may say. One model a file; the words of the files are the attributes, but for `from`.

`from` is a word of Python: it is `Flow.source` and `Person.since` here.
"""

import datetime
import ipaddress
from dataclasses import dataclass
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from azukari.site.fields import (
    V4,
    V6,
    AcmeKeyId,
    AcmeUrl,
    AnyAddress,
    AnyNetwork,
    Clause,
    Days,
    DnsName,
    Domain,
    Email,
    HeaderName,
    HostKey,
    HostName,
    HttpUrl,
    KeyFile,
    LoginName,
    PagePath,
    PemFile,
    PersonKey,
    Port,
    SafeguardId,
    SiteName,
    Slug,
    Strict,
    Text,
    TimeZone,
)

Date = Annotated[datetime.date, Field(description="a date such as 2027-03-31, without quotes")]
YesNo = Annotated[bool, Field(description="true or false")]


class Bilingual(Strict):
    """A text in Japanese and in English."""

    ja: Text
    en: Text


class PagePaths(Strict):
    """Where a page stands, in both languages."""

    ja: PagePath
    en: PagePath


class Contact(Strict):
    """Whom the public may ask at the office."""

    name: Text
    email: Email
    phone: Text


class Places(Strict):
    """Where the people outside sit: the source addresses of the reserved names."""

    controller: Annotated[tuple[AnyNetwork, ...], Field(strict=False, min_length=1)]
    office: Annotated[tuple[AnyNetwork, ...], Field(strict=False, min_length=1)]
    auditor: Annotated[tuple[AnyNetwork, ...], Field(strict=False, min_length=1)]


class Acme(Strict):
    """Who certifies the public names, by ACME (RFC 8555); to declare it is to accept that authority's terms.

    `roots` certify the ACME server itself, where this is not in every machine's own list; `external_account` is the key
    id of an account that was bought (RFC 8555 section 7.3.4), whose key is a secret of production.
    """

    directory: AcmeUrl
    contact: Email | None = None
    roots: PemFile | None = None
    external_account: AcmeKeyId | None = None

    @property
    def server(self) -> str:
        """The DNS name of the ACME server."""
        return urlsplit(self.directory).hostname or ""


class Settings(Strict):
    """`group_vars/all/site.yml`."""

    schema_version: Annotated[Literal[1], Field(alias="schema", description="1, the schema that this azukari knows")]
    name: SiteName
    lab: YesNo = False
    title: Bilingual
    names: Annotated[tuple[DnsName, ...], Field(strict=False, min_length=1)]
    mail_domain: DnsName | None = None
    mail_servers: Annotated[tuple[DnsName, ...], Field(strict=False)] = ()
    certificate_issuers: Annotated[tuple[DnsName, ...], Field(strict=False)] = ()
    acme: Acme | None = None
    time_zone: TimeZone
    contact: Contact
    places: Places
    probe: Annotated[tuple[AnyAddress, ...], Field(strict=False)] = ()


class Choice(Strict):
    """One answer that a form offers."""

    name: Slug
    title: Bilingual


class Item(Strict):
    """One piece of information that is collected; with `choices`, no other answer is taken."""

    name: Slug
    required: YesNo
    title: Bilingual
    purposes: Annotated[tuple[Slug, ...], Field(strict=False, min_length=1)]
    choices: Annotated[tuple[Choice, ...], Field(strict=False)] = ()


class Retention(Strict):
    """How long a collection is kept: so many days, or until the person leaves the service."""

    days: Days | None = None
    until: Annotated[Literal["unsubscribed"] | None, Field(description="unsubscribed")] = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.days is None) == (self.until is None):
            raise ValueError("“retention” has neither or both of “days” and “until”; allowed is exactly one; keep one.")
        return self


class Collection(Strict):
    """One collection of personal information (section 2 of the policy)."""

    name: Slug
    clause: Clause
    title: Bilingual
    items: Annotated[tuple[Item, ...], Field(strict=False, min_length=1)]
    store: Annotated[str, Field(description="a host or group of this site")]
    retention: Retention
    readers: Annotated[tuple[str, ...], Field(strict=False)]

    @property
    def purposes(self) -> tuple[str, ...]:
        """The purposes of its items, each once, in the order in which they are first named."""
        return tuple(dict.fromkeys(purpose for item in self.items for purpose in item.purposes))


class Cookie(Strict):
    """One cookie that the website may set."""

    name: Slug
    purpose: Slug
    days: Annotated[int, Field(ge=1, le=400, description="a whole number of days, 1 to 400 (RFC 6265bis, 5.5)")]
    title: Bilingual


class Dropped(Strict):
    """What a visitor's device may send by itself, by which headers, and what the website takes in nowhere."""

    name: Slug
    title: Bilingual
    headers: Annotated[tuple[HeaderName, ...], Field(strict=False, min_length=1)]


class Purpose(Strict):
    """One purpose of use (section 3 of the policy)."""

    clause: Clause
    title: Bilingual


class Statistics(Strict):
    """What published aggregates must keep to: at least so many persons in a group."""

    smallest_group: Annotated[int, Field(ge=2, description="a whole number of persons, at least 2")]


class Policy(Strict):
    """`group_vars/all/policy.yml`: the declared privacy policy."""

    version: Text
    url: PagePaths
    collections: Annotated[tuple[Collection, ...], Field(strict=False)]
    cookies: Annotated[tuple[Cookie, ...], Field(strict=False)]
    dropped: Annotated[tuple[Dropped, ...], Field(strict=False)] = ()
    purposes: dict[Slug, Purpose]
    statistics: Statistics


class Office(Strict):
    """The office, and the key by which it approves."""

    name: Bilingual
    key: KeyFile


class Party(Strict):
    """The contractor or the auditor, and the key by which it signs evidence."""

    name: Text
    evidence_key: KeyFile


class Reentrustment(Strict):
    """A company to which a part of the work is re-entrusted, with the office's consent."""

    name: Text
    what: Text
    approved: Date
    start: Date
    end: Date


class KeyHolder(Strict):
    """Somebody whom the contract names, from `since` until `until`, both inclusive, with keys of their own."""

    name: LoginName
    full_name: Text
    since: Annotated[datetime.date, Field(alias="from", description="a date such as 2027-03-31, without quotes")]
    until: Date
    keys: Annotated[tuple[PersonKey, ...], Field(strict=False, min_length=1)]

    def current(self, on: datetime.date) -> bool:
        """Tell whether what the contract gives this person holds on that day (in the site's time zone)."""
        return self.since <= on <= self.until


class Person(KeyHolder):
    """A person with access."""

    employer: Text
    duty: Annotated[
        Literal["operator", "database", "vault-keeper", "log-keeper"],
        Field(description="one of operator, database, vault-keeper, log-keeper"),
    ]
    domain: Annotated[Domain, Field(description="one of production, vault, log")]
    hosts: Annotated[tuple[HostName, ...], Field(strict=False, min_length=1)]
    trained: Date


class Discloser(KeyHolder):
    """One of the office's own people, who may sign a disclosure (section 4 of the policy); it gives no access."""


class Authorities(Strict):
    """Who keeps each trust domain's keys: the login names of three people."""

    production: LoginName
    vault: LoginName
    log: LoginName


class Contract(Strict):
    """`group_vars/all/contract.yml`."""

    number: Text
    office: Office
    contractor: Party
    auditor: Party
    start: Date
    end: Date
    reentrusted: Annotated[tuple[Reentrustment, ...], Field(strict=False)]
    people: Annotated[tuple[Person, ...], Field(strict=False)]
    authorities: Authorities
    disclosers: Annotated[tuple[Discloser, ...], Field(strict=False)] = ()


class Flow(Strict):
    """One allowed network flow, as declared."""

    source: Annotated[
        str, Field(alias="from", description="a host, a group, all, visitors, controller, office or auditor")
    ]
    to: Annotated[str, Field(description="a host, a group, all, controller, office, auditor or proxy:NAME")]
    port: Port
    protocol: Annotated[Literal["tcp", "udp"], Field(description="tcp or udp")] = "tcp"
    why: Text


class DeclaredException(Strict):
    """A waiver of one safeguard on named hosts (`site` for a safeguard of the whole site), until a day, inclusive."""

    safeguard: SafeguardId
    hosts: Annotated[tuple[HostName, ...], Field(strict=False, min_length=1)]
    reason: Text
    compensation: Text
    until: Date


class Upstream(Strict):
    """`group_vars/all/upstream.yml`: what the site takes from outside."""

    mirror: HttpUrl
    security_mirror: HttpUrl
    resolvers: Annotated[tuple[AnyAddress, ...], Field(strict=False, min_length=1)]
    time: Annotated[tuple[DnsName, ...], Field(strict=False)]


class HostEntry(Strict):
    """A host's variables in `hosts.yml`."""

    ansible_host: V4
    address6: V6 | None = None
    domain: Annotated[Domain, Field(description="one of production, vault, log")]
    host_key: HostKey


@dataclass(frozen=True)
class Host:
    """A host of the site; `groups` in the order of the design's list."""

    name: str
    domain: Domain
    groups: tuple[str, ...]
    address: ipaddress.IPv4Address
    address6: ipaddress.IPv6Address | None
    host_key: str


class SiteFile(Strict):
    """The one top-level key of `site.yml`."""

    site: Settings


class PolicyFile(Strict):
    """The one top-level key of `policy.yml`."""

    policy: Policy


class ContractFile(Strict):
    """The one top-level key of `contract.yml`."""

    contract: Contract


class FlowsFile(Strict):
    """The one top-level key of `flows.yml`."""

    flows: Annotated[tuple[Flow, ...], Field(strict=False, min_length=1)]


class ExceptionsFile(Strict):
    """The one top-level key of `exceptions.yml`."""

    exceptions: Annotated[tuple[DeclaredException, ...], Field(strict=False)]


class UpstreamFile(Strict):
    """The one top-level key of `upstream.yml`."""

    upstream: Upstream
