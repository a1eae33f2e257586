"""LOSS-10: clocks agree, and follow declared, authenticated sources."""

import time
from datetime import UTC, datetime

from azukari.verify import check, collector, fail_unless_equal, not_evaluated

AGREE_WITHIN = 1.0  # seconds between any host and whoever judges: orders of records and dates of certificates hold
FOLLOWS_WITHIN = 0.1  # seconds from the source, as chrony itself measures
ANSWER_NO_OLDER = 150  # seconds; the answer about authentication is written each minute
NO_SOURCE = {"", "0.0.0.0", "[UNSPEC]"}  # noqa: S104 - chrony's way to say “none”


def promised_sources(site, host):
    """Return the names of the sources that the site declares for a host."""
    bastion = site.group("bastion")[0].name
    if host.name != bastion:
        return [bastion]
    return list(site.upstream.time) if site.upstream else []


@collector()
def authenticated(host):
    """What chrony says of each source's authentication, as it was written down last, and how old that is."""
    answer = host.command("cat /run/azukari-clock/authdata && stat -c %Y /run/azukari-clock/authdata && date +%s")
    lines = answer.stdout.split()
    if answer.exit_code or len(lines) < 2:
        not_evaluated(f"nothing says which sources are authenticated: {answer.stderr.strip()}")
    return {"sources": [line.split(",") for line in lines[:-2]], "age": int(lines[-1]) - int(lines[-2])}


@collector(proof="attempt")
def clock(host, run):
    """The host's clock, read between two looks at our own: [earliest, latest] offset in seconds."""
    before = time.time()
    answer = host.command(["date", "+%s.%N"], fresh=True)
    after = time.time()
    if answer.exit_code:
        not_evaluated(f"date did not answer: {answer.stderr.strip()}")
    shown = float(answer.stdout)
    return [shown - after, shown - before]


@check("LOSS-10", sections=["time"])
def test_sources_are_the_declared_ones(host, site):
    """The clock follows exactly the declared sources, and is synchronised."""
    value = host.facts["time"]
    if not value["installed"]:
        raise AssertionError(f"chrony is not installed on {host.name}; promised is that its clock follows the site's.")
    if value["sources"] is None or value["tracking"] is None:
        raise AssertionError(f"chrony does not answer on {host.name}: {value.get('sources_error')}")
    promised = promised_sources(site, host)
    found = [row[2] for row in value["sources"]]
    fail_unless_equal(
        found=sorted(found), promised=sorted(promised), where=f"chronyc sources on {host.name}", what="sources"
    )
    declared = sorted(line for one in value["files"] for line in one["text"].splitlines() if is_source(line))
    named = sorted(line.split()[1] for line in declared)
    fail_unless_equal(
        found=named, promised=sorted(promised), where="/etc/chrony/chrony.conf", what="sources after a restart"
    )
    return judge_tracking(value["tracking"], bool(promised), site.lab)


def is_source(line):
    """Tell whether a line of chrony's settings names, or lets others name, a source."""
    return line.split()[:1] in (["server"], ["pool"], ["peer"], ["refclock"], ["sourcedir"], ["confdir"], ["include"])


def judge_tracking(tracking, has_sources, lab):
    """Fail unless the clock is synchronised and near its source (chronyc -c tracking: fields of its manual page)."""
    if not tracking or len(tracking[0]) < 14:
        not_evaluated("chronyc tracking gave no answer")
    row = tracking[0]
    if not has_sources:
        assert lab, "no source of time is declared; only a lab may keep its own time (upstream.yml, `time`)"
        return "the lab's own time, stratum " + row[2]
    assert row[13] != "Not synchronised", (
        f"the clock follows nothing (stratum {row[2]}). Where to look: chronyc tracking."
    )
    offset = abs(float(row[4]))
    assert offset <= FOLLOWS_WITHIN, f"the clock is {offset:.3f} s away from {row[1]}; promised is {FOLLOWS_WITHIN} s."
    return f"{offset * 1000:.3f} ms from {row[1]}, stratum {row[2]}"


@check("LOSS-10", sections=["time"], collect=[authenticated])
def test_sources_are_authenticated(host, site, authenticated):
    """Every source proves who it is (NTS), now and after a restart."""
    if authenticated["age"] > ANSWER_NO_OLDER:
        not_evaluated(f"the answer is {authenticated['age']} s old; azukari-clock.timer should write it each minute")
    found = {row[0]: row[1] for row in authenticated["sources"]}
    promised = dict.fromkeys(promised_sources(site, host), "NTS")
    fail_unless_equal(found=found, promised=promised, where=f"chronyc authdata on {host.name}", what="authentication")
    without = [
        line
        for one in host.facts["time"]["files"]
        for line in one["text"].splitlines()
        if line.split()[:1] in (["server"], ["pool"], ["peer"]) and "nts" not in line.split()
    ]
    assert not without, (
        f"these sources would not be authenticated after a restart: {without}. Where to look: /etc/chrony."
    )
    cookies = [row[0] for row in authenticated["sources"] if row[8:9] == ["0"]]
    assert not cookies, (
        f"no keys were obtained from {', '.join(cookies)}: its certificate was refused or it does not answer."
    )
    return f"{len(found)} by NTS" if found else "no source: the lab's own time"


@check("LOSS-10", proof="attempt", collect=[clock])
def test_clock_as_seen_from_outside(host, clock, run):
    """The host's clock agrees with the clock of whoever judges."""
    earliest, latest = clock
    away = 0.0 if earliest <= 0.0 <= latest else min(abs(earliest), abs(latest))
    assert away <= AGREE_WITHIN, (
        f"the clock of {host.name} is {away:.1f} s away from the judge's; promised is {AGREE_WITHIN} s. Where to look: "
        f"chronyc tracking on both."
    )
    return f"within {max(away, (latest - earliest) / 2):.2f} s of the judge's clock at {datetime.now(UTC):%H:%M:%S} UTC"
