"""The judges of what is kept of visitors' internet domains, with answers as a lab host gives them and with bad ones."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from azukari.content import content
from azukari.verify.authoring import NotApplicable, NotEvaluated
from checks import test_web_domains as judged

RUN = SimpleNamespace(now=datetime(2026, 11, 27, 3, 0, tzinfo=UTC))  # noon in Tokyo
WEB = SimpleNamespace(name="web")
DAY = {"day": "2026-11-26", "domains": {"example.jp": 12}, "unknown": None, "not_looked_up": 0}


@pytest.fixture
def undeclared(contact_site):
    """The lab's site, without the flow by which names could be looked up."""
    return SimpleNamespace(
        policy=contact_site.policy,
        settings=contact_site.settings,
        group=contact_site.group,
        flows_out=lambda name: [flow for flow in contact_site.flows_out(name) if flow.port != 53],
    )


# --- what is kept -----------------------------------------------------------------------------------------------------


def answering(listed, lines="", error=""):
    """A host whose store holds what `find` lists and `grep` reads."""

    def command(words):
        if words[0] == "find":
            return SimpleNamespace(exit_code=int(bool(error)), stdout=listed, stderr=error)
        return SimpleNamespace(exit_code=0 if lines else 1, stdout=lines, stderr="")

    return SimpleNamespace(name="web", command=command)


def kept(*days, name=None):
    names = [name or f"{day.get('day')}.json" for day in days]
    listed = "".join(f"f {one}\n" for one in names)
    lines = "".join(f"{judged.STORE}/{one}:{json.dumps(day)}\n" for one, day in zip(names, days, strict=True))
    return judged.kept_domains(answering(listed, lines))


def test_what_is_kept_is_read_as_it_stands():
    assert kept(DAY) == [{"kind": "f", "name": "2026-11-26.json", "said": DAY}]
    assert judged.kept_domains(answering("")) == []
    assert judged.kept_domains(answering("", error="find: ‘/var/…’: No such file or directory")) is None
    with pytest.raises(NotEvaluated, match="denied"):
        judged.kept_domains(answering("", error="find: permission denied"))


OTHER = {
    "an address": {**DAY, "addresses": {"192.0.2.7": "pc.example.jp"}},
    "a name with its address": {**DAY, "domains": {"192.0.2.7": 12}},
    "a label alone": {**DAY, "domains": {"localhost": 12}},
    "an underscore": {**DAY, "domains": {"a_b.example.jp": 12}},
    "a text": {**DAY, "unknown": "192.0.2.7"},
    "a truth": {**DAY, "domains": {"example.jp": True}},
    "a list": {**DAY, "domains": ["192.0.2.7"]},
    "no day": {**DAY, "day": "192.0.2.7"},
    "less": {"day": "2026-11-26", "domains": {}},
}


@pytest.mark.parametrize("said", OTHER.values(), ids=OTHER)
def test_what_else_stands_there_is_found_and_not_repeated(lab_site, said):
    found = kept(said, name="2026-11-26.json")
    assert "192.0.2.7" not in json.dumps(found)
    with pytest.raises(AssertionError, match=r"2026-11-26\.json says anything but a day's counts"):
        judged.test_of_names_the_domain_alone_is_kept(WEB, lab_site, found)


@pytest.mark.parametrize(
    "listed",
    ["f 192.0.2.7\n", "l 2026-11-26.json\n", "d names\n", "f 2026-11-26.json.new\n", "f names/2026-11-26.json\n"],
)
def test_what_else_lies_there_is_found_and_not_repeated(lab_site, listed):
    found = judged.kept_domains(answering(listed, f"{judged.STORE}/2026-11-26.json:{json.dumps(DAY)}\n"))
    assert "192.0.2.7" not in json.dumps(found)
    with pytest.raises(AssertionError, match=r"other things lie there|anything but"):
        judged.test_of_names_the_domain_alone_is_kept(WEB, lab_site, found)


def test_a_second_line_and_another_day_are_found(lab_site):
    line = f"{judged.STORE}/2026-11-26.json:{json.dumps(DAY)}\n"
    for found in (judged.kept_domains(answering("f 2026-11-26.json\n", line * 2)), kept(DAY, name="2026-11-25.json")):
        with pytest.raises(AssertionError, match="anything but"):
            judged.test_of_names_the_domain_alone_is_kept(WEB, lab_site, found)


def test_counts_and_nothing_else_are_as_promised(lab_site):
    found = kept(DAY, {**DAY, "day": "2026-11-25", "domains": {}, "not_looked_up": 40})
    assert judged.test_of_names_the_domain_alone_is_kept(WEB, lab_site, found) == "2 days, nothing else"
    said = judged.test_no_small_domain_is_shown(WEB, lab_site, RUN, found)
    assert said == "1 domains in 2 days, each of 10 visitors or more"
    assert judged.test_counts_by_domain_are_not_older(WEB, lab_site, RUN, found) == "90 days; oldest: 2026-11-25"


@pytest.mark.parametrize(
    "changed",
    [{"domains": {"example.jp": 9}}, {"domains": {"example.jp": -1}}, {"unknown": 9}, {"not_looked_up": 1}],
    ids=str,
)
def test_a_small_group_is_found_and_not_named(lab_site, changed):
    with pytest.raises(AssertionError, match=r"2026-11-26\.json tells of 1 groups of fewer than 10") as found:
        judged.test_no_small_domain_is_shown(WEB, lab_site, RUN, kept({**DAY, **changed}))
    assert "example.jp" not in str(found.value)


def test_a_day_that_is_not_over_is_found(lab_site):
    with pytest.raises(AssertionError, match="not over"):
        judged.test_no_small_domain_is_shown(WEB, lab_site, RUN, kept({**DAY, "day": "2026-11-27"}))


def test_counts_are_kept_on_their_last_day_and_not_longer(lab_site):
    last = kept({**DAY, "day": "2026-08-29"})
    assert judged.test_counts_by_domain_are_not_older(WEB, lab_site, RUN, last)
    with pytest.raises(AssertionError, match=r"2026-08-28\.json is older than 90 days"):
        judged.test_counts_by_domain_are_not_older(WEB, lab_site, RUN, kept({**DAY, "day": "2026-08-28"}))


def test_where_nothing_is_declared_nothing_may_lie(undeclared, lab_site):
    with pytest.raises(NotApplicable):
        judged.test_of_names_the_domain_alone_is_kept(WEB, undeclared, None)
    with pytest.raises(AssertionError, match="no flow lets it be looked up"):
        judged.test_of_names_the_domain_alone_is_kept(WEB, undeclared, [])
    with pytest.raises(NotEvaluated):
        judged.test_of_names_the_domain_alone_is_kept(WEB, lab_site, None)


# --- who counts -------------------------------------------------------------------------------------------------------


def unit_lines(name):
    text = (content("roles") / "web/templates/etc/systemd/system" / f"{name}.j2").read_text("utf-8")
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


@pytest.fixture
def units(lab_site):
    service, timer = unit_lines(judged.SERVICE), unit_lines(judged.TIMER)
    made = {**dict.fromkeys(judged.CLOSED, ""), **judged.ALWAYS, "FragmentPath": f"{judged.UNITS}/{judged.SERVICE}"}
    made |= {name: service[name] for name in ("User", "ProtectSystem", "StateDirectory")}
    run = f"{{ path={judged.PROGRAM} ; argv[]={judged.command(lab_site)} ; ignore_errors=no ; start_time=[n/a] }}"
    calendar = timer["OnCalendar"].replace("{{ site.time_zone }}", "Asia/Tokyo")
    return {
        judged.SERVICE: {**made, "ExecStart": run, "Result": "success", "ExecMainStartTimestamp": "@1795708800"},
        judged.TIMER: {
            **judged.TIMED, "TimersCalendar": f"{{ OnCalendar={calendar} ; next_elapse=(null) }}",
            "LastTriggerUSec": "@1795708800", "ActiveEnterTimestamp": "@1795000000",
        },
    }  # fmt: skip


def test_what_the_role_writes_holds(lab_site, units):
    said = judged.test_domains_are_counted_by_the_declared_program(WEB, lab_site, units)
    assert said.endswith("azukari-count-domains count 10 90 Asia/Tokyo 198.18.64.10 2001:2:0:64::10")
    assert judged.test_counts_by_domain_are_purged(WEB, lab_site, RUN, units)


@pytest.mark.parametrize(
    "changed",
    [
        {"ExecStart": "argv[]=/bin/true ; ignore_errors=no ;"},
        {"ExecStartPost": "{ path=/bin/cp ; argv[]=/bin/cp a b ; }"},
        {"User": "root"},
        {"ReadWritePaths": "/var/log/nginx"},
        {"DropInPaths": "/etc/systemd/system/azukari-domains.service.d/zz.conf"},
        {"NeedDaemonReload": "yes"},
        {"ProtectSystem": "no"},
    ],
    ids=str,
)
def test_another_program_or_place_is_found(lab_site, units, changed):
    units[judged.SERVICE] |= changed
    with pytest.raises(AssertionError, match=next(iter(changed))):
        judged.test_domains_are_counted_by_the_declared_program(WEB, lab_site, units)


@pytest.mark.parametrize(
    ("unit", "changed", "said"),
    [
        (judged.TIMER, {"ActiveState": "inactive"}, "inactive"),
        (judged.TIMER, {"UnitFileState": "disabled"}, "disabled"),
        (judged.TIMER, {"TimersCalendar": "{ OnCalendar=yearly ; }"}, "yearly"),
        (judged.SERVICE, {"Result": "exit-code"}, "exit-code"),
    ],
)
def test_a_purge_that_does_not_run_is_found(lab_site, units, unit, changed, said):
    units[unit] |= changed
    with pytest.raises(AssertionError, match=said):
        judged.test_counts_by_domain_are_purged(WEB, lab_site, RUN, units)


def test_a_purge_that_ran_too_long_ago_is_found(lab_site, units):
    units[judged.TIMER]["LastTriggerUSec"] = units[judged.SERVICE]["ExecMainStartTimestamp"] = "@1795600000"
    with pytest.raises(AssertionError, match="has not run for"):
        judged.test_counts_by_domain_are_purged(WEB, lab_site, RUN, units)


def test_where_nothing_is_declared_nothing_may_run(undeclared, units):
    for found in ({}, {judged.TIMER: {"ActiveState": "inactive"}}):
        with pytest.raises(NotApplicable):
            judged.test_counts_by_domain_are_purged(WEB, undeclared, RUN, found)
    with pytest.raises(AssertionError, match="runs, though"):
        judged.test_counts_by_domain_are_purged(WEB, undeclared, RUN, units)
    with pytest.raises(NotApplicable):
        judged.test_domains_are_counted_by_the_declared_program(WEB, undeclared, units)
    with pytest.raises(NotApplicable):
        judged.test_what_looks_names_up_is_sandboxed(WEB, undeclared, {})


def test_the_sandbox_has_a_bound(lab_site):
    judge = judged.test_what_looks_names_up_is_sandboxed
    assert judge(WEB, lab_site, {judged.SERVICE: 1.3}) == f"{judged.SERVICE} 1.3"
    for wrong, said in (({judged.SERVICE: 2.6}, r"exposure of 2\.6"), ({}, "not loaded")):
        with pytest.raises(AssertionError, match=said):
            judge(WEB, lab_site, wrong)
