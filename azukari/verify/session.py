"""One run from beginning to end: which checks on which hosts, asking, judging, and the result."""

import base64
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from azukari import __version__
from azukari.errors import InputError
from azukari.lab import Lab
from azukari.people import identity as identities
from azukari.site import Site, approval, state_dir
from azukari.site.zone import public_addresses
from azukari.ssh import config
from azukari.verify.authoring import Check
from azukari.verify.channel import Connections, MitogenChannel, Way
from azukari.verify.host import CheckHost, RunContext, Vantage
from azukari.verify.judging import Judge, Judged
from azukari.verify.plain_ssh import PlainSshChannel
from azukari.verify.redaction import redact
from azukari.verify.results import Result, RunResult
from azukari.verify.snapshot import SITE, Collected, Memory, Progress, Snapshot, Wanted
from azukari.verify.waivers import Waivers

JudgedAs = Literal["contractor", "auditor"]


def _quiet(_clause: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Options:
    """What is to be judged, and how.

    Attributes:
        site: the declared site; None with `lone`.
        lone: a lone host with nothing installed, as `root@ADDRESS[:PORT]`; then only host-level checks are judged.
        limit: names of hosts, or `site` for site-wide checks; empty means all.
        safeguards: ids; empty means all.
        attempts: whether attempts are made.
        judged_as: with whose identity.
        nonce: the auditor's, kept with the result.
        progress: told what goes on, as clauses.
    """

    site: Site | None = None
    lone: str = ""
    limit: tuple[str, ...] = ()
    safeguards: tuple[str, ...] = ()
    attempts: bool = True
    judged_as: JudgedAs = "contractor"
    nonce: str | None = None
    progress: Progress = _quiet


class Session:
    """A run of checks; used as a context, it leaves no connection, key or file of its own behind.

    Args:
        options: what is to be judged, and how.

    Raises:
        InputError: a host of the limit is not of the site; no identity is at hand.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._resources = contextlib.ExitStack()
        self._started = datetime.now(UTC)
        self._results: dict[tuple[str, str], Result] = {}
        self._unread: list[Result] = []
        self._snapshot: Snapshot | None = None
        self._judge: Judge | None = None
        self._lone = PlainSshChannel(options.lone) if options.lone else None
        if options.site is None and self._lone is None:
            raise InputError("Nothing to judge: name a site with --site FOLDER, or a host with --host root@ADDRESS.")
        if options.site is not None:
            unknown = sorted(set(options.limit) - {*options.site.hosts, SITE})
            if unknown:
                known = ", ".join(options.site.hosts)
                raise InputError(f"The site {options.site.name} has no host “{unknown[0]}”; it has {known}.")

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Remember what was asked, and end connections and keys; may be called twice."""
        if self._snapshot is not None:
            self._snapshot.close()
        self._resources.close()

    def hosts_for(self, check: Check) -> list[str]:
        """Return on which hosts a check is to be judged in this run; `site` for a site-wide one."""
        options = self._options
        if options.safeguards and check.safeguard not in options.safeguards:
            return []
        if self._lone is not None:
            return [self._lone.address] if check.host_level else []
        assert options.site is not None  # noqa: S101 - __init__ has refused the other case
        if check.hosts == (SITE,):
            return [SITE] if not options.limit or SITE in options.limit else []
        return [
            host.name
            for host in options.site.hosts.values()
            if ("all" in check.hosts or {host.name, *host.groups} & set(check.hosts))
            and (not options.limit or host.name in options.limit)
        ]

    def ask(self, wanted: Iterable[Wanted]) -> None:
        """Ask all hosts what the wanted checks need; afterwards `judge` may be called.

        Raises:
            InputError: no identity is at hand; the lone host is not one that azukari judges.
            Unreachable: the lone host does not answer.
        """
        wanted = list(wanted)
        if self._lone is not None:
            self._snapshot = self._ask_lone_host(self._lone)
        else:
            assert self._options.site is not None  # noqa: S101 - __init__ has refused the other case
            self._snapshot = self._ask_site(self._options.site, {one.host for one in wanted})
        self._snapshot.take(wanted)
        site = self._options.site
        waivers = Waivers.of(site, approval(site)) if site is not None and site.exceptions else Waivers()
        self._judge = Judge(self._snapshot, waivers)
        self._options.progress("judging")

    def judge(self, wanted: Wanted, name: str) -> Judged:
        """Judge a check and keep its result.

        Args:
            wanted: the check and the host.
            name: the check's name, as FILE::FUNCTION.
        """
        assert self._judge is not None  # noqa: S101 - the plugin asks before it judges
        judged = self._judge.judge(wanted)
        self._results[(name, wanted.host)] = self._judge.result(wanted, name, judged)
        return judged

    def unread(self, results: Iterable[Result]) -> None:
        """Keep results for checks whose file could not be read."""
        self._unread += results

    def result(self) -> RunResult:
        """Return what was found so far."""
        ended = datetime.now(UTC)
        hosts = self._snapshot.hosts if self._snapshot else {}
        options = self._options
        return RunResult(
            site=options.site.name if options.site else self._lone.address if self._lone else "",
            azukari=__version__,
            started=self._started,
            ended=ended,
            seconds=round((ended - self._started).total_seconds(), 3),
            hosts=list(hosts),
            unreachable={name: host.unreachable for name, host in hosts.items() if host.unreachable},
            judged_as=options.judged_as,
            identity=self._lone.identity if self._lone else "each host's key is certified by its domain's CA",
            nonce=options.nonce,
            results=[*self._results.values(), *self._unread],
            facts=self._facts(),
        )

    def _ask_site(self, site: Site, named: set[str]) -> Snapshot:
        options = self._options
        # A site-wide check speaks of all hosts, whatever the limit: judged by a part of them it would prove nothing.
        names = list(site.hosts) if SITE in named else [name for name in site.hosts if name in named]
        make = identities.auditor if options.judged_as == "auditor" else identities.automation
        arguments: dict[str, Any] = {} if options.judged_as == "auditor" else {"kind": "audit"}
        identity = self._resources.enter_context(make(site, **arguments))
        ssh_config = config.write(site, identity)
        connections = self._resources.enter_context(Connections())
        way = Way(ssh_config)
        hosts = {}
        for name in names:
            declared = site.hosts[name]
            behind = "bastion" not in declared.groups
            channel = MitogenChannel(name, connections, ssh_config, way if behind else None)
            hosts[name] = CheckHost(name, declared, channel)
        for name in set(hosts) - set(identity.hosts):
            hosts[name].give_up(f"The keys at hand do not open {name}: its domain is kept by somebody else.")
        context = RunContext(
            now=self._started,
            outside=_outside(site),
            attempts=options.attempts,
            identity=identity,
            ssh_config=ssh_config,
            hosts=hosts,
            judged_as=options.judged_as,
        )
        return Snapshot(hosts, site, context, Memory(state_dir(site) / "asked.json"), options.progress)

    def _ask_lone_host(self, lone: PlainSshChannel) -> Snapshot:
        self._resources.callback(lone.close)
        lone.open()
        hosts = {lone.address: CheckHost(lone.address, None, lone, ssh_port=lone.port)}
        context = RunContext(
            now=self._started, outside=Vantage("this machine"), attempts=self._options.attempts, hosts=hosts
        )
        return Snapshot(hosts, None, context, Memory(None), self._options.progress)

    def _facts(self) -> dict[str, dict[str, Any]]:
        """Return what was judged, redacted, by host and section: no section that nobody looked at."""
        if self._snapshot is None:
            return {}
        kept: dict[str, dict[str, Any]] = {}
        for name, host in self._snapshot.hosts.items():
            sections = {
                section: host.known_facts.sections[section]
                for section in sorted(host.known_facts.asked & set(host.known_facts.sections))
            }
            asked = {argv for commands in host.asked.values() for argv in commands}
            commands = [
                {"command": list(argv), "exit_code": found.exit_code}
                | _stream("stdout", found.stdout_bytes)
                | _stream("stderr", found.stderr_bytes)
                for argv, found in host.answers.items()
                if argv in asked
            ]
            kept[name] = {**sections, **({"commands": {"ok": True, "value": commands}} if commands else {})}
        for (collector, host_name), collected in self._snapshot.all_collected():
            kept.setdefault(host_name, {})[f"collected {collector.name}"] = _section(collected)
        public = public_addresses(self._options.site)
        return {name: redact(sections, public) for name, sections in kept.items()}


def _stream(name: str, data: bytes) -> dict[str, str]:
    """An answer as text, or in base64 where it is none, so that it can be judged again byte for byte."""
    try:
        return {name: data.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data).decode()}


def _section(collected: Collected) -> dict[str, Any]:
    if collected.not_applicable:
        return {"ok": False, "error": collected.not_applicable, "not_applicable": True}
    if collected.not_evaluated:
        return {"ok": False, "error": collected.not_evaluated}
    return {"ok": True, "value": _plain(collected.value)}


def _plain(value: Any) -> Any:
    """Return a collector's value as JSON-able data."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, set | frozenset):
        return [_plain(one) for one in sorted(value, key=str)]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _outside(site: Site) -> Vantage:
    """Return the vantage of attempts: the lab's own place without a filter, or this machine."""
    if site.lab and site.upstream is not None:
        namespace = Lab.of(site).outside().namespace
        if Path("/run/netns", namespace).exists():
            return Vantage("outside, on the lab's network without a filter", namespace)
    return Vantage("outside, the machine that ran azukari")


def parse_list(values: Sequence[str]) -> tuple[str, ...]:
    """Return names given one by one or with commas, in order, without doubles.

    Raises:
        InputError: names were to be given and none is there, as a variable that was never set would make it.
    """
    found = tuple(dict.fromkeys(part.strip() for value in values for part in value.split(",") if part.strip()))
    if values and not found:
        raise InputError("--limit or --safeguard is empty; name something, or leave the option out to mean all.")
    return found
