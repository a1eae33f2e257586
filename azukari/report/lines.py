"""The lines of the data map: one thing as declared, as measured, and how the two stand to each other."""

from dataclasses import dataclass, field
from typing import NamedTuple

# How a line's two halves stand to each other; of several findings the first of these is the line's.
STATES = ("undeclared", "differs", "unmeasured", "absent", "same")


class Words(NamedTuple):
    """A text in both languages."""

    ja: str
    en: str


@dataclass(frozen=True)
class Line:
    """One thing: as declared, as measured, and how the two stand to each other (one of `STATES`)."""

    title: Words
    name: str
    declared: tuple[Words, ...]
    measured: tuple[Words, ...]
    state: str


@dataclass(frozen=True)
class Part:
    """One collection: its items, and how they are kept; `not_standing` says why it is not on the servers, if so."""

    name: str
    title: Words
    clause: str
    items: tuple[Line, ...]
    kept: tuple[Line, ...]
    not_standing: Words | None = None


@dataclass(frozen=True)
class DataMap:
    """Each collection, the cookies, and what was found that belongs to none of them."""

    parts: tuple[Part, ...]
    cookies: tuple[Line, ...]
    beside: tuple[Line, ...]

    @property
    def lines(self) -> list[Line]:
        """All lines that compare something."""
        compared = [line for part in self.parts if part.not_standing is None for line in (*part.items, *part.kept)]
        return [*compared, *self.cookies, *self.beside]

    def count(self, *states: str) -> int:
        """Return how many lines are in one of these states."""
        return sum(line.state in states for line in self.lines)


@dataclass
class Said:
    """What was measured of one thing, and how each of it stands to what was declared."""

    words: list[Words] = field(default_factory=list)
    states: set[str] = field(default_factory=set)

    def add(self, ja: str, en: str, state: str = "same") -> None:
        """Say something that was measured, and how it stands to what was declared."""
        self.words.append(Words(ja, en))
        self.states.add(state)

    def nothing(self, ja: str = "", en: str = "") -> None:
        """Say that something was not measured."""
        self.add(f"{ja}測定していません", f"{en}not measured", "unmeasured")

    def line(self, title: Words, name: str, *declared: Words) -> Line:
        """Return the line of what was said; nothing said is nothing measured."""
        if not self.words:
            self.nothing()
        state = next(state for state in STATES if state in self.states)
        return Line(title, name, declared, tuple(self.words), state)


def many(number: int, what: str) -> str:
    """Return a number with its English noun: `1 day`, `2 days`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
