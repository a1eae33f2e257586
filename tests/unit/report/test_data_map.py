"""The data map: what is declared beside what was measured, from recorded answers, and what is otherwise."""

import base64
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from azukari.evidence.context import of as context_of
from azukari.report import build, render
from azukari.report.data_map import data_map
from azukari.report.lines import STATES, DataMap, Line
from azukari.report.measured import Measured, SetCookie, measured
from azukari.safeguards import Catalogue
from azukari.site import Site
from tests.unit.report.conftest import Make, judged
from tests.unit.report.recorded import KEY, LOG, facts

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 11, 25, 12, 0, 9, tzinfo=TOKYO)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def declared(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = context_of(site)["site"]
    return {**found, "sealing_keys": {"contact": [KEY]}}


def drawn(declared: dict[str, Any], found: dict[str, Any]) -> DataMap:
    made = data_map(declared, measured(found, declared["forms"], TOKYO), NOW)
    assert made is not None
    return made


def line(made: DataMap, where: str, what: str) -> Line:
    """Return a line by its item's name, or by its English title."""
    parts = {part.name: (*part.items, *part.kept) for part in made.parts}
    lines = {**parts, "cookies": made.cookies, "beside": made.beside}[where]
    [found] = [one for one in lines if what in (one.name, one.title.en)]
    return found


def said(one: Line) -> str:
    return "; ".join(words.en for words in one.measured)


def test_what_is_as_declared_is_said_to_be_so(declared: dict[str, Any]) -> None:
    made = drawn(declared, facts())
    assert made.count("differs", "undeclared") == 0
    assert [one.title.en for one in made.lines if one.state == "unmeasured"] == ["readers"]  # of the log
    assert [one.name for one in made.lines if one.state == "absent"] == []
    assert line(made, "contact", "email").declared[1].en == "purpose: reply 3(3)"


SAID = {
    ("access", "address"): "log field `$remote_addr`",
    ("access", "domain"): "counts alone, in `web:/var/lib/azukari-domains`: 2 days, since 2026-11-23",
    ("access", "store"): f"`web:{LOG}`",
    ("access", "readers"): "not measured",
    ("access", "retention"): "oldest: 2026-11-24, 1 day ago",
    (
        "contact",
        "comments",
    ): "`/contact/`, `/en/contact/`: asked, required; sealed for “reference in future policymaking”",
    ("contact", "email"): "`/contact/`, `/en/contact/`: asked, optional; sealed for “reply”: 3 values",
    ("contact", "store"): "table `site.contact` on `db`",
    ("contact", "readers"): f"nobody but the superuser `postgres`; what is kept is sealed for the office's key `{KEY}`",
    ("contact", "retention"): "oldest: 2026-11-20, 5 days ago",
    ("cookies", "visit"): "set by 1 answer, first `/`; it stays 1 d",
}


@pytest.mark.parametrize(("place", "words"), SAID.items(), ids=" ".join)
def test_what_was_measured_is_said(declared: dict[str, Any], place: tuple[str, str], words: str) -> None:
    assert words in said(line(drawn(declared, facts()), *place))


def value(host: str, name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda found: found[host][name]["value"]


VISIT, SETTINGS = value("web", "collected visit"), value("web", "collected log_settings")
DOMAINS = value("web", "collected kept_domains")
CATALOGUES, SEALED, LOGS = value("db", "collected catalogues"), value("db", "collected sealed"), value("web", "logs")


def in_form(old: str, new: str) -> Change:
    def change(found: dict[str, Any]) -> None:
        form = VISIT(found)["forms"]["/contact/"]
        assert old in form["text"]
        form["text"] = form["text"].replace(old, new)

    return change


def in_format(*words: str) -> Change:
    return lambda found: next(one for _, one in SETTINGS(found)["settings"] if one[0] == "log_format").extend(words)


def log(*words: str, within: tuple[str, ...] = ("http",)) -> Change:
    return lambda found: SETTINGS(found)["settings"].append([list(within), ["access_log", *words]])


def no_log(found: dict[str, Any]) -> None:
    SETTINGS(found)["settings"] = [one for one in SETTINGS(found)["settings"] if one[1][0] != "access_log"]


def without_time(found: dict[str, Any]) -> None:
    for _, words in SETTINGS(found)["settings"]:
        words[:] = [word.replace("$time_iso8601", "") for word in words]


def right(*row: object) -> Change:
    return lambda found: CATALOGUES(found)["rights"].append([*row, False])


def role(**changed: object) -> Change:
    return lambda found: next(one for one in CATALOGUES(found)["roles"] if one["name"] == changed["name"]).update(
        changed
    )


def member(*row: str) -> Change:
    return lambda found: CATALOGUES(found)["members"].append(list(row))


def kept(*rows: list[object]) -> Change:
    return lambda found: found["db"].update({"collected sealed": {"ok": True, "value": list(rows)}})


def cookie(text: str) -> Change:
    return lambda found: VISIT(found)["pages"]["/"]["headers"].update({"set-cookie": text})


def told(key: str) -> Change:
    statement = base64.b64encode(json.dumps({"collection": "contact", "kid": key}).encode()).decode()
    return lambda found: value("app", "collected told_to_the_forms")(found).update({"sealing/contact.json": statement})


# What is otherwise, in which line it shows, how that line stands, and what it says.
OTHERWISE: dict[str, tuple[Change, tuple[str, str], str, str]] = {
    "not asked": (in_form('name="heading"', 'name="token"'), ("contact", "heading"), "differs", "not asked"),
    "asked as required": (
        in_form('name="email"', 'name="email" required'), ("contact", "email"), "differs", "`/contact/`: asked, req",
    ),
    "asked and not declared": (
        in_form('name="heading"', 'name="phone"'), ("contact", "form field `phone`"), "undeclared", "`/contact/`",
    ),
    "no form": (
        lambda found: VISIT(found)["forms"]["/contact/"].update(status=404),
        ("contact", "comments"), "differs", "there is no form (404)",
    ),
    "a form that did not answer": (
        lambda found: VISIT(found)["forms"]["/contact/"].update(status=502),
        ("contact", "comments"), "unmeasured", "`/contact/`: not measured",
    ),
    "a form elsewhere": (
        lambda found: VISIT(found)["pages"]["/"].update(text='<input name="age">'),
        ("beside", "form fields `age`"), "undeclared", "`/`",
    ),
    "another field in the log": (
        in_format("$http_user_agent"), ("access", "log field `$http_user_agent`"), "undeclared", f"`web:{LOG}`",
    ),
    "nginx's own format": (no_log, ("access", "log field `$http_referer`"), "undeclared", f"`web:{LOG}`"),
    "a second log": (
        log("/var/log/nginx/more.log"), ("access", "log field `$remote_user`"), "undeclared", "nginx/more.log",
    ),
    "a log that leaves the host": (
        log("syslog:server=192.0.2.1", "azukari"), ("access", "store"), "differs", "syslog:server=192.0.2.1",
    ),
    "no time in the log": (without_time, ("access", "time"), "differs", "not found in the log"),
    "an old log": (
        lambda found: LOGS(found)[0].update(born=1787000000), ("access", "retention"), "differs", "oldest: 2026-08-18",
    ),
    "a log whose birth is unknown": (
        lambda found: LOGS(found)[0].update(born=0), ("access", "retention"), "unmeasured", "not measured",
    ),
    "another reader": (
        right("site.contact", "intake", "SELECT"), ("contact", "readers"), "differs", "`intake` in the database",
    ),
    "everybody reads a column": (
        right("site.contact.sealed", "everybody", "SELECT"), ("contact", "readers"), "differs", "`everybody` in the",
    ),
    "another superuser": (
        role(name="intake", rights=["superuser"]), ("contact", "readers"), "differs", "`intake` in the database",
    ),
    "an owner that may log in": (
        role(name="site_owner", login=True), ("contact", "readers"), "differs", "`site_owner` in the database",
    ),
    "a member of the owner": (
        member("intake", "site_owner"), ("contact", "readers"), "differs", "`intake` in the database",
    ),
    "a member of those who read all": (
        member('"azukari-audit"', "pg_read_all_data"), ("contact", "readers"), "differs", "`azukari-audit`",
    ),
    "another key": (
        kept(["contact", "reply", "foreign", 1, "2026-11-20"]),
        ("contact", "readers"), "differs", "`foreign`, which the office never stated",
    ),
    "no key": (
        kept(["contact", "reply", None, 1, "2026-11-20"]), ("contact", "readers"), "differs", "no named key",
    ),
    "another key from now on": (told("foreign"), ("contact", "readers"), "differs", "what comes in will be sealed for"),
    "another purpose": (
        kept(["contact", "sale", KEY, 1, "2026-11-20"]), ("contact", "purpose `sale`"), "undeclared", "`site.contact`",
    ),
    "kept too long": (
        kept(["contact", "reply", KEY, 1, "2025-11-24"]), ("contact", "retention"), "differs", "oldest: 2025-11-24",
    ),
    "kept to the last day": (
        kept(["contact", "reply", KEY, 1, "2025-11-25"]), ("contact", "retention"), "same", "365 days ago",
    ),
    "nothing kept": (kept(), ("contact", "retention"), "same", "nothing is kept"),
    "another column": (
        lambda found: CATALOGUES(found)["columns"]["site.contact"].update(phone="text"),
        ("contact", "column `phone`"), "undeclared", "`site.contact`",
    ),
    "no table": (
        lambda found: CATALOGUES(found).update(relations=None), ("contact", "store"), "differs", "there is no table",
    ),
    "another table": (
        lambda found: CATALOGUES(found)["relations"].append(["site.visitors", "r", "site_owner"]),
        ("beside", "table `site.visitors`"), "undeclared", "db",
    ),
    "names beside counts": (
        lambda f: DOMAINS(f).append({"kind": "f", "name": "", "said": None}),
        ("access", "domain"),
        "differs",
        "no counts, in `web:/var/lib/azukari-domains`: 1",
    ),
    "old counts by domain": (
        lambda f: DOMAINS(f).append({"kind": "f", "name": "2026-08-26.json", "said": {"day": "2026-08-26"}}),
        ("access", "domain"),
        "differs",
        "older than declared",
    ),
    "no counts by domain": (
        lambda f: f["web"].update({"collected kept_domains": {"ok": True, "value": None}}),
        ("access", "domain"),
        "absent",
        "not looked up",
    ),
    "counts by domain not asked for": (
        lambda f: f["web"].pop("collected kept_domains"),
        ("access", "domain"),
        "unmeasured",
        "not measured",
    ),
    "a database elsewhere": (
        lambda found: found.update(mail={"collected catalogues": found["db"]["collected catalogues"]}),
        ("contact", "store"), "differs", "on `db, mail`",
    ),
    "a cookie that stays": (cookie("visit=1; Max-Age=172800"), ("cookies", "visit"), "differs", "it stays 2 d"),
    "a cookie for the visit": (cookie("visit=1"), ("cookies", "visit"), "same", "it stays 0 d"),
    "a cookie that is not set": (cookie(""), ("cookies", "visit"), "absent", "no answer set it"),
    "another cookie": (cookie("track=1"), ("cookies", "cookie `track`"), "undeclared", "`/`"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "where", "state", "words"), OTHERWISE.values(), ids=OTHERWISE)
def test_what_is_otherwise_shows_in_its_line(
    declared: dict[str, Any], change: Change, where: tuple[str, str], state: str, words: str
) -> None:
    found = facts()
    change(found)
    one = line(drawn(declared, found), *where)
    assert one.state == state
    assert words in said(one)


def test_a_key_is_nobodys_where_the_office_does_not_read(declared: dict[str, Any]) -> None:
    next(one for one in declared["policy"]["collections"] if one["name"] == "contact")["readers"] = []
    assert line(drawn(declared, facts()), "contact", "readers").state == "differs"


def test_a_host_that_was_not_asked_is_named(declared: dict[str, Any]) -> None:
    web = next(host for host in declared["hosts"] if host["name"] == "web")
    declared["hosts"].append({**web, "name": "web2"})
    one = line(drawn(declared, facts()), "access", "store")
    assert (one.state, said(one)) == ("unmeasured", f"`web:{LOG}`; web2: not measured")


def test_what_stands_nowhere_is_not_compared(declared: dict[str, Any]) -> None:
    parts = {part.name: part for part in drawn(declared, facts()).parts}
    assert {name for name, part in parts.items() if part.not_standing} == {"mail_service"}
    assert "no table keeps it" in (parts["mail_service"].not_standing or ("", ""))[1]
    found = facts()
    CATALOGUES(found)["relations"].append(["site.mail_service", "r", "site_owner"])
    assert not any(part.not_standing for part in drawn(declared, found).parts)


def broken(section: str) -> Change:
    return lambda found: [host.update({section: {"ok": True, "value": {"x": 1}}}) for host in found.values()]


UNMEASURED: dict[str, Change] = {
    "nothing at all": dict.clear,
    "no answers": lambda found: [
        host.update({name: {"ok": False, "error": "no answer"} for name in host}) for host in found.values()
    ],
    "other shapes": lambda found: [broken(name)(found) for name in {n for host in found.values() for n in host}],
}


@pytest.mark.parametrize("change", UNMEASURED.values(), ids=UNMEASURED)
def test_nothing_is_taken_from_the_declaration(declared: dict[str, Any], change: Change) -> None:
    found = facts()
    change(found)
    made = drawn(declared, found)
    assert made.count("unmeasured") == len(made.lines) > 0
    assert {words.en for one in made.lines for words in one.measured if "not measured" not in words.en} == set()
    why = next(part.not_standing for part in made.parts if part.name == "mail_service")
    assert why is not None
    assert "the database was not asked" in why.en


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("visit=1", 0),
        ("visit=1; Max-Age=60; Expires=Fri, 27 Nov 2026 00:00:00 GMT", 60),
        ("visit=1; expires=Thu, 26 Nov 2026 01:00:00 GMT", 3600),
        ("visit=1; Max-Age=long", None),
        ("visit=1; Expires=some day", None),
        ("visit=1; Max-Age=9\nvisit=2; Max-Age=5", 9),
    ],
)
def test_how_long_a_cookie_stays(text: str, seconds: int | None) -> None:
    found = facts()
    VISIT(found)["pages"]["/"]["headers"] = {"set-cookie": text, "date": "Thu, 26 Nov 2026 00:00:00 GMT"}
    cookies = measured(found, {}, TOKYO).cookies or {}
    assert cookies["visit"] == SetCookie(text.count("\n") + 1, "/", seconds)


def test_an_unmeasured_run_is_empty() -> None:
    none = Measured(stores=dict.fromkeys(("log", "domains", "database", "forms"), ()))
    assert measured({}, {}, TOKYO) == none


# --- the page ---------------------------------------------------------------------------------------------------------


def section_of(page: str) -> str:
    found = re.search(r'<section aria-labelledby="data-map">.*?</section>', page, re.DOTALL)
    assert found
    return found[0]


@pytest.mark.parametrize(("language", "words"), [
    ("ja", ("個人情報の取扱い一覧", "IPアドレス", "宣言と違う", "測定していません", "サーバー上にまだありません")),
    ("en", ("The data map", "IP address", "differs", "not measured", "not evaluated: not on the servers")),
])  # fmt: skip
def test_the_page_shows_it_in_both_languages(
    make: Make, catalogue: Catalogue, language: str, words: tuple[str, ...]
) -> None:
    found = facts()
    right("site.contact", "intake", "SELECT")(found)
    view = build(make([judged("USE-01", "web", "pass")], facts=found), catalogue, "")
    shown = section_of(render(view, "ja" if language == "ja" else "en"))
    spans = re.findall(rf'<span class="{language}" lang="{language}">(.*?)</span>', shown, re.DOTALL)
    assert [one for one in words if not any(one in span for span in spans)] == []


def test_every_table_has_a_caption_and_heads_with_scope(make: Make, catalogue: Catalogue) -> None:
    shown = section_of(render(build(make([judged("USE-01", "web", "pass")], facts=facts()), catalogue, "")))
    assert shown.count("<table") == shown.count("<caption") == 4
    assert shown.count("<th ") == len(re.findall(r'<th scope="(?:col|row|rowgroup)"', shown))
    assert "<th>" not in shown


def test_how_a_line_stands_is_a_word_and_not_a_colour_alone(make: Make, catalogue: Catalogue) -> None:
    view = build(make([judged("USE-01", "web", "pass")], facts=facts()), catalogue, "")
    assert view.data_map is not None
    marks = re.findall(r'<td><span class="mark .*?</td>', section_of(render(view)), re.DOTALL)
    assert len(marks) == len(view.data_map.lines)
    assert all(re.search(r'lang="ja">\S+?</span><span class="en" lang="en">[a-z ]+</span>', mark) for mark in marks)


def test_evidence_of_before_the_policy_was_kept_still_gives_a_report(make: Make, catalogue: Catalogue) -> None:
    found = make([judged("USE-01", "web", "pass")], facts=facts())
    for name in ("policy", "forms", "sealing_keys"):
        del found.context["site"][name]
    page = render(build(found, catalogue, ""))
    assert "before evidence kept the declared policy" in section_of(page)
    assert "<table" not in section_of(page)


def test_what_a_server_said_cannot_act_in_the_map(make: Make, catalogue: Catalogue) -> None:
    found = facts()
    cookie("<script>alert(1)</script>=1")(found)
    page = render(build(make([judged("USE-01", "web", "pass")], facts=found), catalogue, ""))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in section_of(page)


def test_each_state_has_its_words() -> None:
    assert set(STATES) == {"undeclared", "differs", "unmeasured", "absent", "same"}
