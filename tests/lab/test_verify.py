"""`azukari verify` on real servers: what it says, how long it takes, and that it leaves them as they were."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from azukari.lab import Lab
from azukari.ssh.config import CONNECT_TIMEOUT
from azukari.verify.results import SCHEMA
from tests import provisioned
from tests.machine import slower

pytestmark = pytest.mark.lab

Verdicts = dict[tuple[str, str], str]


@pytest.fixture(scope="module")
def lab(provisioned_lab: Lab) -> Lab:
    """The lab without the traces of earlier tests."""
    provisioned_lab.reset(list(provisioned.site().hosts))
    return provisioned_lab


def verdicts(document: str) -> Verdicts:
    return {(one["check"], one["host"]): one["verdict"] for one in json.loads(document)["results"]}


def told(document: str, place: tuple[str, str]) -> str:
    """Return what a run said of one check at one host."""
    said = [
        f"{r['verdict']}: {r['message']}" for r in json.loads(document)["results"] if place == (r["check"], r["host"])
    ]
    return said[0] if said else "nothing"


@pytest.fixture(scope="module")
def judged(lab: Lab) -> subprocess.CompletedProcess[str]:
    """A plan, and then a run over the whole lab."""
    provisioned.azukari("plan", timeout=300)
    return provisioned.azukari("verify", "--json", "-", timeout=120)


def test_a_provisioned_site_holds(judged: subprocess.CompletedProcess[str]) -> None:
    results = json.loads(judged.stdout)["results"]
    red = [f"{one['check']} {one['host']}: {one['message']}" for one in results if one["verdict"] == "fail"]
    assert not red, "\n".join(red)
    assert judged.returncode in {0, 2}
    assert {one["host"] for one in results} == {*provisioned.site().hosts, "site"}


def test_an_old_run_is_judged_again_as_it_was(judged: subprocess.CompletedProcess[str]) -> None:
    again = provisioned.azukari("evidence", "judge", timeout=120)
    assert again.returncode == 0, again.stdout
    count = len(json.loads(judged.stdout)["results"])
    assert f"{count} of {count} verdicts" in again.stdout


def test_the_results_follow_the_published_schema(judged: subprocess.CompletedProcess[str]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(json.loads(judged.stdout), json.loads(SCHEMA.read_text()))


def test_seven_hosts_take_at_most_15_seconds(lab: Lab, judged: subprocess.CompletedProcess[str]) -> None:
    before = slower()
    again = provisioned.azukari("verify", "--json", "-", timeout=120)
    times = (before + slower()) / 2
    seconds = min(json.loads(one.stdout)["seconds"] for one in (judged, again))
    assert seconds <= 15.0 * times, f"{seconds} s, on a machine that is slower {times:.2f} times"


def test_plain_pytest_gives_the_same_verdicts(judged: subprocess.CompletedProcess[str], tmp_path: Path) -> None:
    written = tmp_path / "results.json"
    site = provisioned.environment()["AZUKARI_SITE"]
    arguments = ["checks", f"--site={site}", f"--azukari-json={written}", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=provisioned.REPOSITORY,
        env=provisioned.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    by_pytest, by_verify = written.read_text(), judged.stdout
    differing = {place for place, _verdict in set(verdicts(by_pytest).items()) ^ set(verdicts(by_verify).items())}
    assert not [(place, told(by_pytest, place), told(by_verify, place)) for place in sorted(differing)]


def test_the_auditor_asks_with_an_own_key_and_nonce(lab: Lab) -> None:
    done = provisioned.azukari(
        "verify", "--as", "auditor", "--nonce", "hana-7", "--limit", "web", "--safeguard", "LEAK-10", "--json", "-"
    )
    found = json.loads(done.stdout)
    assert (found["judged_as"], found["nonce"], found["hosts"]) == ("auditor", "hana-7", ["web"])
    assert {one["verdict"] for one in found["results"]} == {"pass"}


def test_attempts_can_be_left_out_and_are_then_not_evaluated(lab: Lab) -> None:
    found = json.loads(provisioned.azukari("verify", "--no-attempts", "--limit", "web", "--json", "-").stdout)
    attempts = {one["verdict"] for one in found["results"] if one["proof"] == "attempt"}
    assert attempts == {"not-evaluated"}
    assert "pass" in {one["verdict"] for one in found["results"] if one["proof"] == "ask"}


@pytest.fixture
def db_without_network(lab: Lab) -> Iterator[None]:
    lab.run("db", ["ip", "link", "set", "host0", "down"])
    try:
        yield
    finally:
        lab.run("db", ["ip", "link", "set", "host0", "up"])
        lab.reset("db")


@pytest.mark.parametrize("hangups", [signal.SIG_DFL, signal.SIG_IGN], ids=["", "under-nohup"])
def test_an_unreachable_host_costs_its_timeout_and_holds_up_nobody(
    judged: subprocess.CompletedProcess[str], db_without_network: None, hangups: signal.Handlers
) -> None:
    usual = json.loads(judged.stdout)["seconds"]
    before = signal.signal(signal.SIGHUP, hangups)  # what is started inherits that it is ignored
    try:
        done = provisioned.azukari("verify", "--no-attempts", "--limit", "db,app", "--json", "-", timeout=120)
    finally:
        signal.signal(signal.SIGHUP, before)
    found = json.loads(done.stdout)
    assert set(found["unreachable"]) == {"db"}
    of_db = [one for one in found["results"] if one["host"] == "db"]
    assert {one["verdict"] for one in of_db} == {"not-evaluated"}
    assert "pass" in {one["verdict"] for one in found["results"] if one["host"] == "app"}
    # What was slow, if anything was: a message says after how many seconds a host or a command was given up.
    given_up = {
        (one["host"], one["message"]) for one in found["results"] if one["verdict"] in ("fail", "not-evaluated")
    }
    assert found["seconds"] <= usual + CONNECT_TIMEOUT, given_up
    assert done.returncode in {1, 2}


# What may differ after an audit: these logs grow by a line for each login and question…
LOGS = (
    "/var/log/journal/",
    "/var/log/wtmp",
    "/var/log/lastlog",
    "/var/lib/lastlog/",
    "/var/log/nginx/",
    "/var/log/squid/",
)
# …and this changes by itself while time goes on, with or without an audit.
BY_ITSELF = (
    "/var/lib/chrony/",
    "/var/lib/systemd/timers/",
    "/var/lib/systemd/timesync/",
    "/var/lib/apt/",
    "/var/cache/apt/",
    "/var/lib/private/",
    "/var/log/private/",
)
SURVEY = r"""
find / -xdev -printf '%y %m %U %G %s %T@ %p\n' | sort -k7
find /tmp /var/tmp /dev/shm -mindepth 1 -printf '%y %m %U %G %s %p\n' 2>/dev/null | sort
sha256sum /etc/passwd /etc/group /etc/shadow /etc/gshadow
"""
UNITS = "systemctl list-units --all --plain --no-legend --no-pager | awk '{print $1, $2, $4}' | sort"
PASSING = ("azukari-facts@", "session-", "user@", "user-runtime-dir@", "user-", "run-user-", "init.scope")


def survey(lab: Lab, host: str) -> tuple[set[str], set[str]]:
    """Return the tree and accounts, and the units, of a host, without what may differ."""
    tree = lab.run(host, ["/bin/sh", "-c", SURVEY], timeout=120).stdout.decode(errors="replace").splitlines()
    units = lab.run(host, ["/bin/sh", "-c", UNITS], timeout=60).stdout.decode(errors="replace").splitlines()
    assert len(tree) > 5000
    assert len(units) > 20
    left = (*LOGS, *BY_ITSELF)
    kept = {line for line in tree if not any(name in line or line.endswith(name.rstrip("/")) for name in left)}
    kept = {line for line in kept if not line.endswith((" /tmp", " /var/tmp", " /run"))}  # services had theirs there
    return kept, {line for line in units if not line.startswith(PASSING)}


def test_an_audit_leaves_the_server_as_it_was(lab: Lab) -> None:
    hosts = ("bastion", "web", "vault")
    for host in hosts:  # started by a question of an earlier test, it would end by itself while this one looks
        lab.run(host, ["systemctl", "stop", "systemd-hostnamed.service"])
    before = {host: survey(lab, host) for host in hosts}
    provisioned.azukari("verify", "--as", "auditor", "--limit", ",".join(hosts), timeout=120)
    end = time.monotonic() + 90  # sessions end at once, what D-Bus started to answer a question within half a minute
    while any(survey(lab, host) != before[host] for host in hosts) and time.monotonic() < end:
        time.sleep(5)
    for host in hosts:
        tree, units = survey(lab, host)
        assert tree ^ before[host][0] == set(), host
        assert units ^ before[host][1] == set(), host
