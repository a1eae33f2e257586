"""What goes on, a line a step, with times: readable on a terminal and in a CI log alike."""

import time

from rich.console import Console
from rich.markup import escape

from azukari.provision.preflight import HostState
from azukari.provision.runner import Event

_STYLES = {"changed": "yellow", "failed": "bold red", "unreachable": "bold red"}


class Lines:
    """Progress of plan and apply on standard error.

    Args:
        console: where to.
        verbose: show each change's difference too.
    """

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._console = console
        self._verbose = verbose
        self._started = time.monotonic()

    def step(self, sentence: str) -> None:
        """Show that a step begins."""
        self._console.print(f"[dim]{time.monotonic() - self._started:6.1f} s[/]  [bold]{sentence}[/]")

    def event(self, event: Event) -> None:
        """Show a change or a failure; what was as declared is not worth a line."""
        style = _STYLES.get(event.status)
        if not style:
            return
        task = escape(f"{event.role}: {event.task}" if event.role else event.task)
        self._console.print(
            f"[dim]{time.monotonic() - self._started:6.1f} s[/]    {event.host:<8} [{style}]{event.status}[/]  {task}",
        )
        if self._verbose and event.diff:
            self._console.print(event.diff, markup=False)

    def answer(self, state: HostState) -> None:
        """Show how a host answered the preflight, where that is news."""
        if state.way != "managed":
            self._console.print(
                f"            {state.host:<8} {'freshly installed' if state.way == 'new' else escape(state.said)}",
            )
