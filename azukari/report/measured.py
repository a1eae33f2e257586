"""What a run found out about personal information: read from the facts of its evidence, typed, and not compared.

What a section does not hold, or holds in another shape than its collector writes, was not measured: it is None here.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, TypeAdapter, ValidationError

from azukari.verify.nginx_words import used
from azukari.verify.pages import Page

T = TypeVar("T")
Facts = Mapping[str, Mapping[str, Any]]

# nginx's own format, ngx_http_log_module: what it writes where no format of ours is named.
COMBINED = frozenset({
    "remote_addr", "remote_user", "time_local", "request", "status", "body_bytes_sent", "http_referer",
    "http_user_agent",
})  # fmt: skip
DEFAULT_LOG = "/var/log/nginx/access.log"
READS_ALL = "pg_read_all_data"  # PostgreSQL, chapter “Predefined Roles”


class _Reply(BaseModel):
    status: int
    headers: dict[str, str]
    text: str = ""


class _Visit(BaseModel):
    pages: dict[str, _Reply]
    forms: dict[str, _Reply]
    errors: dict[str, _Reply]
    hidden: dict[str, _Reply]
    homes: dict[str, _Reply]
    redirects: dict[str, _Reply]


class _LogSettings(BaseModel):
    settings: list[tuple[list[str], list[str]]]


class _Role(BaseModel):
    name: str
    login: bool
    rights: list[str]


class _Catalogues(BaseModel):
    columns: dict[str, dict[str, str]] | None
    relations: list[tuple[str, str, str]] | None
    rights: list[tuple[str, str, str, bool]] | None
    roles: list[_Role] | None
    members: list[tuple[str, str]] | None


class _LogFile(BaseModel):
    path: str
    bytes: int
    born: float  # 0: the file system does not tell
    written: float


class _CountedDay(BaseModel):
    day: date


class _KeptDay(BaseModel):
    said: _CountedDay | None  # None: it is anything but the counts of a day


@dataclass(frozen=True)
class Form:
    """A form's page, as a visitor gets it; `status` tells whether it was there."""

    status: int
    fields: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SetCookie:
    """One cookie that answers set: how many of them, the first, and for how many seconds at most; None: not said."""

    answers: int
    first: str
    seconds: int | None


@dataclass(frozen=True)
class Sealed:
    """So many values of a form are sealed for one purpose and one key, the oldest of that day."""

    form: str
    purpose: str
    key: str | None
    answers: int
    oldest: date | None


@dataclass(frozen=True)
class Table:
    """A table of the database: its columns, and which roles may read it beside the superuser `postgres`."""

    columns: frozenset[str]
    readers: tuple[str, ...]


@dataclass(frozen=True)
class KeptDomains:
    """How many days of counts by internet domain a web server keeps, since when, and how much else lies there."""

    days: int
    oldest: date | None
    others: int


@dataclass(frozen=True)
class Measured:
    """What was found, each None where it was not measured.

    Attributes:
        logs: {(host, path of a log of requests): variables that it writes}.
        forms: {path of a form's page: the form}.
        elsewhere: {page that is no form's: fields that it asks for}.
        cookies: {name: how it is set}.
        tables: {table, with its schema: what it is like}.
        sealed: for which keys what is sealed.
        told: {collection: identifier of the key for which the forms seal it}.
        logs_since: the first day of which a log of requests may hold a line.
        domains: {host: what lies where it keeps counts by internet domain}.
        stores: {what was measured: hosts that were asked}, with `log`, `domains`, `database` and `forms`.
    """

    logs: Mapping[tuple[str, str], frozenset[str]] | None = None
    forms: Mapping[str, Form] | None = None
    elsewhere: Mapping[str, frozenset[str]] | None = None
    cookies: Mapping[str, SetCookie] | None = None
    tables: Mapping[str, Table] | None = None
    sealed: tuple[Sealed, ...] | None = None
    told: Mapping[str, str] | None = None
    logs_since: date | None = None
    domains: Mapping[str, KeptDomains] | None = None
    stores: Mapping[str, tuple[str, ...]] | None = None


_VISIT, _LOG, _CATALOGUES = TypeAdapter(_Visit), TypeAdapter(_LogSettings), TypeAdapter(_Catalogues)
_SEALED = TypeAdapter(list[tuple[str, str, str | None, int, date | None]])
_KEPT_DAYS = TypeAdapter(list[_KeptDay] | None)
_FILES, _LOG_FILES = TypeAdapter(dict[str, str]), TypeAdapter(list[_LogFile])


def measured(facts: Facts, declared_forms: Mapping[str, str], zone: ZoneInfo) -> Measured:
    """Return what a run found out.

    Args:
        facts: the evidence's facts.
        declared_forms: {path: collection}, as the evidence's context keeps it.
        zone: the site's time zone.
    """
    visits = _values(facts, "collected visit", _VISIT)
    logs = _values(facts, "collected log_settings", _LOG)
    catalogues = _values(facts, "collected catalogues", _CATALOGUES)
    sealed = _values(facts, "collected sealed", _SEALED)
    told = _values(facts, "collected told_to_the_forms", _FILES)
    files = _values(facts, "logs", _LOG_FILES)
    domains = _values(facts, "collected kept_domains", _KEPT_DAYS)
    return Measured(
        logs={key: found for host, one in logs.items() for key, found in _written(host, one).items()} if logs else None,
        forms=_forms(visits.values(), declared_forms) if visits else None,
        elsewhere=_elsewhere(visits.values(), declared_forms) if visits else None,
        cookies=_cookies(visits.values()) if visits else None,
        tables={name: one for each in catalogues.values() for name, one in _tables(each).items()}
        if catalogues
        else None,
        sealed=tuple(Sealed(*row) for rows in sealed.values() for row in rows) if sealed else None,
        told={name: key for each in told.values() for name, key in _told(each).items()} if told else None,
        logs_since=_since(files.values(), zone),
        domains={host: _domains(found) for host, found in domains.items() if found is not None} if domains else None,
        stores={"log": tuple(logs), "domains": tuple(domains), "database": tuple(catalogues), "forms": tuple(visits)},
    )


def _values(facts: Facts, name: str, shape: TypeAdapter[T]) -> dict[str, T]:
    """Return {host: value} of a section, where it was answered in its shape."""
    found = {}
    for host, sections in facts.items():
        section = sections.get(name)
        if not isinstance(section, dict) or not section.get("ok"):
            continue
        try:
            found[host] = shape.validate_python(section.get("value"))
        except ValidationError:
            continue
    return found


def _written(host: str, found: _LogSettings) -> dict[tuple[str, str], frozenset[str]]:
    """Return what each log of requests on a host holds."""
    formats = {words[1]: used(tuple(words[2:])) for _, words in found.settings if words[0] == "log_format"}
    logs = [(within, words) for within, words in found.settings if words[0] == "access_log" and words[1] != "off"]
    written: dict[tuple[str, str], frozenset[str]] = {}
    if not any(within == ["http"] for within, _ in logs):  # nginx then keeps one of its own
        logs.append((["http"], ["access_log", DEFAULT_LOG]))
    for _, words in logs:
        name = words[2] if len(words) > 2 else "combined"
        place = (host, words[1])
        written[place] = written.get(place, frozenset()) | formats.get(name, COMBINED)
    return written


def _asked(reply: _Reply) -> Form:
    controls = [control for control in Page(reply.text).controls if control.names]
    return Form(
        reply.status,
        frozenset(name for control in controls for name in control.names),
        frozenset(name for control in controls if "required" in control.attributes for name in control.names),
    )


def _forms(visits: Iterable[_Visit], declared: Mapping[str, str]) -> dict[str, Form]:
    found: dict[str, Form] = {}
    for visit in visits:
        for path in declared:
            if path in visit.forms:
                one = _asked(visit.forms[path])
                before = found.get(path, one)
                found[path] = Form(
                    max(one.status, before.status), one.fields | before.fields, one.required | before.required
                )
    return found


def _elsewhere(visits: Iterable[_Visit], declared: Mapping[str, str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for visit in visits:
        for path, reply in {**visit.pages, **visit.forms, **visit.errors}.items():
            if path not in declared and (fields := _asked(reply).fields):
                found[path] = found.get(path, frozenset()) | fields
    return found


def _cookies(visits: Iterable[_Visit]) -> dict[str, SetCookie]:
    found: dict[str, SetCookie] = {}
    for visit in visits:
        answers = {**visit.pages, **visit.forms, **visit.errors, **visit.hidden}
        answers |= {f"http://{address}": reply for address, reply in visit.redirects.items()}
        answers |= {f"https://{address}": reply for address, reply in visit.homes.items()}
        for what, reply in answers.items():
            for line in filter(None, reply.headers.get("set-cookie", "").split("\n")):
                pair, *attributes = line.split(";")
                name = pair.partition("=")[0].strip() if "=" in pair else ""
                before = found.get(name, SetCookie(0, what, 0))
                seconds = _lasts(attributes, reply.headers.get("date", ""))
                found[name] = SetCookie(before.answers + 1, before.first, _longer(before.seconds, seconds))
    return found


def _lasts(attributes: list[str], sent: str) -> int | None:
    """Return for how many seconds a cookie is kept; 0 for the visit alone; None where that is not to be understood."""
    said = {name.strip().lower(): value.strip() for name, _, value in (one.partition("=") for one in attributes)}
    if "max-age" in said:  # RFC 6265, section 5.3: it comes before Expires
        return int(said["max-age"]) if said["max-age"].lstrip("-").isdecimal() else None
    if "expires" not in said:
        return 0
    try:
        return int((parsedate_to_datetime(said["expires"]) - parsedate_to_datetime(sent)).total_seconds())
    except (ValueError, TypeError):
        return None


def _longer(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)


def _tables(found: _Catalogues) -> dict[str, Table]:
    """Return the tables with their columns, and whoever may read them beside `postgres`."""
    roles = {role.name: role for role in found.roles or ()}
    everywhere = {role.name for role in roles.values() if "superuser" in role.rights and role.name != "postgres"}
    everywhere |= {member.strip('"') for member, of in found.members or () if of in (READS_ALL, "postgres")}
    tables = {}
    for name, _, owner in found.relations or ():
        readers = set(everywhere)
        readers |= {
            who.strip('"')
            for thing, who, right, _ in found.rights or ()
            if right == "SELECT" and (thing == name or thing.startswith(f"{name}."))
        }
        readers |= {owner} if owner not in roles or roles[owner].login else set()
        readers |= {member.strip('"') for member, of in found.members or () if of.strip('"') == owner}
        tables[name] = Table(frozenset((found.columns or {}).get(name, ())), tuple(sorted(readers - {"postgres"})))
    return tables


def _told(files: Mapping[str, str]) -> dict[str, str]:
    """Return {collection: key} of the statements that the forms were given; whether they are signed, LEAK-20 judges."""
    found = {}
    for name, text in files.items():
        if name.startswith("sealing/") and name.endswith(".json"):
            try:
                said = json.loads(base64.b64decode(text))
                found[str(said["collection"])] = str(said["kid"])
            except (ValueError, KeyError, TypeError):
                continue
    return found


def _domains(found: list[_KeptDay]) -> KeptDomains:
    days = [one.said.day for one in found if one.said is not None]
    return KeptDomains(len(days), min(days, default=None), len(found) - len(days))


def _since(found: Iterable[list[_LogFile]], zone: ZoneInfo) -> date | None:
    """Return the first day of which a log may hold a line; None where that is unknown of one file, or of all.

    A log was begun when its file was born; one that was copied in with its times was last written before that.
    """
    files = [one for files in found for one in files if one.bytes]
    if not files or any(not one.born for one in files):
        return None
    return datetime.fromtimestamp(min(min(one.born, one.written) for one in files), zone).date()
