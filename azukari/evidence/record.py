"""What is to be signed: one run, whatever it was, in the same form."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from azukari.verify import Result, RunResult

Kind = Literal["verify", "plan", "drill"]
Outcome = Literal["PASSED", "WARNED", "FAILED"]

_PASSED = {"pass", "excepted"}


@dataclass(frozen=True)
class Record:
    """One run.

    Args:
        kind: what was run.
        subject: the site's name, or the address of a lone host.
        results: what was found, as published; becomes results.json.
        started, ended: with their time zone.
        outcome: PASSED, FAILED, or WARNED where something could not be judged or is to be done.
        hosts: the hosts that were asked.
        facts: what the servers answered, by host; becomes facts.json.
        passed, warned, failed: names of tests, as the test-result predicate has them.
        vantages: from where it was asked and attempted.
        judged_as: with whose identity.
        identity: how the hosts' identity was proven.
        nonce: the auditor's nonce.
    """

    kind: Kind
    subject: str
    results: Mapping[str, Any]
    started: datetime
    ended: datetime
    outcome: Outcome
    hosts: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    passed: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    vantages: tuple[str, ...] = ()
    judged_as: str = "contractor"
    identity: str = ""
    nonce: str | None = None


def of_run(run: RunResult, kind: Kind = "verify") -> Record:
    """Return the record of a run of checks."""
    passed = _names(result for result in run.results if result.verdict in _PASSED)
    warned = _names(result for result in run.results if result.verdict == "not-evaluated")
    failed = _names(result for result in run.results if result.verdict == "fail")
    outcomes: dict[int, Outcome] = {0: "PASSED", 1: "FAILED"}
    return Record(
        kind=kind,
        subject=run.site,
        results=run.published(),
        started=run.started,
        ended=run.ended,
        outcome=outcomes.get(run.exit_code, "WARNED"),
        hosts=tuple(run.hosts),
        facts=run.facts,
        passed=passed,
        warned=warned,
        failed=failed,
        vantages=tuple(sorted({result.vantage for result in run.results})),
        judged_as=run.judged_as,
        identity=run.identity,
        nonce=run.nonce,
    )


def of_plan(
    site: str,
    hosts: Iterable[str],
    changes: Iterable[tuple[str, str]],
    started: datetime,
    *,
    whole: bool,
    rolled_back: Iterable[str] = (),
    new: Iterable[str] = (),
    left: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Record:
    """Return the record of a plan that ends now.

    Args:
        site: its name.
        hosts: the hosts that were asked.
        changes: (host, task) for each task that an apply would change.
        started: when it began, with its time zone.
        whole: whether no limit, tag or domain was asked for; domains whose keys are elsewhere are in `left`.
        rolled_back: sentences on changes that a host had undone by itself.
        new: hosts freshly installed, whose changes cannot be foreseen.
        left: trust domains that were left out, and why.
        facts: what goes with it, such as differences; redacted before it is signed.
    """
    hosts = tuple(hosts)
    ended = datetime.now(UTC)
    changed = sorted(changes)
    found: dict[str, Any] = {
        "site": site,
        "started": started.isoformat(),
        "ended": ended.isoformat(),
        "hosts": list(hosts),
        "whole": whole,
        "changes": [{"host": host, "task": task} for host, task in changed],
        "new": sorted(new),
        "left": dict(left or {}),
        "rolled_back": list(rolled_back),
    }
    unsettled = {host for host, _ in changed} | set(found["new"])
    outcome: Outcome = "FAILED" if found["rolled_back"] else "WARNED" if unsettled else "PASSED"
    return Record(
        kind="plan",
        subject=site,
        results=found,
        started=started,
        ended=ended,
        outcome=outcome,
        hosts=hosts,
        facts=facts or {},
        passed=tuple(f"no change on {host}" for host in hosts if host not in unsettled),
        warned=tuple(f"no change on {host}" for host in hosts if host in unsettled),
        vantages=("controller",),
        identity="host certificates of the site's own CAs",
    )


def of_drill(
    site: str,
    drill: str,
    hosts: Iterable[str],
    steps: Iterable[Mapping[str, Any]],
    started: datetime,
    ended: datetime,
    *,
    policy: str,
    left: Mapping[str, str] | None = None,
) -> Record:
    """Return the record of a drill.

    Args:
        site: its name.
        drill: the drill's name.
        hosts: the hosts on which it was done.
        steps: each with `what`, `passed` and `said`, and where keys were tried `tried`: of each its `path`, `kind`, the
            values that it `opens`, and `said`; no personal information, no mark, no secret.
        started, ended: with their time zone.
        policy: SHA-256 of the declared policy under which it was done.
        left: trust domains that were left out, and why.
    """
    hosts, done = tuple(hosts), [dict(step) for step in steps]
    passed = bool(done) and all(step["passed"] for step in done)
    found: dict[str, Any] = {
        "site": site,
        "drill": drill,
        "policy": policy,
        "started": started.isoformat(),
        "ended": ended.isoformat(),
        "hosts": list(hosts),
        "left": dict(left or {}),
        "passed": passed,
        "steps": done,
    }
    return Record(
        kind="drill",
        subject=site,
        results=found,
        started=started,
        ended=ended,
        outcome="PASSED" if passed else "FAILED",
        hosts=hosts,
        passed=tuple(step["what"] for step in done if step["passed"]),
        failed=tuple(step["what"] for step in done if not step["passed"]),
        vantages=("controller",),
        identity="host certificates of the site's own CAs",
    )


def _names(results: Iterable[Result]) -> tuple[str, ...]:
    return tuple(sorted(f"{result.safeguard} {result.check}[{result.host}]" for result in results))
