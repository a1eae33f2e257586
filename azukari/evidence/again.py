"""Judges an old run again: today's checks over the facts that were signed then. No server is asked.

Judges are pure and facts are typed, so the verdicts must come out as they were signed. Where they do not, either the
check has changed since, or what was signed as verdict does not follow from what was signed as fact.
"""

import base64
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azukari.content import content
from azukari.errors import InputError
from azukari.evidence.folder import Evidence
from azukari.site import Site
from azukari.verify.authoring import CHECK, Check, Collector
from azukari.verify.channel import Answer, Argv
from azukari.verify.facts import Facts
from azukari.verify.host import CheckHost, RunContext, Vantage
from azukari.verify.judging import Judge
from azukari.verify.snapshot import SITE, Collected, Memory, Snapshot, Wanted
from azukari.verify.waivers import Waivers

_COMMANDS, _COLLECTED = "commands", "collected "


@dataclass(frozen=True)
class Rejudged:
    """One verdict then and now.

    `now` is `not-evaluated` where the signed facts do not carry what the check asks, with the reason in `message`.
    """

    safeguard: str
    check: str
    host: str
    then: str
    now: str
    message: str

    @property
    def same(self) -> bool:
        """Whether the verdict came out as it was signed."""
        return self.then == self.now


def judge_again(evidence: Evidence, site: Site | None, checks: Path | None = None) -> list[Rejudged]:
    """Judge an old run of `verify` again.

    Args:
        evidence: the run; verify it first.
        site: the site as it was declared then; None for a lone host.
        checks: the folder of checks; by default those that this installation carries.

    Raises:
        InputError: the site is not the one of that day.
    """
    if site is not None and site.digest() != evidence.site_digest:
        raise InputError(
            f"The site {site.name} has changed since {evidence.name}; judge again with the site folder of that day."
        )
    known = {f"{function.__module__.rpartition('.')[2]}.py::{function.__name__}": check
             for function, check in _checks(checks or content("checks"))}  # fmt: skip
    snapshot = _recalled(evidence, site, list(known.values()))
    # A waiver was the office's word then; whether it covers today is not what is asked here.
    judge = Judge(snapshot, Waivers())
    return [_again(result, known, judge) for result in evidence.results["results"]]


def _again(result: dict[str, Any], known: dict[str, Check], judge: Judge) -> Rejudged:
    name = result["check"].rpartition("/")[2].partition("[")[0]
    check = known.get(name)
    now, message = "not-evaluated", "there is no such check any more"
    if check is not None:
        judged = judge.judge(Wanted(check, result["host"]))
        now, message = judged.verdict, judged.message
    then = result["verdict"]
    if then == "excepted" and now == "fail":
        now = then
    return Rejudged(result["safeguard"], name, result["host"], then, now, message)


def _checks(folder: Path) -> Iterator[tuple[Any, Check]]:
    """Import the checks' modules by path, leaving no byte code in a folder that may be somebody else's."""
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        for path in sorted(folder.glob("test_*.py")):
            spec = importlib.util.spec_from_file_location(f"azukari_checks_again.{path.stem}", path)
            if spec is None or spec.loader is None:
                raise InputError(f"{path} cannot be read as Python.")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            for function in vars(module).values():
                check = getattr(function, CHECK, None)
                if isinstance(check, Check):
                    yield function, check
    finally:
        sys.dont_write_bytecode = written


def _recalled(evidence: Evidence, site: Site | None, checks: list[Check]) -> Snapshot:
    facts = evidence.facts
    hosts: dict[str, CheckHost] = {}
    for name in evidence.results["hosts"]:
        host = CheckHost(name, site.hosts[name] if site is not None else None, None)
        sections = {key: value for key, value in facts.get(name, {}).items() if not key.startswith(_COLLECTED)}
        answers = dict(_answers(sections.pop(_COMMANDS, None)))
        host.recall(Facts(sections), answers)
        host.give_up(evidence.results["unreachable"].get(name, ""))
        hosts[name] = host
    context = RunContext(now=evidence.started, outside=Vantage("as signed then"), hosts=hosts)
    snapshot = Snapshot(hosts, site, context, Memory(None), lambda _: None)
    collectors = {collector for check in checks for collector in check.collect}
    snapshot.recall(dict(_collected(facts, collectors)))
    return snapshot


def _answers(commands: dict[str, Any] | None) -> Iterator[tuple[Argv, Answer]]:
    for each in (commands or {}).get("value", ()):
        yield tuple(each["command"]), Answer(each["exit_code"], _stream(each, "stdout"), _stream(each, "stderr"))


def _stream(answer: dict[str, Any], name: str) -> bytes:
    text: str | None = answer.get(name)
    return text.encode() if text is not None else base64.b64decode(answer[f"{name}_base64"])


def _collected(facts: dict[str, Any], collectors: set[Collector]) -> Iterator[tuple[tuple[Collector, str], Collected]]:
    for place, sections in facts.items():
        for collector in collectors:
            section = sections.get(_COLLECTED + collector.name)
            if section is None or (collector.scope == "site") != (place == SITE):
                continue
            if section["ok"]:
                yield (collector, place), Collected(value=section["value"])
            elif section.get("not_applicable"):
                yield (collector, place), Collected(not_applicable=section["error"])
            else:
                yield (collector, place), Collected(not_evaluated=section["error"])
