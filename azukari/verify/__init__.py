"""Asks the servers, tries what must be refused, and judges: five verdicts, by plain pytest checks.

Authors of checks write `from azukari.verify import check, collector, fail_unless_equal, not_applicable, not_evaluated`.
"""

from typing import TYPE_CHECKING, Any

from azukari.verify.authoring import check, collector, fail_unless_equal, not_applicable, not_evaluated
from azukari.verify.results import Result, RunResult

if TYPE_CHECKING:
    from azukari.verify.running import run

__all__ = [
    "Result",
    "RunResult",
    "check",
    "collector",
    "fail_unless_equal",
    "not_applicable",
    "not_evaluated",
    "run",
]


def __getattr__(name: str) -> Any:
    """Load `run` when it is wanted: it brings pytest and mitogen, which readers of results need not wait for."""
    if name == "run":
        from azukari.verify.running import run

        return run
    raise AttributeError(name)
