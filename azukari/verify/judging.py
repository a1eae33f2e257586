"""From answers to verdicts: calls a check with what it takes, and turns what comes back into one of five verdicts."""

from dataclasses import dataclass
from typing import Any

from azukari.verify.authoring import Check, NotApplicable, NotEvaluated
from azukari.verify.host import CheckHost, asking
from azukari.verify.redaction import redact_text
from azukari.verify.results import Result, Verdict
from azukari.verify.snapshot import SITE, Snapshot, Wanted, arguments, asker, sentence
from azukari.verify.waivers import Waivers


@dataclass(frozen=True)
class Judged:
    """A verdict with its message, and the error behind it for whoever debugs a check."""

    verdict: Verdict
    message: str
    error: BaseException | None = None


class Judge:
    """Judges checks by one snapshot.

    Args:
        snapshot: the answers.
        waivers: the site's exceptions.
    """

    def __init__(self, snapshot: Snapshot, waivers: Waivers) -> None:
        self._snapshot = snapshot
        self._waivers = waivers

    def judge(self, wanted: Wanted) -> Judged:
        """Return the verdict of a check on a host, or on the site."""
        judged = self._judge_unwaived(wanted)
        if judged.verdict != "fail":
            return judged
        waiver, note = self._waivers.judge(wanted.check.safeguard, wanted.host)
        if waiver:
            return Judged("excepted", f"{waiver} What was found: {judged.message}", judged.error)
        return Judged("fail", f"{judged.message} ({note})", judged.error) if note else judged

    def result(self, wanted: Wanted, name: str, judged: Judged) -> Result:
        """Return the result as it is published.

        Args:
            wanted: what was judged.
            name: the check's name, as FILE::FUNCTION.
            judged: its verdict.
        """
        return Result(
            safeguard=wanted.check.safeguard,
            check=name,
            host=wanted.host,
            vantage=self._vantage(wanted),
            proof=wanted.check.proof,
            verdict=judged.verdict,
            message=redact_text(judged.message),
        )

    def _judge_unwaived(self, wanted: Wanted) -> Judged:
        partial = ""
        try:
            if wanted.host == SITE:
                known, partial = self._known_of_site(wanted.check)
            else:
                known = self._known_of_host(wanted.check, self._snapshot.hosts[wanted.host])
            with asking(asker(wanted.check)):
                said = wanted.check.function(**arguments(wanted.check.function, known))
        except AssertionError as error:
            return Judged("fail", _said(error) or f"{description(wanted.check)}: this does not hold.", error)
        except NotApplicable as why:
            return Judged("not-applicable", str(why))
        except Exception as error:  # noqa: BLE001 - a check that breaks has judged nothing
            return Judged("not-evaluated", partial or sentence(error), error)
        if partial:  # what was seen holds, but not all was seen: never a pass
            return Judged("not-evaluated", partial)
        return Judged("pass", said if isinstance(said, str) and said else description(wanted.check))

    def _known_of_host(self, check: Check, host: CheckHost) -> dict[str, Any]:
        snapshot = self._snapshot
        if host.unreachable:
            raise NotEvaluated(host.unreachable)
        if check.proof == "attempt" and not snapshot.context.attempts:
            raise NotEvaluated("attempts were switched off (--no-attempts)")
        for section in check.sections:
            host.facts[section]
        known = {"host": host, "site": snapshot.site, "run": snapshot.context, "hosts": snapshot.hosts}
        for collector in check.collect:
            place = SITE if collector.scope == "site" else host.name
            known[collector.name] = snapshot.collected(collector, place).get()
        return known

    def _known_of_site(self, check: Check) -> tuple[dict[str, Any], str]:
        """Return what a site-wide check may know, and why that is not all, if so."""
        snapshot = self._snapshot
        if check.proof == "attempt" and not snapshot.context.attempts:
            raise NotEvaluated("attempts were switched off (--no-attempts)")
        missing: dict[str, str] = {}
        reached = {name: host for name, host in snapshot.hosts.items() if not host.unreachable}
        if "hosts" in check.function.__code__.co_varnames:
            missing |= {name: host.unreachable for name, host in snapshot.hosts.items() if host.unreachable}
        known: dict[str, Any] = {"site": snapshot.site, "run": snapshot.context, "hosts": reached}
        for collector in check.collect:
            if collector.scope == "site":
                known[collector.name] = snapshot.collected(collector, SITE).get()
                continue
            found = snapshot.collected_by_host(collector)
            missing |= {name: one.not_evaluated for name, one in found.items() if one.not_evaluated}
            known[collector.name] = {
                name: one.value for name, one in found.items() if not one.not_evaluated and not one.not_applicable
            }
        return known, "; ".join(f"{name}: {why}" for name, why in missing.items())

    def _vantage(self, wanted: Wanted) -> str:
        check, snapshot = wanted.check, self._snapshot
        if check.vantage == "outside" or (check.proof == "attempt" and not check.vantage):
            return snapshot.context.outside.name
        if check.vantage == "controller" or wanted.host == SITE:
            return "the machine that ran azukari"
        return snapshot.hosts[wanted.host].vantage


def description(check: Check) -> str:
    """Return the sentence that says what a check judges: its docstring's first line."""
    documented = (check.function.__doc__ or "").strip().splitlines()
    return documented[0].strip() if documented else check.function.__name__.removeprefix("test_").replace("_", " ")


def _said(error: AssertionError) -> str:
    """Return the author's own sentence; pytest's repetition of the expression behind it is for who debugs a check."""
    said = str(error)
    return said.partition("\nassert ")[0] or said
