"""`plan` and `apply`: preflight, check mode on all hosts at once, then one host at a time in the design's order."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import run
from typing import Protocol

from azukari.errors import InputError, NotJudged, SafeguardFails
from azukari.people import authority, decoys, identity
from azukari.provision.lock import apply_lock
from azukari.provision.preflight import Finding, HostState, ask_all
from azukari.provision.runner import Event, Outcome, run_playbook
from azukari.site import Site
from azukari.ssh import config
from azukari.ssh.identity import Identity

ORDER = ("bastion", "log", "vault", "db", "mail", "app", "web")
_ROLLBACK = "/usr/local/sbin/azukari-rollback"


class Progress(Protocol):
    """Hears what goes on; `cli` shows it."""

    def step(self, sentence: str) -> None:
        """A step begins."""

    def event(self, event: Event) -> None:
        """A task ended on a host."""

    def answer(self, state: HostState) -> None:
        """A host answered the preflight."""


@dataclass
class Session:
    """The hosts that one call works on, and the ways to them."""

    site: Site
    hosts: list[str]
    left: dict[str, str]  # domain → why its hosts are left out
    own: Identity
    ssh_config: Path
    states: dict[str, HostState] = field(default_factory=dict)

    def first_contact(self, *hosts: str) -> Path:
        """Write and return the configuration that reaches some hosts as root, by their declared keys."""
        name = f"first_contact-{'-'.join(hosts)}"[:80]
        return config.write(self.site, self.own, first_contact=frozenset(hosts), name=name)

    def of_way(self, way: str) -> list[str]:
        """Return the hosts that answered by this way, in the design's order."""
        return [host for host in self.hosts if self.states[host].way == way]


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


def in_order(site: Site, names: Iterable[str]) -> list[str]:
    """Return host names in the order in which they are changed: what others depend on comes first."""
    rank = {group: number for number, group in enumerate(ORDER)}
    return sorted(
        names, key=lambda name: (min((rank[g] for g in site.hosts[name].groups if g in rank), default=len(ORDER)), name)
    )


@contextmanager
def session(site: Site, limit: Iterable[str] = (), domains: Iterable[str] = ()) -> Iterator[Session]:
    """Make this run's own identity and ways to the hosts whose domains' keys are at hand.

    Args:
        site: the declared site.
        limit: hosts or groups; all when empty.
        domains: trust domains; those at hand when empty.

    Raises:
        InputError: a name is not the site's, or nothing is left to work on.
    """
    wanted = _named(site, limit)
    at_hand = set(authority.domains_at_hand(site))
    asked = set(domains) or {str(host.domain) for host in site.hosts.values()}
    if unknown := asked - {str(host.domain) for host in site.hosts.values()}:
        raise InputError(
            f"“{'”, “'.join(sorted(unknown))}” is no trust domain of this site; allowed are production, vault, log."
        )
    left = dict.fromkeys(sorted(asked - at_hand), "its keys are not at hand")
    hosts = in_order(site, (n for n in wanted if str(site.hosts[n].domain) in asked & at_hand))
    if not hosts:
        raise InputError(
            "No host is left to work on: "
            + ("; ".join(f"{d}: {why}" for d, why in left.items()) or "the limit names none")
            + ". "
            "The vault password of a domain lies with its keeper; see `azukari people --help`."
        )
    with identity.automation(site, "apply", sorted(asked & at_hand)) as own:
        yield Session(site, hosts, left, own, config.write(site, own))


def _named(site: Site, limit: Iterable[str]) -> set[str]:
    names: set[str] = set()
    for word in limit:
        found = {word} if word in site.hosts else {host.name for host in site.group(word)}
        if not found:
            raise InputError(
                f"--limit “{word}” is no host or group of this site; its hosts are {', '.join(site.hosts)}."
            )
        names |= found
    return names or set(site.hosts)


def preflight(at: Session, progress: Progress) -> list[Finding]:
    """Ask all hosts at once and return what stands in the way."""
    progress.step("Preflight: asking all hosts")
    at.states = ask_all(at.hosts, at.ssh_config, at.first_contact, progress.answer)
    return [finding for host in at.hosts for finding in at.states[host].findings()]


def recover(at: Session) -> list[str]:
    """Name, and acknowledge, every change that a host rolled back since somebody last looked.

    A change that is still armed belongs to an `apply` that is gone: its proof will not come, so it is restored at once.
    """
    named = []
    for host in at.hosts:
        for change in at.states[host].pending_rollbacks:
            if change["state"] == "armed":
                _on_host(at, host, f"{_ROLLBACK} --restore {change['id']}")
            _on_host(at, host, f"{_ROLLBACK} --acknowledge {change['id']}")
            paths = ", ".join(kept["path"] for kept in change["paths"])
            named.append(
                f"{host}: “{change['what']}” of {change['at']} was rolled back: never proven from outside ({paths})."
            )
    return named


def _on_host(at: Session, host: str, command: str) -> None:
    done = run(
        ["ssh", "-F", str(at.ssh_config), host, f"sudo -n {command}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise NotJudged(f"{host}: “{command}” failed: {done.stderr.strip()}")


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
    rolled_back = recover(at)
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


def apply(
    at: Session, progress: Progress, *, tags: Iterable[str] = (), plain: bool = False, root_password: str | None = None
) -> Result:
    """Bring the hosts to the declared state.

    Args:
        at: the session.
        progress: hears what goes on.
        tags: roles; all when empty.
        plain: stock Ansible instead of mitogen's strategy.
        root_password: for first contact by password.

    Raises:
        NotJudged: something stands in the way, or somebody else is at it.
        SafeguardFails: a task failed or a change was rolled back; hosts that come later were not touched.
    """
    tags = list(tags)
    refuse(preflight(at, progress))
    result = Result(left=at.left, rolled_back=recover(at), new=at.of_way("new"))
    decoys.ensure(at.site, sorted({str(at.site.hosts[h].domain) for h in at.hosts}))
    bastions = [host.name for host in at.site.group("bastion")]
    if fresh := [b for b in bastions if b in result.new]:
        _take_over(at, fresh, progress, result, plain=plain, root_password=root_password)
    with apply_lock(bastions[0], at.ssh_config):
        checked = _check(at, at.of_way("managed"), progress, tags, plain=plain)
        # Where check mode failed, an earlier apply was cut short (a package that brings an account is missing, say).
        for host in in_order(at.site, {event.host for event in checked.changes + checked.faults}):
            _run(at, "site.yml", [host], progress, result, tags=tags, plain=plain)
        if fresh := [h for h in result.new if h not in bastions]:  # no one depends on these yet: all at once
            _take_over(at, fresh, progress, result, plain=plain, root_password=root_password)
    return result


def _take_over(
    at: Session, hosts: list[str], progress: Progress, result: Result, *, plain: bool, root_password: str | None
) -> None:
    progress.step(f"First contact with {', '.join(hosts)}")
    outcome = run_playbook(
        at.site,
        "first_contact.yml",
        hosts,
        at.first_contact(*hosts),
        first_contact=True,
        plain=True,
        root_password=root_password,
        on_event=progress.event,
    )
    _keep(outcome, result)
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
    _keep(
        run_playbook(at.site, playbook, hosts, at.ssh_config, tags=tags, plain=plain, on_event=progress.event), result
    )


def _keep(outcome: Outcome, result: Result) -> None:
    result.events += outcome.events
    if outcome.faults:
        raise SafeguardFails(
            f"Stopped at the first failure; hosts that come later were not touched:\n{_faults(outcome)}"
        )


def _faults(outcome: Outcome) -> str:
    return "\n".join(f"  {e.host}: {f'{e.role}: ' if e.role else ''}{e.task}: {e.message}" for e in outcome.faults)
