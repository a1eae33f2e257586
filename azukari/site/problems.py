"""Problems of a site, all told at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from azukari.errors import InputError


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in a site's files.

    Attributes:
        file: path below the site's folder.
        line: 1 is the first line; 0 when the whole file is meant.
        message: what was found; what is allowed; what to do.
    """

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


class SiteInvalid(InputError):
    """The site's files cannot be used as they are.

    Attributes:
        problems: every problem found, sorted by file and line.
    """

    def __init__(self, where: str, problems: Sequence[Problem]) -> None:
        self.problems = sorted(set(problems))
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"The site {where} has {count}:", *(f"  {problem}" for problem in self.problems)]))
