"""The terminal, on which a site's own words stay what they are: no emoji and no colour is made of them."""

import io
import re
import sys
from typing import Any

from rich.console import Console

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class ReaderGone(Exception):
    """Whoever read our output has what they wanted. No OSError: typer would end with 1, “a safeguard fails”."""


class _Pipe(io.FileIO):
    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise ReaderGone from None


def standard_output() -> None:
    """Make standard output say when its reader is gone, and write what a poor terminal lacks as escapes."""
    old = sys.stdout
    if not isinstance(old, io.TextIOWrapper):
        return
    old.flush()
    try:
        raw = io.BufferedWriter(_Pipe(old.fileno(), "wb", closefd=False))
    except io.UnsupportedOperation:  # a test's own
        return
    sys.stdout = io.TextIOWrapper(
        raw, encoding=old.encoding, errors="backslashreplace", line_buffering=old.line_buffering
    )


def new_console(**options: Any) -> Console:
    """Return rich's console without what it would read into a text; options as for `rich.console.Console`."""
    return Console(**{"highlight": False, "emoji": False, **options})


def shown(text: str) -> str:
    """Return a text in which control and direction characters are visible and do nothing to the terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
