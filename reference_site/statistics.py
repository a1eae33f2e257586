"""What may be published of visitors' attributes (section 4 of the policy): aggregates of at least k persons.

Attributes are counted at intake and never linked to a record, so a count only grows. A number is shown once k persons
stand behind it, and changes only when at least k more have come since it was last shown. So no shown number, and no
difference between two tables that were ever shown, speaks of fewer than k persons. No total is shown: total less the
shown numbers would be the size of what is hidden.
"""

from collections.abc import Mapping

Cell = tuple[str, str, str]
"""Collection, item, choice: `("contact", "gender", "female")`."""


def shown(counts: Mapping[Cell, int], before: Mapping[Cell, int], smallest_group: int) -> dict[Cell, int]:
    """Return the numbers that may be published now.

    Args:
        counts: how many persons have given each choice, since counting began.
        before: what was published last; empty at first.
        smallest_group: k, persons; the policy's `statistics.smallest_group`.

    Returns:
        By cell, in order; a cell behind which fewer than k persons stand is left out.

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
