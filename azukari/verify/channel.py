"""How a host is asked: one connection, one snapshot; the same command is answered once.

`Channel` is what checks need of a connection; `MitogenChannel` is the ordinary one, over mitogen as the audit account,
and plain_ssh.py has the one for a server on which nothing is installed.
"""

import logging
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import mitogen.core
import mitogen.master
import mitogen.parent

from azukari.errors import Unreachable
from azukari.ssh import config
from azukari.verify import facts as facts_of
from azukari.verify.facts import Facts

COMMAND_SECONDS = 15.0  # how long one command on a server may take
TIMED_OUT = 124  # the exit code of what took longer, as of timeout(1)
FACTS_SECONDS = 45.0  # how long the facts service may take: a server under load is slow, but not silent
ANSWER_SECONDS = 90.0  # how long a whole snapshot may take before the connection counts as lost
# ssh itself gives up on a silent host after its ConnectTimeout; this is for a host that let us in and then is slow.
BEGIN_SECONDS = 20.0

Argv = tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What a command answered; 124: it took too long, 127: there is no such program."""

    exit_code: int
    stdout_bytes: bytes
    stderr_bytes: bytes

    @property
    def stdout(self) -> str:
        """Its output as text."""
        return self.stdout_bytes.decode(errors="replace")

    @property
    def stderr(self) -> str:
        """Its errors as text."""
        return self.stderr_bytes.decode(errors="replace")


class Channel(Protocol):
    """A way to ask one host."""

    vantage: str

    def open(self) -> None:
        """Connect; raise Unreachable with the reason."""

    def snapshot(self, commands: Sequence[Argv]) -> tuple[Facts, list[Answer]]:
        """Return the facts and the commands' answers, in one go; raise Unreachable when the connection is lost."""

    def answer(self, argv: Argv, seconds: float, given: bytes = b"") -> Answer:
        """Run one command, with its standard input; raise Unreachable when the connection is lost."""


class Connections:
    """mitogen's broker and router for all hosts of a run; used as a context, it ends them all."""

    def __init__(self) -> None:
        for name in ("mitogen", "mitogen.io"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters comes back as Unreachable
        self._broker = mitogen.master.Broker()
        self.router = mitogen.master.Router(self._broker)

    def __enter__(self) -> "Connections":
        return self

    def __exit__(self, *_error: object) -> None:
        self._broker.shutdown()
        self._broker.join()
        self.router = None


class Way:
    """The shared connection to the bastion, opened once, by whoever needs it first.

    Without it nobody behind the bastion needs to be waited for.
    """

    def __init__(self, ssh_config: Path) -> None:
        self._ssh_config = ssh_config
        self._lock = threading.Lock()
        self._tried = False
        self._failed: Unreachable | None = None

    def open(self) -> None:
        """Open it, or wait until it is open; raise Unreachable when it could not be opened."""
        with self._lock:
            if not self._tried:
                self._tried = True
                try:
                    config.open_jump(self._ssh_config)
                except Unreachable as error:
                    self._failed = error
        if self._failed is not None:
            raise Unreachable(self._failed.message)


class MitogenChannel:
    """One host of a site, asked as the audit account over one mitogen connection.

    Args:
        name: the host's name, as in the ssh_config.
        connections: of this run.
        ssh_config: the run's configuration.
        way: to the bastion, for a host behind it.
    """

    def __init__(self, name: str, connections: Connections, ssh_config: Path, way: Way | None) -> None:
        self.name = name
        self.vantage = f"azukari-audit on {name}"
        self._connections = connections
        self._ssh_config = ssh_config
        self._way = way
        self._context: Any = None

    def open(self) -> None:
        """Connect; see Channel."""
        if self._way is not None:
            self._way.open()
        try:
            self._context = self._connections.router.ssh(
                hostname=self.name,
                ssh_args=["-F", str(self._ssh_config)],
                python_path=["/usr/bin/python3"],
                connect_timeout=BEGIN_SECONDS,
                compression=False,  # on a fast network it costs more time than it saves
            )
        except (mitogen.core.Error, OSError) as error:
            raise Unreachable(f"{self.name} did not answer by the declared way: {_sentence(error)}") from error

    def snapshot(self, commands: Sequence[Argv]) -> tuple[Facts, list[Answer]]:
        """Ask facts and commands; see Channel."""
        asked = [list(argv) for argv in commands]
        service, bus, answers = self._call(
            remote().snapshot, facts_of.SOCKET, facts_of.program(), asked, FACTS_SECONDS, COMMAND_SECONDS
        )
        return facts_of.merge(service, bus), [Answer(*one) for one in answers]

    def answer(self, argv: Argv, seconds: float, given: bytes = b"") -> Answer:
        """Run one command; see Channel."""
        return Answer(*self._call(remote().answer, list(argv), seconds, given))

    def answers(self, commands: Sequence[Argv]) -> list[Answer]:
        """Run several commands in one go; raise Unreachable when the connection is lost."""
        return [
            Answer(*one) for one in self._call(remote().answers, [list(argv) for argv in commands], COMMAND_SECONDS)
        ]

    def _call(self, function: Any, *arguments: Any) -> Any:
        if self._context is None:
            raise Unreachable(f"{self.name} is not connected.")
        try:
            return self._context.call_async(function, *arguments).get(timeout=ANSWER_SECONDS).unpickle()
        except (mitogen.core.Error, OSError) as error:
            raise Unreachable(f"{self.name} stopped answering: {_sentence(error)}") from error


def _sentence(error: BaseException) -> str:
    """Return the last line that says something: mitogen's own errors carry a page of advice."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [
        line
        for line in lines
        if line.lower().startswith(("ssh:", "kex_", "connection ", "permission denied", "host key"))
    ]
    text = (told or lines or [type(error).__name__])[-1 if told else 0]
    return text.removesuffix(".")


_LOADING = threading.Lock()
_REMOTE = "azukari_remote"


def remote() -> ModuleType:
    """Return remote.py under a name of its own.

    As `azukari.verify.remote` mitogen would send the packages above it too, and all that they import.
    """
    with _LOADING:
        if _REMOTE not in sys.modules:
            path = Path(__file__).with_name("remote.py")
            module = ModuleType(_REMOTE)
            module.__file__ = str(path)  # where mitogen reads what it sends
            exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)  # noqa: S102 - ours
            sys.modules[_REMOTE] = module
        return sys.modules[_REMOTE]
