"""Signed drills as a check judges them: the newest of one kind, whole, young, of this policy, and what it came to."""

import re
from datetime import datetime, timedelta
from typing import Any

from azukari.evidence.folder import listed
from azukari.evidence.verifier import fault_of
from azukari.provision.release import policy_digest
from azukari.site import Site
from azukari.verify.authoring import not_evaluated
from azukari.verify.host import RunContext

WHOLE = "the drill, from its beginning to its end"
NO_OLDER = timedelta(days=31)
_LOOKED_AT = 10  # the newest of a name


def drills(site: Site, name: str) -> list[dict[str, Any]]:
    """Return the newest signed drills of a name, each with what its signature says; a forged one is among them."""
    key = site.path / site.contract.contractor.evidence_key
    found: list[dict[str, Any]] = []
    for one in listed(site, "drill"):
        if len(found) == _LOOKED_AT:
            break
        fault = fault_of(one, key)
        said = {} if fault else one.results
        if fault or said.get("drill") == name:
            ended = "" if fault else one.ended.isoformat()
            kept = {what: said.get(what) for what in ("policy", "hosts", "left", "passed")}
            # The list of keys that were tried stays in the drill's own evidence.
            steps = [{what: step[what] for what in ("what", "passed", "said")} for step in said.get("steps") or ()]
            kept["steps"] = None if fault else steps
            found.append({"name": one.name, "fault": fault, "ended": ended, **kept})
    return found


def newest_drill(
    site: Site,
    run: RunContext,
    found: list[dict[str, Any]],
    name: str,
    steps: "re.Pattern[str]",
    hosts: set[str] | None = None,
) -> str:
    """Fail unless the newest drill is signed, whole, young, of this policy, and these steps of it came out well.

    An auditor at whose hand there is none cannot tell: the contractor keeps drills, and hands them over.

    Args:
        site: the declared site.
        run: the run.
        found: as `drills` gives it.
        name: the drill's.
        steps: matches the steps that speak of the promise.
        hosts: on which it has to have been done; all of the site's by default.

    Returns:
        The sentence for the report.

    Raises:
        AssertionError: it is not so; says why.
        NotEvaluated: none is at hand here, and that is no wonder.
    """
    if not found and run.judged_as == "auditor":
        not_evaluated("no drill is at hand here: the contractor keeps them, and hands them over as evidence")
    there = set(site.hosts) if hosts is None else hosts
    return judge(found, name, policy_digest(site), there, run.now, steps)


def judge(
    found: list[dict[str, Any]],
    name: str,
    policy: str,
    hosts: set[str],
    now: datetime,
    steps: "re.Pattern[str]",
) -> str:
    """Fail unless the newest drill is signed, whole, young, of this policy, and these steps of it came out well.

    Args:
        found: as `drills` gives it.
        name: the drill's, as `azukari drill NAME`.
        policy: SHA-256 of the declared policy.
        hosts: on which it has to have been done.
        now: with its time zone.
        steps: matches the steps that speak of the promise.

    Returns:
        The sentence for the report.

    Raises:
        AssertionError: it is not so; says why.
    """
    again = f"run `azukari drill {name}`."
    broken = [f"{one['name']}: {one['fault']}" for one in found if one["fault"]]
    _must(not broken, f"a drill is not what was signed: {'; '.join(broken)}.")
    _must(bool(found), f"the drill was never done; {again}")
    newest = found[0]
    called, age = newest["name"], now - datetime.fromisoformat(newest["ended"])
    _must(
        age <= NO_OLDER,
        f"the newest drill ({called}) is {age.days} days old; promised is one in {NO_OLDER.days}. {again.capitalize()}",
    )
    _must(newest["policy"] == policy, f"the newest drill ({called}) was done under another policy; {again}")
    missing = sorted(hosts - set(newest["hosts"]))
    _must(not missing, f"the newest drill ({called}) left out {', '.join(missing)}; what is there was not looked at.")
    whole = [step for step in newest["steps"] if step["what"] == WHOLE]
    _must(bool(whole), f"the newest drill ({called}) does not say that it was done to its end; {again}")
    _must(whole[0]["passed"], f"the newest drill ({called}) broke off: {whole[0]['said']}")
    spoken = [step for step in newest["steps"] if steps.search(step["what"])]
    failed = [f"{step['what']}: {step['said']}" for step in spoken if not step["passed"]]
    _must(not failed, f"in the newest drill ({called}): {'; '.join(failed)}.")
    _must(bool(spoken), f"the newest drill ({called}) did nothing that speaks of this; {again}")
    return f"{called}, {age.total_seconds() / 3600:.0f} h old: {len(spoken)} steps as promised"


def _must(holds: bool, why: str) -> None:
    if not holds:
        raise AssertionError(why)
