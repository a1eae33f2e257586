"""testinfra's modules over our own channel: `host.testinfra.file("/etc/hosts").mode`."""

from collections.abc import Callable
from typing import Any

import testinfra.host
from testinfra.backend.base import BaseBackend, CommandResult

from azukari.verify.channel import Answer


class ChannelBackend(BaseBackend):  # type: ignore[misc]
    """Runs testinfra's commands through a CheckHost, so that they are cached and batched like any other.

    Args:
        name: the host's name.
        ask: runs a command line of the shell.
    """

    NAME = "azukari"

    def __init__(self, name: str, ask: Callable[[str], Answer]) -> None:
        super().__init__(name)
        self._ask = ask
        self._encoding = "utf-8"

    def run(self, command: str, *args: str, **_kwargs: Any) -> CommandResult:
        """Run a command as testinfra wants it.

        Args:
            command: with `%s` for each argument.
            args: put in quoted.
        """
        line = self.get_command(command, *args)
        answer = self._ask(line)
        return self.result(answer.exit_code, line.encode(), answer.stdout_bytes, answer.stderr_bytes)


def testinfra_host(name: str, ask: Callable[[str], Answer]) -> testinfra.host.Host:
    """Return testinfra's host over a channel; see ChannelBackend for the arguments."""
    backend = ChannelBackend(name, ask)
    host = testinfra.host.Host(backend)
    backend.set_host(host)
    return host
