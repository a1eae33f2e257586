"""The names of keys that are made once a year, and once more where one got out: `mail2026`, then `mail2026-2`."""

import re
from collections.abc import Iterable

_NAME = re.compile(r"(\D*)(\d+)(?:-(\d+))?")


def named_for(what: str, year: int, there: Iterable[str] = ()) -> str:
    """Return the name of a year's key: of the first, or of the next where others are there.

    Args:
        what: what it is for; the name begins with it.
        year: of our era.
        there: names of keys; those of this year count.
    """
    numbers = [made_in(name)[1] for name in there if name.startswith(what) and made_in(name)[0] == year]
    return f"{what}{year}-{max(numbers) + 1}" if numbers else f"{what}{year}"


def made_in(name: str) -> tuple[int, int, str]:
    """Return year and number of a key, and its name: in this order the newest is the last."""
    found = _NAME.fullmatch(name)
    return (int(found[2]), int(found[3] or 1), name) if found else (0, 0, name)
