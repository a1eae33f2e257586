"""The judges of USE-05, with answers as lab hosts give them and with bad ones."""

import copy
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotApplicable, NotEvaluated
from checks import test_retention as judged

# 00:30 in Tokyo of the 27th: half an hour after midnight yesterday still counts, since the purge may just be running.
MIDNIGHT = datetime(2026, 11, 26, 15, 30, tzinfo=UTC)
NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)  # noon in Tokyo
RUN = SimpleNamespace(now=NOW)
DB = SimpleNamespace(name="db", declared=SimpleNamespace(groups=["db"]))
UNDECLARED = SimpleNamespace(policy=SimpleNamespace(collections=[]))


def row(oldest, form="contact", purpose="reply"):
    return [form, purpose, "key", 3, oldest]


def answers(site, rows, now=NOW):
    return judged.test_answers_are_not_older(DB, site, SimpleNamespace(now=now), rows)


def test_a_value_on_its_last_day_is_kept_by_right(lab_site):
    assert answers(lab_site, [row("2025-11-27")]) == "contact: 365 days; oldest: 2025-11-27"
    assert answers(lab_site, []) == "contact: 365 days; oldest: nothing is kept"
    assert answers(lab_site, [row("2020-01-01", form="another")]).endswith("nothing is kept")


def test_a_value_of_the_day_before_is_found(lab_site):
    with pytest.raises(AssertionError, match="contact holds values of 2025-11-26; promised are 365 days"):
        answers(lab_site, [row("2025-11-26", purpose="reference"), row("2026-11-01")])


def test_shortly_after_midnight_the_purge_has_its_time(lab_site):
    assert answers(lab_site, [row("2025-11-26")], MIDNIGHT)
    with pytest.raises(AssertionError):
        answers(lab_site, [row("2025-11-26")], MIDNIGHT + timedelta(hours=1))
    with pytest.raises(AssertionError):
        answers(lab_site, [row("2025-11-25")], MIDNIGHT)


def test_without_declared_days_there_is_nothing_to_judge():
    with pytest.raises(NotApplicable):
        judged.test_answers_are_not_older(DB, UNDECLARED, RUN, [row("2001-01-01")])
    with pytest.raises(NotApplicable):
        judged.test_accesses_are_not_older(SimpleNamespace(facts={"logs": []}), UNDECLARED, RUN)


def registrations(site, letter=None, reader=None, now=NOW):
    rows = [["letter", int(bool(letter)), letter], ["reader", int(bool(reader)), reader], ["ledger", 0, None]]
    return judged.test_unconfirmed_registrations_are_not_older(DB, site, SimpleNamespace(now=now), rows)


def test_a_registration_waits_on_its_last_day_by_right(lab_site):
    said = "1 wait for their letter, 1 wait for their reader"
    assert registrations(lab_site, "2026-11-20", "2026-11-26") == said
    assert registrations(lab_site) == "0 wait for their letter, 0 wait for their reader"


@pytest.mark.parametrize(("letter", "reader"), [("2026-11-19", None), (None, "2026-11-25")])
def test_a_registration_that_waits_for_longer_is_found(lab_site, letter, reader):
    with pytest.raises(AssertionError, match=r"registrations wait for their (letter|reader) since"):
        registrations(lab_site, letter, reader)


def test_where_it_is_not_told_what_waits_nothing_is_proven(lab_site):
    with pytest.raises(NotEvaluated):
        judged.test_unconfirmed_registrations_are_not_older(DB, lab_site, RUN, [])


def at(*when):
    return int(datetime(*when, tzinfo=UTC).timestamp())


def log(name, born, written, size=100, kind="regular file"):
    return {"path": f"/var/log/nginx/{name}", "kind": kind, "bytes": size, "born": born, "written": written}


LIVE = log("access.log", at(2026, 11, 26, 15, 7), at(2026, 11, 27, 2))
# 2026-08-29 in Tokyo is 90 days before; it began at 15:00 of the 28th in UTC.
LAST_DAY = log("access.log-2026-08-29", at(2026, 8, 28, 15, 6), at(2026, 8, 29, 15, 6))


def accesses(site, *logs):
    host = SimpleNamespace(name="web", facts={"logs": list(logs)})
    return judged.test_accesses_are_not_older(host, site, RUN)


def test_logs_of_the_declared_days_are_kept_by_right(lab_site):
    assert accesses(lab_site, LIVE, LAST_DAY) == "2 files, none from before 2026-08-29"


def test_a_file_without_a_line_is_of_no_age(lab_site):
    assert accesses(lab_site, LIVE, log("error.log-2020-01-01", 1, 1, size=0, kind="regular empty file"))


OLD = {
    "the day before": log("access.log-2026-08-28", at(2026, 8, 28, 14, 59), at(2026, 8, 29)),
    "not rotated for long": log("access.log", at(2026, 7, 1), at(2026, 11, 27, 2)),
    "copied in with its times": log("from-the-old-server.gz", at(2026, 11, 20), at(2026, 5, 1)),
    "copied in, on a file system without births": log("old", 0, at(2026, 5, 1)),
    "no name that rotation knows": log("sub/x", at(2026, 7, 1), at(2026, 7, 1)),
    "a link out of the folder": log("access.log.1", at(2026, 11, 20), at(2026, 11, 20), kind="symbolic link"),
}


@pytest.mark.parametrize("old", OLD.values(), ids=OLD)
def test_a_file_that_may_hold_older_lines_is_found(lab_site, old):
    with pytest.raises(AssertionError, match=r"may hold lines of|is not to be seen"):
        accesses(lab_site, LIVE, LAST_DAY, old)


def test_where_births_or_logs_are_not_seen_nothing_is_proven(lab_site):
    with pytest.raises(NotEvaluated, match="was not seen"):
        accesses(lab_site)
    with pytest.raises(NotEvaluated, match=r"does not tell when .*access\.log was begun"):
        accesses(lab_site, {**LIVE, "born": 0})


# --- the purges -------------------------------------------------------------------------------------------------------


def at_unix(moment):
    return f"@{moment.timestamp():.0f}"


def shown(site, group):
    timer, service = judged.purge_of(group)
    command, account = judged.runs(site, group)
    program = command.split()[0]
    return {
        timer: {
            "Id": timer, "LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled",
            "FragmentPath": f"/etc/systemd/system/{timer}", "DropInPaths": "", "NeedDaemonReload": "no",
            "Unit": service, "TimersCalendar": "{ OnCalendar=*-*-* 00:05:00 Asia/Tokyo ; next_elapse=@1795791900 }",
            "LastTriggerUSec": at_unix(NOW - timedelta(hours=12)),
            "ActiveEnterTimestamp": at_unix(NOW - timedelta(days=40)),
        },
        service: {
            "Id": service, "LoadState": "loaded", "ActiveState": "inactive", "UnitFileState": "static",
            "FragmentPath": f"/etc/systemd/system/{service}", "DropInPaths": "", "NeedDaemonReload": "no",
            "ExecStart": f"{{ path={program} ; argv[]={command} ; ignore_errors=no ; start_time=[n/a] ; status=0/0 }}",
            "User": account, "Result": "success", "ExecMainStartTimestamp": at_unix(NOW - timedelta(hours=12)),
        },
    }  # fmt: skip


JUDGES = {"db": judged.test_the_database_is_purged, "web": judged.test_the_log_is_purged}


@pytest.mark.parametrize("group", JUDGES)
def test_a_living_purge_holds(lab_site, group):
    found, (timer, service) = shown(lab_site, group), judged.purge_of(group)
    said = f"{timer} is alive, and its last run succeeded"
    assert JUDGES[group](DB, lab_site, RUN, found) == said
    found[timer]["LastTriggerUSec"] = found[service]["ExecMainStartTimestamp"] = ""
    found[timer]["ActiveEnterTimestamp"] = at_unix(NOW - timedelta(hours=1))  # begun today
    assert JUDGES[group](DB, lab_site, RUN, found) == said


def test_what_a_purge_runs(lab_site):
    assert judged.runs(lab_site, "web")[0] == "/usr/local/libexec/azukari-forget-log 90 Asia/Tokyo"
    assert judged.runs(lab_site, "db")[0].endswith(
        "FROM site.forget() -c SELECT site.fold() -c VACUUM site.mail_service -c VACUUM site.contact"
    )


LONG_AGO = at_unix(NOW - timedelta(hours=27))
TWICE = "{ path=/a ; argv[]=/a ; ignore_errors=no ; } ; { path=/b ; argv[]=/b ; ignore_errors=no ; }"
DEAD = {
    "stopped": ("timer", {"ActiveState": "inactive"}, "ActiveState"),
    "not at boot": ("timer", {"UnitFileState": "disabled"}, "UnitFileState"),
    "masked": ("timer", {"LoadState": "masked", "UnitFileState": "masked"}, "LoadState"),
    "each year": ("timer", {"TimersCalendar": "{ OnCalendar=*-01-01 00:05:00 Asia/Tokyo ; }"}, "OnCalendar"),
    "another time zone": ("timer", {"TimersCalendar": "{ OnCalendar=*-*-* 00:05:00 UTC ; }"}, "OnCalendar"),
    "no calendar": ("timer", {"TimersCalendar": ""}, "OnCalendar"),
    "starts something else": ("timer", {"Unit": "other.service"}, "what it starts"),
    "a drop-in": ("service", {"DropInPaths": "/run/systemd/system/x.conf"}, "a further file"),
    "another file": ("timer", {"FragmentPath": "/run/systemd/system/x.timer"}, "the file"),
    "another file after a reboot": ("service", {"NeedDaemonReload": "yes"}, "NeedDaemonReload"),
    "another program": ("service", {"ExecStart": "{ path=/a ; argv[]=/bin/true ; ignore_errors=no ; }"}, "ExecStart"),
    "two programs": ("service", {"ExecStart": TWICE}, "ExecStart"),
    "whatever comes of it": ("service", {"ExecStart": "{ argv[]=/bin/true ; ignore_errors=yes ; }"}, "ExecStart"),
    "a condition": ("service", {"ExecCondition": "{ argv[]=/bin/false ; }"}, "ExecCondition"),
    "as root": ("service", {"User": ""}, "the account"),
    "failed": ("service", {"Result": "exit-code"}, "failed"),
    "absent": ("service", {"Result": "", "LoadState": "not-found"}, "failed"),
}


@pytest.mark.parametrize("group", JUDGES)
@pytest.mark.parametrize(("which", "wrong", "said"), DEAD.values(), ids=DEAD)
def test_a_dead_or_altered_purge_is_found(lab_site, group, which, wrong, said):
    found = copy.deepcopy(shown(lab_site, group))
    found[judged.purge_of(group)[which == "service"]].update(wrong)
    with pytest.raises(AssertionError, match=said):
        JUDGES[group](DB, lab_site, RUN, found)


def test_a_purge_that_has_not_run_for_long_is_found(lab_site):
    found, (timer, service) = shown(lab_site, "db"), judged.purge_of("db")
    found[timer]["LastTriggerUSec"] = found[service]["ExecMainStartTimestamp"] = LONG_AGO
    with pytest.raises(AssertionError, match="has not run for 27 hours"):
        judged.test_the_database_is_purged(DB, lab_site, RUN, found)
    with pytest.raises(AssertionError, match="azukari-retention-db"):
        judged.test_the_database_is_purged(DB, lab_site, RUN, {})


def test_only_the_stores_of_a_host_are_asked_for():
    asked = []
    answer = SimpleNamespace(
        exit_code=0, stdout="Id=a.timer\nUnit=a.service\n\nId=a.service\nResult=success\n", stderr=""
    )
    host = SimpleNamespace(declared=DB.declared, command=lambda argv: asked.append(argv) or answer)
    found = judged.purges(host)
    assert found["a.timer"]["Unit"] == "a.service"
    assert asked[0][-2:] == list(judged.purge_of("db"))


# --- what the database forgets ----------------------------------------------------------------------------------------

FORGETS = (
    "BEGIN DELETE FROM site.contact WHERE received < (now() AT TIME ZONE 'Asia/Tokyo')::date - 365;"
    " GET DIAGNOSTICS deleted = ROW_COUNT; form := 'contact'; days := 365; RETURN NEXT;"
    " DELETE FROM site.mail_service WHERE confirmed IS NULL AND"
    " (lettered < (now() AT TIME ZONE 'Asia/Tokyo')::date - 1"
    " OR lettered IS NULL AND received < (now() AT TIME ZONE 'Asia/Tokyo')::date - 7);"
    " GET DIAGNOSTICS deleted = ROW_COUNT; form := 'mail_service'; days := 1; RETURN NEXT;"
    " DELETE FROM site.spent WHERE day < (now() AT TIME ZONE 'Asia/Tokyo')::date - 2; END"
)


def test_the_declared_program_holds(lab_site):
    assert judged.test_the_database_forgets_as_declared(DB, lab_site, FORGETS) == "each form with its declared days"


@pytest.mark.parametrize(
    "other",
    [
        "",
        FORGETS.replace("365", "3650"),
        FORGETS.replace("- 7", "- 70"),
        FORGETS.replace("confirmed IS NULL AND", "confirmed IS NULL AND false AND"),
        FORGETS.replace("Asia/Tokyo", "UTC"),
        FORGETS.replace("BEGIN", "BEGIN RETURN;"),
    ],
)
def test_another_program_is_found(lab_site, other):
    with pytest.raises(AssertionError, match=r"site\.forget"):
        judged.test_the_database_forgets_as_declared(DB, lab_site, other)


def test_segments_that_are_kept_are_found():
    good = {"settings": {"wal_recycle": ["off"], "archive_timeout": ["86400"]}}
    assert judged.test_the_log_of_changes_does_not_keep_it(DB, good)
    for name, value in (("wal_recycle", ["on"]), ("archive_timeout", ["0"]), ("wal_recycle", None)):
        with pytest.raises(AssertionError, match=name):
            judged.test_the_log_of_changes_does_not_keep_it(DB, {"settings": {**good["settings"], name: value}})
