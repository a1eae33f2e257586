"""USE-01, USE-05, USE-08, LEAK-29: of visitors' names nothing is kept but how many came from each internet domain.

Names are looked up in the night, once for each visitor of the day that is over. What is kept may be published, so that
the audit reads it like anybody; what lies there in another shape is named here and not repeated.
"""

import json
import re
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from azukari.verify import check, collector, fail_unless_equal, not_applicable, not_evaluated
from azukari.verify.systemd import exposures, moment, shown

STORE, PROGRAM = "/var/lib/azukari-domains", "/usr/local/libexec/azukari-count-domains"
TIMER, SERVICE, UNITS = "azukari-domains.timer", "azukari-domains.service", "/etc/systemd/system"
OTHERS = ("unknown", "not_looked_up")  # beside the domains; null where they are few
FILE = re.compile(r"(\d{4}-\d\d-\d\d)\.json")
# A name that a registry may have given out: letters, digits and hyphens, and at least one dot (RFC 1123 section 2.1).
DOMAIN = re.compile(r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
COUNTED_BY = timedelta(hours=3)  # the timer is due at 01:00, with half an hour of chance, and asks for an hour at most
OLDEST_RUN = timedelta(hours=26)


def counts(site, host):
    """Tell whether a web server is to count by domain: the policy declares it, and a flow lets it ask the resolver."""
    bastion = site.group("bastion")[0].name
    asks = [f for f in site.flows_out(host.name) if f.to_name == bastion and (f.protocol, f.port) == ("tcp", 53)]
    return bool(asks) and "domain" in {i.name for c in site.policy.collections if c.name == "access" for i in c.items}


def kept_days(site):
    """Return for how many days accesses are kept."""
    return next((one.retention.days for one in site.policy.collections if one.name == "access"), None) or 90


# --- what is kept -----------------------------------------------------------------------------------------------------


def day_of(text):
    """Return what a file says of a day; None where it says anything else, or anything more."""
    try:
        said = json.loads(text)
        numbers = [*said["domains"].values(), *(said[one] for one in OTHERS if said[one] is not None)]
        good = sorted(said) == sorted(["day", "domains", *OTHERS]) and all(type(one) is int for one in numbers)
        date.fromisoformat(said["day"])
        return said if good and all(DOMAIN.fullmatch(one) for one in said["domains"]) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


@collector()
def kept_domains(host):
    """What lies where counts by domain are kept: [{kind, name, said}]; None where there is no such folder."""
    listed = host.command(["find", STORE, "-mindepth", "1", "-printf", "%y %P\n"])
    if listed.exit_code:
        if "No such file or directory" in listed.stderr:
            return None
        not_evaluated(f"{STORE} cannot be read: {listed.stderr.strip()}")
    read = host.command(["grep", "-rH", "", STORE])  # 1: not a line in it
    if read.exit_code > 1:
        not_evaluated(f"{STORE} cannot be read: {read.stderr.strip()}")
    texts = {}
    for line in read.stdout.splitlines():
        path, _, text = line.partition(":")
        texts.setdefault(path, []).append(text)
    return [told(kind, name, texts.get(f"{STORE}/{name}", [])) for kind, _, name in split(listed.stdout)]


def split(listed):
    return sorted(line.partition(" ") for line in listed.splitlines())


def told(kind, name, texts):
    """Return what may be told of one thing there: neither a name nor a text that is not of the declared shape."""
    said = day_of(texts[0]) if len(texts) == 1 else None
    match = FILE.fullmatch(name)
    if not match or kind != "f" or said is None or said["day"] != match[1]:
        return {"kind": kind, "name": name if match else "", "said": None}
    return {"kind": kind, "name": name, "said": said}


def foreign(kept):
    """Return a sentence for each thing there that is not the counts of a day."""
    found = [f"{one['name']} says anything but a day's counts" for one in kept if one["name"] and one["said"] is None]
    others = sum(not one["name"] for one in kept)
    return found + ([f"{others} other things lie there"] if others else [])


def small(kept, least):
    """Return a sentence for each day of which a group is told that is too small."""
    findings = []
    for one in kept:
        said = one["said"] or {"domains": {}, **dict.fromkeys(OTHERS)}
        few = sum(number < least for number in said["domains"].values())
        few += sum(said[name] is not None and said[name] != 0 and said[name] < least for name in OTHERS)
        findings += [f"{one['name']} tells of {few} groups of fewer than {least}"] if few else []
    return findings


def only_where_declared(site, host, kept):
    """Fail where counts lie that nobody declared; say that there is nothing to judge where there are none."""
    if counts(site, host):
        if kept is None:
            not_evaluated(f"{STORE} is not there")
        return
    assert kept is None, (
        f"{STORE} is there, though the policy declares no domain or no flow lets it be looked up. "
        f"Where to look: {STORE} on {host.name}."
    )
    not_applicable("the policy declares no domain, or no flow lets it be looked up")


@check("USE-01", hosts="web", collect=[kept_domains])
def test_of_names_the_domain_alone_is_kept(host, site, kept_domains):
    """Of visitors' names, counts by internet domain alone are kept: no name of a host, and no address beside one."""
    only_where_declared(site, host, kept_domains)
    found = foreign(kept_domains)
    assert not found, f"{'; '.join(found)}. Where to look: {STORE} on {host.name}."
    return f"{len(kept_domains)} days, nothing else"


@check("USE-08", hosts="web", collect=[kept_domains])
def test_no_small_domain_is_shown(host, site, run, kept_domains):
    """What is kept, and shown, of internet domains is groups of k and more visitors, of days that are over."""
    only_where_declared(site, host, kept_domains)
    least = site.policy.statistics.smallest_group
    today = run.now.astimezone(ZoneInfo(site.settings.time_zone)).date().isoformat()
    found = small(kept_domains, least)
    found += [f"{one['name']} is of a day that is not over" for one in kept_domains if one["name"][:10] >= today]
    assert not found, f"{'; '.join(found)}. Where to look: {STORE} on {host.name}."
    groups = sum(len(one["said"]["domains"]) for one in kept_domains if one["said"])
    return f"{groups} domains in {len(kept_domains)} days, each of {least} visitors or more"


@check("USE-05", hosts="web", collect=[kept_domains])
def test_counts_by_domain_are_not_older(host, site, run, kept_domains):
    """Counts by internet domain are kept for the days of the accesses that they were made from."""
    only_where_declared(site, host, kept_domains)
    days = kept_days(site)
    now = run.now.astimezone(ZoneInfo(site.settings.time_zone))
    first = ((now - COUNTED_BY).date() - timedelta(days=days)).isoformat()
    old = [one["name"] for one in kept_domains if one["name"] and one["name"][:10] < first]
    assert not old, f"{', '.join(old)} is older than {days} days. Where to look: {STORE} on {host.name}."
    return f"{days} days; oldest: {min((one['name'][:10] for one in kept_domains), default='nothing is kept')}"


# --- who counts -------------------------------------------------------------------------------------------------------

ALWAYS = {"LoadState": "loaded", "DropInPaths": "", "NeedDaemonReload": "no"}
# What else it would run, or could write: it could keep names then.
CLOSED = {
    **ALWAYS, "FragmentPath": f"{UNITS}/{SERVICE}", "User": "www-data", "ProtectSystem": "strict", "ReadWritePaths": "",
    "StateDirectory": "azukari-domains", "ExecCondition": "", "ExecStartPre": "", "ExecStartPost": "", "ExecStop": "",
    "ExecStopPost": "",
}  # fmt: skip
TIMED = {
    **ALWAYS, "FragmentPath": f"{UNITS}/{TIMER}", "Unit": SERVICE, "ActiveState": "active", "UnitFileState": "enabled",
}  # fmt: skip
LAST = "Result,TimersCalendar,ExecStart,LastTriggerUSec,ActiveEnterTimestamp,ExecMainStartTimestamp"


@collector()
def domain_units(host):
    """What systemd says of what counts by domain, and of its timer."""
    return shown(host, ",".join(["Id", *dict.fromkeys([*CLOSED, *TIMED]), LAST]), [SERVICE, TIMER])


def command(site):
    """Return what is run."""
    bastion = site.group("bastion")[0]
    servers = " ".join(str(a) for a in (bastion.address, bastion.address6) if a)
    least = site.policy.statistics.smallest_group
    return f"{PROGRAM} count {least} {kept_days(site)} {site.settings.time_zone} {servers}"


def argv(said):
    """Return the one command line of an ExecStart; empty where there is none, or more than one."""
    return said.partition("argv[]=")[2].partition(" ; ignore_errors=no ;")[0] if said.count("argv[]=") == 1 else ""


@check("USE-08", hosts="web", collect=[domain_units])
def test_domains_are_counted_by_the_declared_program(host, site, domain_units):
    """What looks names up is the declared program alone, which can write counts by domain and nothing else."""
    if not counts(site, host):
        not_applicable("the policy declares no domain, or no flow lets it be looked up")
    said = domain_units.get(SERVICE, {})
    found = {**{name: said.get(name, "") for name in CLOSED}, "ExecStart": argv(said.get("ExecStart", ""))}
    where = f"systemctl show {SERVICE} on {host.name}"
    fail_unless_equal(found=found, promised={**CLOSED, "ExecStart": command(site)}, where=where, what=SERVICE)
    return command(site)


@check("USE-05", hosts="web", collect=[domain_units])
def test_counts_by_domain_are_purged(host, site, run, domain_units):
    """What counts by domain, and deletes what is past its days, is enabled, ran within 26 hours, and succeeded."""
    if not counts(site, host):
        assert domain_units.get(TIMER, {}).get("ActiveState") != "active", (
            f"{TIMER} runs, though the policy declares no domain. See systemctl status {TIMER} on {host.name}."
        )
        not_applicable("the policy declares no domain, or no flow lets it be looked up")
    timer, service = domain_units.get(TIMER, {}), domain_units.get(SERVICE, {})
    calendar = timer.get("TimersCalendar", "").partition("OnCalendar=")[2].partition(" ;")[0]
    found = {name: timer.get(name, "") for name in TIMED} | {
        "OnCalendar": calendar,
        "Result": service.get("Result", ""),
    }
    promised = {**TIMED, "OnCalendar": f"*-*-* 01:00:00 {site.settings.time_zone}", "Result": "success"}
    where = f"systemctl status {TIMER}, journalctl -u {SERVICE} on {host.name}"
    fail_unless_equal(found=found, promised=promised, where=where, what=TIMER)
    ran = max(moment(timer.get("LastTriggerUSec")), moment(service.get("ExecMainStartTimestamp")))
    hours = (run.now.timestamp() - max(ran, moment(timer.get("ActiveEnterTimestamp")))) / 3600
    assert hours <= OLDEST_RUN.total_seconds() / 3600, f"{SERVICE} has not run for {hours:.0f} hours. See {where}."
    return f"{TIMER} is alive, and its last run succeeded"


@collector()
def sandbox(host):
    """How open the service is that asks for visitors' names."""
    return exposures(host, [SERVICE])


@check("LEAK-29", hosts="web", collect=[sandbox])
def test_what_looks_names_up_is_sandboxed(host, site, sandbox):
    """What asks for visitors' names, and reads what strangers answer, runs in a sandbox."""
    if not counts(site, host):
        not_applicable("the policy declares no domain, or no flow lets it be looked up")
    score = sandbox.get(SERVICE)
    assert score is not None, f"{SERVICE} is not loaded, so nothing of it is sandboxed. See systemctl on {host.name}."
    assert score <= 2.5, f"{SERVICE} has an exposure of {score}; the bound is 2.5. See systemd-analyze on {host.name}."
    return f"{SERVICE} {score}"
