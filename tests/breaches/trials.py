"""Breaches and near misses as they lie in this folder: ROLE/NAME.breach.sh and ROLE/NAME.near-miss.sh.

Each is a shell script, run as root on the host, whose head says what it is:

    # safeguard: LEAK-10                       the promise that it breaks, or that must stay kept
    # host: web                                `all`: any host, the least busy; `site`: run in the site's folder here
    # check: test_ssh.py::test_x               the check that must turn red (a breach); several by commas; `…@mail`: on
                                               that host, not on its own, so that it is `alone`
    # also: LEAK-12                            safeguards that may turn red as well
    # took: grep -q x /etc/y                   exit 0 on the host proves that the breach took; else it is VOID
    # tags: ssh                                the roles that heal it; by default the folder's own
    # undo: rm /etc/y                          takes a near miss back, or what no `apply` can heal: a full disk
    # with: plan                               judged after an `azukari plan`, as a day's end would
    # alone: yes                               it shows on other hosts too, so nothing else is broken meanwhile
    # given: $PYTHON -c …                      run in the site's folder; what it prints is /run/given on the host
"""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
BREACH, NEAR_MISS = ".breach.sh", ".near-miss.sh"
SITE, ANY = "site", "all"
KEYS = {"safeguard", "host", "check", "also", "took", "tags", "undo", "with", "alone", "given"}
_HEAD = re.compile(r"^#\s*(\w+):\s*(.+?)\s*$")


class TrialInvalid(Exception):
    """A script's head is wrong; names the file and what is missing."""


@dataclass(frozen=True)
class Trial:
    """One script, and what its head says; `host` may still be `all`."""

    path: Path
    role: str
    name: str
    breach: bool
    safeguard: str
    host: str
    checks: tuple[str, ...]
    also: frozenset[str]
    took: str
    tags: tuple[str, ...]
    undo: str
    with_plan: bool
    alone: bool
    given: str

    @property
    def id(self) -> str:
        """How pytest names it."""
        return f"{self.role}/{self.name}{'' if self.breach else ' (near miss)'}"

    @property
    def may_turn_red(self) -> frozenset[str]:
        """The safeguards that may turn red: none for a near miss."""
        return self.also | {self.safeguard} if self.breach else frozenset()


def parse(path: Path) -> Trial:
    """Read a script's head.

    Raises:
        TrialInvalid: something is missing or unknown.
    """
    breach = path.name.endswith(BREACH)
    given: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#!"):
            continue
        if not line.startswith("#"):
            break
        found = _HEAD.match(line)
        if found and found[1] in KEYS:
            if found[1] in given:
                raise TrialInvalid(f"{path}: “{found[1]}:” stands twice.")
            given[found[1]] = found[2]
    here = given.get("host") == SITE
    needed = ["safeguard", "host", *(["check"] if breach else []), *([] if here else ["took"] if breach else ["undo"])]
    if missing := [key for key in needed if key not in given]:
        raise TrialInvalid(f"{path}: the head lacks “{missing[0]}:”.")
    # a plan sees what is broken on other hosts too
    alone = given.get("alone") == "yes" or given.get("with") == "plan" or here
    if "@" in given.get("check", "") and not alone:
        raise TrialInvalid(f"{path}: a check is to turn red on another host; the head lacks “alone: yes”.")
    role = path.parent.name
    return Trial(
        path=path,
        role=role,
        name=path.name.removesuffix(BREACH).removesuffix(NEAR_MISS),
        breach=breach,
        safeguard=given["safeguard"].split()[0],
        host=given["host"],
        checks=_words(given.get("check", "")),
        also=frozenset(_words(given.get("also", ""))),
        took=given.get("took", ""),
        tags=_words(given.get("tags", role)),
        undo=given.get("undo", ""),
        with_plan=given.get("with") == "plan",
        alone=alone,
        given=given.get("given", ""),
    )


def all_trials() -> list[Trial]:
    """Return every breach and near miss, by role and name."""
    return [parse(path) for path in sorted(FOLDER.glob("*/*.sh")) if path.name.endswith((BREACH, NEAR_MISS))]


def _words(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[\s,]+", text) if part)
