"""The terminal, on which a site's own words stay what they are: no emoji and no colour is made of them."""

import re
from typing import Any

from rich.console import Console

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave the exit code to `main`: rich's own, 1, would mean that a safeguard fails."""
        raise BrokenPipeError


def new_console(**options: Any) -> Console:
    """Return rich's console without what it would read into a text; options as for `rich.console.Console`."""
    return _Console(**{"highlight": False, "emoji": False, **options})


def shown(text: str) -> str:
    """Return a text in which control and direction characters are visible and do nothing to the terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
