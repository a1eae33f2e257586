"""USE-05: nothing is older than its declared retention; what is due is gone within a day.

Ages are judged as the stores show them now; that it stays so, by the purges' timers. A value that came in on a day is
kept for the declared days after it, in the site's time zone. Backups are not there yet; LOSS-04 is to judge their age.
"""

import json
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from azukari.evidence import drills
from azukari.verify import check, collector, fail_unless_equal, not_applicable, not_evaluated
from azukari.verify.database import asked, catalogues, sealed
from azukari.verify.systemd import moment, shown
from azukari.verify.website import BY_LETTERS, FORM_PATHS, form_paths

# On how many days after its letter's, and after its own where no letter was sent, a registration waits for its reader.
UNCONFIRMED, UNSENT = 1, 7
PURGED_BY = timedelta(hours=1)  # after midnight: the timers are due at 00:05, with ten minutes of chance
LOG, LOGS = "access", "/var/log/nginx"


def kept_days(site, name):
    """Return how many days the policy keeps a collection; None where it declares none."""
    return next((one.retention.days for one in site.policy.collections if one.name == name), None)


def first_kept(site, now, days):
    """Return the first day that may still be there."""
    return (now.astimezone(ZoneInfo(site.settings.time_zone)) - PURGED_BY).date() - timedelta(days=days)


def mails(site):
    """Tell whether the site has registrations, which a letter asks to confirm."""
    return bool(form_paths(site, BY_LETTERS))


# --- ages -------------------------------------------------------------------------------------------------------------


def old_answers(site, now, sealed):
    """Return a sentence for each form of which something is kept past its days."""
    findings = []
    for name in FORM_PATHS:
        received, days = [row[4] for row in sealed if row[0] == name], kept_days(site, name)
        if days and received and min(received) < first_kept(site, now, days).isoformat():
            findings.append(f"{name} holds values of {min(received)}; promised are {days} days")
    return findings


@check("USE-05", hosts="db", collect=[sealed])
def test_answers_are_not_older(host, site, run, sealed):
    """The database holds nothing that came in through a form before its declared days."""
    declared = {name: days for name in FORM_PATHS if (days := kept_days(site, name))}
    if not declared:
        not_applicable("the policy declares no form that is kept for days")
    findings = old_answers(site, run.now, sealed)
    assert not findings, f"{'; '.join(findings)}. Where to look: site.sealed() on {host.name}."
    oldest = min((row[4] for row in sealed if row[0] in declared), default="nothing is kept")
    return f"{', '.join(f'{name}: {days} days' for name, days in declared.items())}; oldest: {oldest}"


@collector()
def waiting(host, site, run):
    """How many registrations wait for their letter, for their reader, and erased ones for the ledger; since when."""
    if not mails(site):
        return []
    rows = "SELECT jsonb_agg(jsonb_build_array(what, registrations, oldest)) FROM site.waiting()"
    [line] = asked(host, [rows])
    return json.loads(line or "[]")


def old_registrations(site, now, waiting):
    """Return a sentence for each kind of registration that nobody confirmed and that is kept past its days."""
    days = {"letter": UNSENT, "reader": UNCONFIRMED}
    return [
        f"registrations wait for their {what} since {oldest}; promised are {days[what]} days"
        for what, _, oldest in waiting
        if what in days and oldest and oldest < first_kept(site, now, days[what]).isoformat()
    ]


@check("USE-05", hosts="db", collect=[waiting])
def test_unconfirmed_registrations_are_not_older(host, site, run, waiting):
    """A registration that nobody confirmed is gone two days after its letter, or a week after itself without one."""
    if not mails(site):
        not_applicable("nobody can register for letters of this site")
    if {what for what, _, _ in waiting} != {"letter", "reader", "ledger"}:
        not_evaluated("the database does not tell what waits")
    findings = old_registrations(site, run.now, waiting)
    assert not findings, f"{'; '.join(findings)}. Where to look: site.waiting() on {host.name}."
    return ", ".join(f"{number} wait for their {what}" for what, number, _ in waiting if what != "ledger")


def oldest_line(one):
    """Return the moment, in seconds since 1970, before which no line of a log was written.

    A log was begun when its file was born; one that was copied in with its times was last written before that.
    """
    return min(one["born"] or one["written"], one["written"])


def old_logs(site, now, logs, days):
    """Return a sentence for each log that may hold a line past its days."""
    zone, first = ZoneInfo(site.settings.time_zone), first_kept(site, now, days)
    findings = []
    for one in logs:
        day = datetime.fromtimestamp(oldest_line(one), zone).date()
        if "regular" not in one["kind"]:
            findings.append(f"{one['path']} is a {one['kind']}: how old its lines are is not to be seen")
        elif one["bytes"] and day < first:
            findings.append(f"{one['path']} may hold lines of {day}; promised are {days} days")
    return findings


@check("USE-05", hosts="web", sections=["logs"])
def test_accesses_are_not_older(host, site, run):
    """The web server's logs hold no line from before the declared days: no file was begun before, or last written."""
    days, logs = kept_days(site, LOG), host.facts["logs"]
    if not days:
        not_applicable(f"the policy declares no days for “{LOG}”")
    if not any(one["path"] == f"{LOGS}/access.log" for one in logs):
        not_evaluated(f"{LOGS}/access.log was not seen")
    findings = old_logs(site, run.now, logs, days)
    assert not findings, f"{'; '.join(findings)}. Where to look: stat {LOGS}/* on {host.name}."
    unknown = [one["path"] for one in logs if one["bytes"] and not one["born"]]
    if unknown:
        not_evaluated(f"the file system does not tell when {unknown[0]} was begun")
    return f"{len(logs)} files, none from before {first_kept(site, run.now, days)}"


# --- the purges -------------------------------------------------------------------------------------------------------

UNITS = "/etc/systemd/system"
OLDEST_RUN = timedelta(hours=26)  # they are daily, with ten minutes of chance; a day may have 25 hours
SHOWN = (
    "Id,LoadState,ActiveState,UnitFileState,Result,FragmentPath,DropInPaths,NeedDaemonReload,ExecStart,ExecStartPre"
    ",ExecCondition,User,TimersCalendar,TimersMonotonic,Unit,LastTriggerUSec,ActiveEnterTimestamp,ExecMainStartTimestamp"
    ",NextElapseUSecRealtime"
)


def purge_of(group):
    """Return the names of a store's purge: its timer and its service."""
    return f"azukari-retention-{group}.timer", f"azukari-retention-{group}.service"


def runs(site, group):
    """Return what a store's purge runs, as which account."""
    if group == "web":
        days = kept_days(site, LOG) or 90
        return f"/usr/local/libexec/azukari-forget-log {days} {site.settings.time_zone}", "www-data"
    tell = "SELECT form || ': ' || deleted || ' values older than ' || days || ' days deleted' FROM site.forget()"
    fold = " -c SELECT site.fold()"
    purged = [
        one.name
        for one in site.policy.collections
        if (one.name == BY_LETTERS and mails(site)) or (one.name in FORM_PATHS and one.retention.days)
    ]
    vacuums = "".join(f" -c VACUUM site.{name}" for name in purged)
    psql = "/usr/lib/postgresql/17/bin/psql --no-psqlrc -qAt --set=ON_ERROR_STOP=1 --dbname=site"
    return f"{psql} -c {tell}{fold}{vacuums}", "azukari-retention"


@collector()
def purges(host):
    """What systemd says of the purges' timers and services, by their names."""
    units = [unit for group in ("db", "web") if group in host.declared.groups for unit in purge_of(group)]
    return shown(host, SHOWN, units)


def argv(shown):
    """Return the command line in systemd's way of showing ExecStart; empty when there is none or more than one."""
    return shown.partition("argv[]=")[2].partition(" ; ignore_errors=no ;")[0] if shown.count("argv[]=") == 1 else ""


def purge_findings(site, group, found, now):
    """Return a sentence for each way in which a store's purge is not the declared one, or does not run."""
    timer_name, service_name = purge_of(group)
    timer, service = found.get(timer_name, {}), found.get(service_name, {})
    command, account = runs(site, group)
    findings = []

    def must_be(unit, what, said, promised):
        if said != promised:
            findings.append(f"{what} of {unit} is “{said or 'nothing'}”, promised is “{promised or 'nothing'}”")

    for unit, said in ((timer_name, timer), (service_name, service)):
        must_be(unit, "LoadState", said.get("LoadState", ""), "loaded")
        must_be(unit, "the file", said.get("FragmentPath", ""), f"{UNITS}/{unit}")
        must_be(unit, "a further file", said.get("DropInPaths", ""), "")
        must_be(unit, "NeedDaemonReload", said.get("NeedDaemonReload", ""), "no")
    must_be(timer_name, "ActiveState", timer.get("ActiveState", ""), "active")
    must_be(timer_name, "UnitFileState", timer.get("UnitFileState", ""), "enabled")
    must_be(timer_name, "what it starts", timer.get("Unit", ""), service_name)
    calendar = timer.get("TimersCalendar", "").partition("OnCalendar=")[2].partition(" ;")[0]
    must_be(timer_name, "OnCalendar", calendar, f"*-*-* 00:05:00 {site.settings.time_zone}")
    must_be(service_name, "ExecStart", argv(service.get("ExecStart", "")), command)
    must_be(service_name, "the account", service.get("User", ""), account)
    for name in ("ExecStartPre", "ExecCondition"):
        must_be(service_name, name, service.get(name, ""), "")
    ran = max(moment(timer.get("LastTriggerUSec")), moment(service.get("ExecMainStartTimestamp")))
    age = now.timestamp() - max(ran, moment(timer.get("ActiveEnterTimestamp")))
    if age > OLDEST_RUN.total_seconds():
        findings.append(f"{service_name} has not run for {age / 3600:.0f} hours")
    if service.get("Result") != "success":
        findings.append(f"the last run of {service_name} failed ({service.get('Result', 'nothing is known of it')})")
    return findings


def judge_purge(host, site, run, purges, group):
    findings = purge_findings(site, group, purges, run.now)
    timer, service = purge_of(group)
    assert not findings, (
        f"{'; '.join(findings)}. Where to look: systemctl status {timer}, journalctl -u {service} on {host.name}."
    )
    return f"{timer} is alive, and its last run succeeded"


@check("USE-05", hosts="db", collect=[purges])
def test_the_database_is_purged(host, site, run, purges):
    """The declared purge of the database is enabled, also after a reboot, ran within 26 hours, and succeeded."""
    return judge_purge(host, site, run, purges, "db")


@check("USE-05", hosts="web", collect=[purges])
def test_the_log_is_purged(host, site, run, purges):
    """The declared purge of the server's log is enabled, also after a reboot, ran within 26 hours, and succeeded."""
    return judge_purge(host, site, run, purges, "web")


# --- what the database forgets ----------------------------------------------------------------------------------------


def forgets(site):
    """Return the program of site.forget(), word by word: what else stood there could spare something."""
    today = f"(now() AT TIME ZONE '{site.settings.time_zone}')::date"
    steps = [
        f"DELETE FROM site.{name} WHERE received < {today} - {days};"  # noqa: S608  compared, never run
        " GET DIAGNOSTICS deleted = ROW_COUNT;"
        f" form := '{name}'; days := {days}; RETURN NEXT;"
        for name in FORM_PATHS
        if (days := kept_days(site, name))
    ]
    if mails(site):
        steps += [
            "DELETE FROM site.mail_service WHERE confirmed IS NULL AND"  # noqa: S608  as above
            f" (lettered < {today} - {UNCONFIRMED} OR lettered IS NULL AND received < {today} - {UNSENT});"
            " GET DIAGNOSTICS deleted = ROW_COUNT;"
            f" form := '{BY_LETTERS}'; days := {UNCONFIRMED}; RETURN NEXT;"
        ]
    steps += [f"DELETE FROM site.spent WHERE day < {today} - 2;"]  # noqa: S608  compared, never run
    return " ".join(["BEGIN", *steps, "END"])


@collector()
def forget_program(host):
    """The program of site.forget() as the database holds it, in single spaces; empty where there is none."""
    [line] = asked(
        host,
        [
            "SELECT coalesce((SELECT regexp_replace(btrim(prosrc, E' \\n'), '[[:space:]]+', ' ', 'g') FROM pg_proc"
            " WHERE oid = to_regprocedure('site.forget()')), '')"
        ],
    )
    return line


@check("USE-05", hosts="db", collect=[forget_program])
def test_the_database_forgets_as_declared(host, site, forget_program):
    """What the purge of the database deletes is, word by word, each form's values past its declared days."""
    fail_unless_equal(
        found=forget_program, promised=forgets(site), where=f"\\sf site.forget on {host.name}", what="site.forget()"
    )
    return "each form with its declared days"


# Who leaves the list is kept until then, and not a moment longer: the row goes, and is not only marked.
# Identifiers, which lead to nobody, wait beside for the erasure ledger (USE-10).
def leaves(site):
    """Return the program of site.unsubscribe(), in single spaces."""
    today = f"(now() AT TIME ZONE '{site.settings.time_zone}')::date"
    return (
        "WITH gone AS ( DELETE FROM site.mail_service WHERE person IN"  # noqa: S608  compared, never run
        " (SELECT person FROM site.mail_service WHERE leave = secret) RETURNING id || earlier AS known),"
        " ids AS (SELECT DISTINCT id FROM gone, unnest(known) AS id),"
        " spent AS (INSERT INTO site.spent (digest, day) SELECT encode(sha256(uuid_send(id)), 'hex'),"
        f" {today} FROM ids ON CONFLICT DO NOTHING)"
        f" INSERT INTO site.erased (id, erased) SELECT id, {today} FROM ids ON CONFLICT DO NOTHING;"
    )


LEFT_STEPS = re.compile(r"^(one click without a cookie|nothing is left of who unsubscribed|to look at the way out)")


@collector()
def leaving_program(host):
    """The program of site.unsubscribe() as the database holds it, in single spaces; empty where there is none."""
    [line] = asked(
        host,
        [
            "SELECT coalesce((SELECT regexp_replace(btrim(prosrc, E' \\n'), '[[:space:]]+', ' ', 'g') FROM pg_proc"
            " WHERE oid = to_regprocedure('site.unsubscribe(text)')), '')"
        ],
    )
    return line


@check("USE-05", hosts="db", collect=[leaving_program])
def test_unsubscribing_erases(host, site, leaving_program):
    """What unsubscribing does is, word by word, to delete all that is kept of the person, and to note identifiers."""
    if not mails(site):
        not_applicable("nobody can register for letters of this site")
    where = f"\\sf site.unsubscribe on {host.name}"
    fail_unless_equal(found=leaving_program, promised=leaves(site), where=where, what="site.unsubscribe()")
    return "all rows of the person"


@collector(scope="site")
def leaving_drills(site):
    """The newest signed letters drills, each with what the signature says of it."""
    return drills.drills(site, "letters")


@check("USE-05", proof="drill", hosts="site", collect=[leaving_drills])
def test_who_unsubscribed_was_gone(site, run, leaving_drills):
    """In the newest drill, one click without a cookie unsubscribed, and no row and no sealed value was left."""
    if not mails(site):
        not_applicable("nobody can register for letters of this site")
    return drills.newest_drill(site, run, leaving_drills, "letters", LEFT_STEPS)


CHANGES_GO = {"wal_recycle": "off", "archive_timeout": "86400"}


@check("USE-05", hosts="db", collect=[catalogues])
def test_the_log_of_changes_does_not_keep_it(host, catalogues):
    """What was deleted does not stay in the log of changes: its segments end each day, and are removed, not reused."""
    found = {name: (catalogues["settings"].get(name) or [None])[0] for name in CHANGES_GO}
    where = f"postgresql.conf, SHOW wal_recycle on {host.name}"
    fail_unless_equal(found=found, promised=CHANGES_GO, where=where, what="settings of the log of changes")
    return "segments end each day and are removed"
