"""What a drill came to: its steps, each with a sentence."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from azukari.errors import NotJudged
from azukari.evidence.drills import WHOLE

Say = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """One thing that the drill did, and whether it came out as promised.

    Args:
        what: was done.
        passed: whether it came out as promised.
        said: what came of it, a sentence for the report.
        tried: each key that was tried: its `path`, its `kind`, the purposes that it `opens`, and `said`.
    """

    what: str
    passed: bool
    said: str
    tried: tuple[Mapping[str, Any], ...] = ()


@dataclass
class Outcome:
    """What the drill found."""

    started: datetime
    hosts: tuple[str, ...]
    left: dict[str, str]
    steps: list[Step] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every step came out as promised; a drill that did nothing proves nothing."""
        return bool(self.steps) and all(step.passed for step in self.steps)

    def note(self, what: str, passed: bool, said: str, say: Say, tried: Iterable[Mapping[str, Any]] = ()) -> None:
        """Note how one thing came out, and tell it."""
        self.steps.append(Step(what, passed, said, tuple(tried)))
        say(f"{'as promised' if passed else 'NOT as promised'}: {what}: {said}")

    def play(self, parts: Iterable[Callable[[], None]], clean_up: Callable[[], None], say: Say) -> None:
        """Do the parts of a drill in their order until one breaks off, then clean up, and note whether it was whole."""
        broke_off = ""
        for part in (*parts, clean_up):
            if broke_off and part != clean_up:
                continue
            try:
                part()
            except NotJudged as error:
                broke_off = broke_off or error.message
        self.note(WHOLE, not broke_off, broke_off or "nothing was left out", say)
