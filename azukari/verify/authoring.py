"""What the author of a check writes with: `check`, `collector` and the verdicts.

A check is a pure judge; a collector asks the server or tries what must be refused. Both say by their parameters' names
what they want: `host` (CheckHost), `site`, `run` (RunContext) and, in a check, the names of its collectors.

This module knows neither pytest nor pydantic, so that a judge can be called in a unit test with recorded answers.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeVar

from azukari.errors import OwnFault

Proof = Literal["ask", "attempt", "drill"]
Vantage = Literal["", "host", "outside", "controller"]
Function = TypeVar("Function", bound=Callable[..., Any])

CHECK, COLLECTOR = "__azukari_check__", "__azukari_collector__"


class NotApplicable(Exception):
    """The safeguard does not concern this host; the message says why."""


class NotEvaluated(Exception):
    """The check could not be judged; the message says why."""


def not_applicable(why: str) -> NoReturn:
    """End the check with the verdict *not applicable*.

    Args:
        why: one clause for the reader of the report, such as `lab container`.
    """
    raise NotApplicable(why)


def not_evaluated(why: str) -> NoReturn:
    """End the check with the verdict *not evaluated*: never a pass, never a fail.

    Args:
        why: what could not be asked, and why not.
    """
    raise NotEvaluated(why)


@dataclass(frozen=True)
class Collector:
    """How a function collects: its name, the proof it gives, and whether it runs once a host or once a site."""

    name: str
    function: Callable[..., Any]
    proof: Proof
    scope: Literal["host", "site"]


@dataclass(frozen=True)
class Check:
    """What a check judges: which safeguard, by which proof, on which hosts, from which collectors and fact sections."""

    safeguard: str
    proof: Proof
    hosts: tuple[str, ...]
    collect: tuple[Collector, ...]
    sections: tuple[str, ...]
    host_level: bool
    vantage: Vantage
    function: Callable[..., Any]


def collector(*, proof: Proof = "ask", scope: Literal["host", "site"] = "host") -> Callable[[Function], Function]:
    """Mark a function that collects what a check judges; it runs before any judging, in parallel with the others.

    Args:
        proof: `ask` changes nothing; `attempt` tries what must be refused and is left out by `--no-attempts`.
        scope: `host` runs once for each host that a check wants it for; `site` once in all, without `host`.

    Returns:
        The function, unchanged; it takes any of `host`, `site`, `run` and returns a JSON-able value or a dataclass.
    """

    def mark(function: Function) -> Function:
        setattr(function, COLLECTOR, Collector(function.__name__, function, proof, scope))
        return function

    return mark


def check(
    safeguard: str,
    *,
    proof: Proof = "ask",
    hosts: str | Sequence[str] = "all",
    collect: Sequence[Callable[..., Any]] = (),
    sections: Sequence[str] = (),
    host_level: bool = False,
    vantage: Vantage = "",
) -> Callable[[Function], Function]:
    """Mark a test as the check of a safeguard.

    The function takes any of `host`, `site`, `run` and its collectors' names. It fails by AssertionError, says
    `not_applicable(…)` or `not_evaluated(…)`, and on a pass may return the sentence that says what was found. Any other
    exception is *not evaluated*. Its docstring's first line is the sentence that the report shows.

    Args:
        safeguard: the id, such as `LEAK-10`.
        proof: the strongest kind of proof behind the verdict.
        hosts: `all`, a group or groups of the inventory, or `site` for one site-wide verdict. A site-wide check gets,
            for each collector of scope `host`, a mapping from host name to value, and `hosts` (all CheckHosts by name).
        collect: the collectors, as functions marked by `collector`.
        sections: the fact sections that must have been answered; else the check is not evaluated.
        host_level: also judged by `azukari verify --host`, where `site` is None.
        vantage: from where it was proven: by default `outside` for an attempt and `host` else; `controller` is the
            machine that runs azukari.

    Raises:
        OwnFault: a collector is not marked as one.
    """
    for one in collect:
        if not hasattr(one, COLLECTOR):
            raise OwnFault(f"The check of {safeguard} collects by “{one.__name__}”, which is not marked @collector.")

    def mark(function: Function) -> Function:
        found = Check(
            safeguard=safeguard,
            proof=proof,
            hosts=(hosts,) if isinstance(hosts, str) else tuple(hosts),
            collect=tuple(getattr(one, COLLECTOR) for one in collect),
            sections=tuple(sections),
            host_level=host_level,
            vantage=vantage,
            function=function,
        )
        setattr(function, CHECK, found)
        return function

    return mark


def fail_unless_equal(*, found: Any, promised: Any, where: str, what: str = "") -> None:
    """Fail when what was found is not exactly what was promised, and say the difference in words.

    Args:
        found: what the server has or does: a set, a mapping, a sequence or a plain value.
        promised: what the declared site or the safeguard promises, of the same kind.
        where: where to look, such as `sshd -T -C user=root on web`.
        what: what is compared, such as `open ports`.

    Raises:
        AssertionError: they differ.
    """
    if found == promised:
        return
    subject = f"{what}: " if what else ""
    raise AssertionError(f"{subject}{'; '.join(differences(found, promised))}. Where to look: {where}.")


def differences(found: Any, promised: Any) -> list[str]:
    """Return the difference as clauses: what is there but not promised, and what is promised but not there."""
    if isinstance(found, Mapping) and isinstance(promised, Mapping):
        clauses = _extra_and_missing(set(found), set(promised))
        changed = sorted((k for k in found.keys() & promised.keys() if found[k] != promised[k]), key=str)
        return clauses + [_difference_of_entry(key, found[key], promised[key]) for key in changed]
    if isinstance(found, AbstractSet) and isinstance(promised, AbstractSet):
        return _extra_and_missing(found, promised)
    both_sequences = isinstance(found, list | tuple) and isinstance(promised, list | tuple)
    if both_sequences and all(_hashable(one) for one in (*found, *promised)) and set(found) != set(promised):
        return _extra_and_missing(set(found), set(promised))
    return [f"found {_words(found)}, promised {_words(promised)}"]


def _difference_of_entry(key: Any, found: Any, promised: Any) -> str:
    if isinstance(found, AbstractSet) and isinstance(promised, AbstractSet):
        return f"{_words(key)}: " + "; ".join(_extra_and_missing(found, promised))
    return f"{_words(key)} is {_words(found)}, promised is {_words(promised)}"


def _extra_and_missing(found: AbstractSet[Any], promised: AbstractSet[Any]) -> list[str]:
    clauses = []
    if extra := sorted(found - promised, key=str):
        clauses.append("found but not promised: " + ", ".join(_words(one) for one in extra))
    if missing := sorted(promised - found, key=str):
        clauses.append("promised but not found: " + ", ".join(_words(one) for one in missing))
    return clauses


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value or "nothing"
    if isinstance(value, tuple | list):
        return " ".join(_words(one) for one in value) or "nothing"
    if isinstance(value, AbstractSet):
        return ", ".join(sorted(_words(one) for one in value)) or "nothing"
    return {None: "nothing", True: "yes", False: "no"}.get(value, str(value)) if _hashable(value) else str(value)
