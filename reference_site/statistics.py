"""What may be published of visitors' attributes (section 4 of the policy): aggregates of at least k.

Attributes are counted at intake and never linked to a record, so a count only grows. A number is shown once k answers
stand behind it, and changes only when at least k more have come since it was last shown. So no shown number, and no
difference between two tables that were ever shown, speaks of fewer than k answers. No total is shown: total less the
shown numbers would be the size of what is hidden.

An answer is not a person: who writes ten times counts ten times. Where an answer is confirmed (the E-mail Information
Service), confirmed ones alone are to be counted.
"""

from collections.abc import Mapping

Cell = tuple[str, str, str]
"""Collection, item, choice: `("contact", "gender", "female")`."""


def shown(counts: Mapping[Cell, int], before: Mapping[Cell, int], smallest_group: int) -> dict[Cell, int]:
    """Return the numbers that may be published now.

    Args:
        counts: how many answers gave each choice, since counting began.
        before: what was published last; empty at first.
        smallest_group: k, answers; the policy's `statistics.smallest_group`.

    Returns:
        By cell, in order; a cell behind which fewer than k answers stand is left out.

    Raises:
        ValueError: a count is smaller than what was published of it, so that the two are not of one series.
    """
    table: dict[Cell, int] = {}
    for cell in sorted({*counts, *before}):
        count, last = counts.get(cell, 0), before.get(cell, 0)
        if count < last:
            raise ValueError(f"{count} counted of {'/'.join(cell)}, of which {last} were published already.")
        number = count if count - last >= smallest_group else last
        if number:
            table[cell] = number
    return table
