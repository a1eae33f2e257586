"""Asks all hosts at once, before anything is judged: facts, what was asked last time, and the collectors.

Each host goes its own way: one that does not answer costs its connect timeout and holds up nobody.
"""

import concurrent.futures
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azukari.errors import AzukariError
from azukari.site import Site
from azukari.verify.authoring import Check, Collector, NotApplicable, NotEvaluated
from azukari.verify.channel import Argv
from azukari.verify.host import CheckHost, RunContext, asking

SITE = "site"  # the host of site-wide verdicts
COLLECTORS_AT_ONCE = 16
COLLECTING_SECONDS = 120.0  # for all collectors together; what is later is not evaluated

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Collected:
    """What a collector gave: a value, or why there is none."""

    value: Any = None
    not_applicable: str = ""
    not_evaluated: str = ""

    def get(self) -> Any:
        """Return the value, or raise the verdict that takes its place."""
        if self.not_applicable:
            raise NotApplicable(self.not_applicable)
        if self.not_evaluated:
            raise NotEvaluated(self.not_evaluated)
        return self.value


@dataclass(frozen=True)
class Wanted:
    """A check that is to be judged on a host, or on the site."""

    check: Check
    host: str


class Memory:
    """What was asked last time, by host and by who asked; a file that may be lost without harm.

    Args:
        path: the file; None remembers nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, dict[str, list[list[str]]]] = {}
        if path is not None and path.exists():
            try:
                self._known = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                self._known = {}

    def batch(self, host: str, askers: Iterable[str]) -> list[Argv]:
        """Return, without doubles, what these askers asked of this host last time."""
        known = self._known.get(host, {})
        return list(dict.fromkeys(tuple(argv) for asker in askers for argv in known.get(asker, ())))

    def keep(self, hosts: Iterable[CheckHost], askers: Mapping[str, set[str]]) -> None:
        """Remember what the askers of this run asked; what others asked before stays."""
        if self._path is None:
            return
        for host in hosts:
            if host.unreachable:
                continue
            known = self._known.setdefault(host.name, {})
            for asker in askers.get(host.name, ()):
                known[asker] = [list(argv) for argv in host.asked.get(asker, ())]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        new.write_text(json.dumps(self._known), encoding="utf-8")
        new.replace(self._path)


class Snapshot:
    """All answers of one run.

    Args:
        hosts: by name.
        site: None when a lone host is judged.
        context: what collectors may know of the run.
        memory: what was asked last time.
        progress: told what goes on, as clauses.
    """

    def __init__(
        self, hosts: Mapping[str, CheckHost], site: Site | None, context: RunContext, memory: Memory, progress: Progress
    ) -> None:
        self.hosts = hosts
        self.site = site
        self.context = context
        self._memory = memory
        self._progress = progress
        self._collected: dict[tuple[Collector, str], Collected] = {}
        self._askers: dict[str, set[str]] = {}

    def take(self, wanted: Iterable[Wanted]) -> None:
        """Ask everything that the wanted checks need."""
        wanted = list(wanted)
        collectors = self._collectors(wanted)
        askers = {name: {asker(one) for one in collectors.get(name, ())} for name in self.hosts}
        for one in wanted:
            if one.host in askers:
                askers[one.host].add(asker(one.check))
        self._askers = askers
        self._progress(f"asking {len(self.hosts)} host{'s' if len(self.hosts) != 1 else ''}")
        to_ask = [host for host in self.hosts.values() if not host.unreachable]
        for host in to_ask:
            host.expect()
        pool = concurrent.futures.ThreadPoolExecutor(COLLECTORS_AT_ONCE, thread_name_prefix="collector")
        # Those of the site begin at once: most wait for refusals, and what they want of a host waits for its answer.
        pending = {pool.submit(self._collect, one, None): (one, SITE) for one in collectors.get(SITE, ())}
        with concurrent.futures.ThreadPoolExecutor(max(1, len(to_ask)), thread_name_prefix="host") as ways:
            asked = {ways.submit(host.ask, self._memory.batch(host.name, askers[host.name])): host for host in to_ask}
            for way in concurrent.futures.as_completed(asked):
                way.result()
                host = asked[way]
                pending |= {pool.submit(self._collect, c, host): (c, host.name) for c in collectors.get(host.name, ())}
        self._progress("collecting")
        finished, late = concurrent.futures.wait(pending, timeout=COLLECTING_SECONDS)
        self._collected = {pending[done]: done.result() for done in finished}
        for unfinished in late:
            self._collected[pending[unfinished]] = Collected(
                not_evaluated=f"no answer within {COLLECTING_SECONDS:.0f} s"
            )
        pool.shutdown(wait=False, cancel_futures=True)

    def recall(self, collected: Mapping[tuple[Collector, str], Collected]) -> None:
        """Take what was collected from an older run's evidence, in place of asking now."""
        self._collected = dict(collected)

    def collected(self, collector: Collector, host: str) -> Collected:
        """Return what a collector gave for a host, or for the site."""
        silent = self.hosts[host].unreachable if host in self.hosts else ""
        missing = Collected(not_evaluated=silent or f"{collector.name} did not run")
        return self._collected.get((collector, host), missing)

    def all_collected(self) -> Iterable[tuple[tuple[Collector, str], Collected]]:
        """Return everything that was collected, by (collector, host)."""
        return self._collected.items()

    def collected_by_host(self, collector: Collector) -> dict[str, Collected]:
        """Return what a collector gave, for each host."""
        return {name: self.collected(collector, name) for name in self.hosts}

    def close(self) -> None:
        """Remember what was asked."""
        self._memory.keep(self.hosts.values(), self._askers)

    def _collectors(self, wanted: Iterable[Wanted]) -> dict[str, list[Collector]]:
        """Return which collectors run for which host, without doubles."""
        found: dict[str, dict[Collector, None]] = {}
        for one in wanted:
            for collector in one.check.collect:
                places = [SITE] if collector.scope == "site" else [one.host] if one.host != SITE else list(self.hosts)
                for place in places:
                    found.setdefault(place, {})[collector] = None
        return {place: list(collectors) for place, collectors in found.items()}

    def _collect(self, collector: Collector, host: CheckHost | None) -> Collected:
        if collector.proof == "attempt" and not self.context.attempts:
            return Collected(not_evaluated="attempts were switched off (--no-attempts)")
        if host is not None and host.unreachable:
            return Collected(not_evaluated=host.unreachable)
        known = {"host": host, "site": self.site, "run": self.context}
        try:
            with asking(asker(collector)):
                return Collected(value=collector.function(**arguments(collector.function, known)))
        except NotApplicable as why:
            return Collected(not_applicable=str(why))
        except Exception as error:  # noqa: BLE001 - whatever a collector meets is a reason not to judge
            return Collected(not_evaluated=sentence(error))


def asker(one: Check | Collector) -> str:
    """Return under which name a check or collector asks."""
    return f"{one.function.__module__}.{one.function.__name__}"


def arguments(function: Callable[..., Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the known values that a function takes, by its parameters' names."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return {name: known[name] for name in names if name in known}


def sentence(error: BaseException) -> str:
    """Return what went wrong, for the reader of a result."""
    if isinstance(error, AzukariError | NotEvaluated):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
