"""`plan` and `apply`: preflight, check mode on all hosts at once, then one host at a time in the design's order."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from azukari.errors import NotJudged, SafeguardFails
from azukari.people import decoys, tls_decoys
from azukari.provision.application import must_be_stated
from azukari.provision.lock import apply_lock, lock_place
from azukari.provision.preflight import Finding, HostState, ask_all
from azukari.provision.recovery import after_fault, recover
from azukari.provision.runner import Event, Outcome, run_playbook
from azukari.provision.session import Session, in_order


class Progress(Protocol):
    """Hears what goes on; `cli` shows it."""

    def step(self, sentence: str) -> None:
        """A step begins."""

    def event(self, event: Event) -> None:
        """A task ended on a host."""

    def answer(self, state: HostState) -> None:
        """A host answered the preflight."""


@dataclass
class Result:
    """What plan or apply found or did."""

    events: list[Event] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    rolled_back: list[str] = field(default_factory=list)
    unforeseen: dict[str, str] = field(default_factory=dict)  # host → where check mode could not go on

    @property
    def changes(self) -> set[tuple[str, str]]:
        """The set of (host, task) that change or would change."""
        return {(e.host, f"{e.role}: {e.task}" if e.role else e.task) for e in self.events if e.status == "changed"}


def preflight(at: Session, progress: Progress) -> list[Finding]:
    """Ask all hosts at once and return what stands in the way."""
    progress.step("Preflight: asking all hosts")
    at.states = ask_all(at.hosts, at.ssh_config, at.first_contact, at.root_password, progress.answer)
    return [finding for host in at.hosts for finding in at.states[host].findings()]


def refuse(findings: list[Finding]) -> None:
    """Stop before anything is changed when something stands in the way.

    Raises:
        NotJudged: with each finding and what to do about it.
    """
    if findings:
        sentences = "\n".join(f"  {f.where}: {f.what} {f.remedy}" for f in findings)
        raise NotJudged(f"Nothing was changed; the preflight found:\n{sentences}")


def plan(at: Session, progress: Progress, *, tags: Iterable[str] = (), plain: bool = False) -> Result:
    """Ask in check mode what an apply would change.

    Raises:
        NotJudged: a host stands in the way, or check mode failed on one.
    """
    refuse(preflight(at, progress))
    rolled_back = recover(at, at.hosts)
    managed = at.of_way("managed")
    outcome = _check(at, managed, progress, tags, plain=plain, on_event=progress.event)
    unforeseen = {event.host: event.message for event in outcome.faults}
    return Result(outcome.events, at.of_way("new"), at.left, rolled_back, unforeseen)


def _check(
    at: Session,
    hosts: list[str],
    progress: Progress,
    tags: Iterable[str],
    *,
    plain: bool,
    on_event: Callable[[Event], None] | None = None,
) -> Outcome:
    if not hosts:
        return Outcome()
    progress.step(f"Check mode on {len(hosts)} hosts at once")
    outcome = run_playbook(
        at.site, "site.yml", hosts, at.ssh_config, check=True, tags=tags, plain=plain, on_event=on_event
    )
    if lost := [event for event in outcome.faults if event.status == "unreachable"]:
        raise NotJudged("Nothing was changed; a host was lost in check mode:\n" + _faults(Outcome(lost)))
    return outcome


def apply(at: Session, progress: Progress, *, tags: Iterable[str] = (), plain: bool = False) -> Result:
    """Bring the hosts to the declared state.

    Args:
        at: the session.
        progress: hears what goes on.
        tags: roles; all when empty.
        plain: stock Ansible instead of mitogen's strategy.

    Raises:
        NotJudged: something stands in the way, or somebody else is at it.
        SafeguardFails: a task failed or a change was rolled back; hosts that come later were not touched.
    """
    tags = list(tags)
    if not tags or "site" in tags:
        must_be_stated(at.site)
    refuse(preflight(at, progress))
    result = Result(left=at.left, rolled_back=recover(at, at.hosts), new=at.of_way("new"))
    domains = sorted({str(at.site.hosts[h].domain) for h in at.hosts})
    decoys.ensure(at.site, domains)
    tls_decoys.ensure(at.site, domains)
    bastions = [host.name for host in at.site.group("bastion")]
    if fresh := [b for b in bastions if b in result.new]:
        _take_over(at, fresh, progress, result, plain=plain)
    place = lock_place(at)
    with apply_lock(place, at.ssh_config) if place else nullcontext():
        checked = _check(at, at.of_way("managed"), progress, tags, plain=plain)
        # Where check mode failed, an earlier apply was cut short (a package that brings an account is missing, say).
        for host in in_order(at.site, {event.host for event in checked.changes + checked.faults}):
            _run(at, "site.yml", [host], progress, result, tags=tags, plain=plain)
        if fresh := [h for h in result.new if h not in bastions]:  # no one depends on these yet: all at once
            _take_over(at, fresh, progress, result, plain=plain)
    return result


def _take_over(at: Session, hosts: list[str], progress: Progress, result: Result, *, plain: bool) -> None:
    progress.step(f"First contact with {', '.join(hosts)}")
    outcome = run_playbook(
        at.site,
        "first_contact.yml",
        hosts,
        at.first_contact(*hosts),
        first_contact=True,
        plain=True,
        root_password=at.root_password,
        on_event=progress.event,
    )
    _keep(at, outcome, result)
    _run(at, "site.yml", hosts, progress, result, tags=(), plain=plain)


def _run(
    at: Session,
    playbook: str,
    hosts: list[str],
    progress: Progress,
    result: Result,
    *,
    tags: Iterable[str],
    plain: bool,
) -> None:
    progress.step(f"Applying to {', '.join(hosts)}")
    outcome = run_playbook(at.site, playbook, hosts, at.ssh_config, tags=tags, plain=plain, on_event=progress.event)
    _keep(at, outcome, result)


def _keep(at: Session, outcome: Outcome, result: Result) -> None:
    result.events += outcome.events
    if outcome.faults:
        rolled_back = "".join(f"\n  {sentence}" for sentence in after_fault(at, (e.host for e in outcome.faults)))
        raise SafeguardFails(
            f"Stopped at the first failure; hosts that come later were not touched:\n{_faults(outcome)}{rolled_back}"
        )


def _faults(outcome: Outcome) -> str:
    return "\n".join(f"  {e.host}: {f'{e.role}: ' if e.role else ''}{e.task}: {e.message}" for e in outcome.faults)
