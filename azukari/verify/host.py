"""What a check sees of a host, and of the run."""

import contextlib
import contextvars
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from azukari.errors import Unreachable
from azukari.site import Host
from azukari.ssh.identity import Identity
from azukari.verify.authoring import NotEvaluated
from azukari.verify.backend import testinfra_host
from azukari.verify.channel import COMMAND_SECONDS, TIMED_OUT, Answer, Argv, Channel
from azukari.verify.facts import Facts

# Who is asking: a check's or a collector's name. What it asked is asked in one batch the next time that it runs.
ASKING: contextvars.ContextVar[str] = contextvars.ContextVar("asking", default="")


@contextlib.contextmanager
def asking(name: str) -> Iterator[None]:
    """Note that what is asked meanwhile is asked by a check or collector of this name."""
    token = ASKING.set(name)
    try:
        yield
    finally:
        ASKING.reset(token)


class CheckHost:
    """One host: its declaration, its facts, and a way to ask more, as the audit account (or `nobody`).

    Attributes:
        name: its name in the site; the address when a lone host is judged.
        declared: as in the site; None when a lone host is judged.
        address: its IPv4 address in the site, or the lone host's address as given.
        ssh_port: where its sshd listens.
    """

    def __init__(self, name: str, declared: Host | None, channel: Channel | None, *, ssh_port: int = 22) -> None:
        self.name = name
        self.declared = declared
        self.address = str(declared.address) if declared else name
        self.ssh_port = ssh_port
        self._unreachable = ""
        self._answered = threading.Event()
        self._answered.set()
        self.asked: dict[str, list[Argv]] = {}
        self._facts = Facts({})
        self._channel = channel
        self._answers: dict[Argv, Answer] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<host {self.name}>"

    @property
    def domain(self) -> str:
        """Its trust domain; empty when a lone host is judged."""
        return self.declared.domain if self.declared else ""

    @property
    def groups(self) -> tuple[str, ...]:
        """Its groups in the inventory."""
        return self.declared.groups if self.declared else ()

    @property
    def vantage(self) -> str:
        """As whom, and where, it is asked."""
        return self._channel.vantage if self._channel else ""

    @property
    def unreachable(self) -> str:
        """Why it gave no answer; empty when it did. Like its facts, it is known once the host was asked: they wait."""
        self._answered.wait()
        return self._unreachable

    def give_up(self, why: str) -> None:
        """Note that nothing can be asked of it, and why."""
        self._unreachable = why

    def expect(self) -> None:
        """Let whoever wants its facts wait until `ask` has ended."""
        self._answered.clear()

    @property
    def facts(self) -> Facts:
        """Its facts by section; a section that was not answered raises NotEvaluated."""
        if self.unreachable:
            raise NotEvaluated(self.unreachable)
        return self._facts

    @property
    def known_facts(self) -> Facts:
        """Its facts, whether or not it answered: for the evidence."""
        self._answered.wait()
        return self._facts

    @property
    def container(self) -> bool:
        """Whether it is a container, as the lab's hosts are: then the kernel is not its own."""
        return bool(self.facts["os"]["container"])

    def command(
        self, argv: Sequence[str] | str, *, seconds: float = COMMAND_SECONDS, fresh: bool = False, given: str = ""
    ) -> Answer:
        """Run a command on the host; the same command is answered once in a run.

        Args:
            argv: the command as a list; a text is run by `sh -c`.
            seconds: how long it may take; then its exit code is 124.
            fresh: ask now and again, and not in the batch: for attempts whose order matters.
            given: its standard input; wants `fresh`. Unlike an argument it is seen by nobody else, and is not kept.

        Raises:
            NotEvaluated: the host does not answer.
        """
        self._answered.wait()
        command = ("/bin/sh", "-c", argv) if isinstance(argv, str) else tuple(argv)
        with self._lock:
            known = self._answers.get(command)
            if not fresh:
                asked = self.asked.setdefault(ASKING.get(), [])
                if command not in asked:
                    asked.append(command)
        # The batch gives each command the usual time; what may take longer is asked again where that was too short.
        cut_off = known is not None and known.exit_code == TIMED_OUT and seconds > COMMAND_SECONDS and self._channel
        if known is not None and not fresh and not cut_off:
            return known
        if self.unreachable or self._channel is None:
            raise NotEvaluated(self.unreachable or f"{self.name} is not connected")
        try:
            answer = self._channel.answer(command, seconds, given.encode())
        except Unreachable as error:
            self.give_up(error.message)
            raise NotEvaluated(error.message) from error
        with self._lock:
            self._answers[command] = answer
        return answer

    @cached_property
    def testinfra(self) -> Any:
        """testinfra's modules over the same connection: `host.testinfra.file(…)`."""
        return testinfra_host(self.name, self.command)

    def ask(self, commands: Sequence[Argv]) -> None:
        """Connect, and ask facts and commands in one go; on failure the host is `unreachable` from then on."""
        assert self._channel is not None  # noqa: S101 - only hosts with a channel are asked
        try:
            self._channel.open()
            self._facts, answers = self._channel.snapshot(commands)
            self._answers = dict(zip(commands, answers, strict=True))
        except Unreachable as error:
            self.give_up(error.message)
        finally:
            self._answered.set()

    def recall(self, facts: Facts, answers: Mapping[Argv, Answer]) -> None:
        """Take facts and answers from an older run's evidence, in place of asking now."""
        self._facts, self._answers = facts, dict(answers)

    @property
    def answers(self) -> Mapping[Argv, Answer]:
        """The commands that were asked so far, with their answers."""
        return self._answers


@dataclass(frozen=True)
class Vantage:
    """A place from which attempts are made.

    Attributes:
        name: how results name it.
        namespace: the network namespace; None means this machine's own network.
    """

    name: str
    namespace: str | None = None

    def argv(self, argv: Sequence[str]) -> list[str]:
        """Return a command so that it runs in this place."""
        return [*(("ip", "netns", "exec", self.namespace) if self.namespace else ()), *argv]

    def run(self, argv: Sequence[str], *, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run a command in this place.

        Args:
            argv: the command.
            timeout: seconds; later, subprocess.TimeoutExpired.
        """
        return subprocess.run(
            self.argv(argv), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )


@dataclass(frozen=True)
class RunContext:
    """What checks and collectors may know of the run.

    Attributes:
        now: when it began, with zone.
        outside: the vantage of attempts from outside.
        attempts: whether attempts are made; collectors of attempts do not run without.
        identity: with which keys it is asked; None when a lone host is judged.
        ssh_config: for `ssh -F`; None when a lone host is judged.
        hosts: all hosts of the run by name.
        judged_as: `contractor` or `auditor`.
    """

    now: datetime
    outside: Vantage
    attempts: bool = True
    identity: Identity | None = None
    ssh_config: Path | None = None
    hosts: Mapping[str, CheckHost] = field(default_factory=dict)
    judged_as: str = "contractor"
