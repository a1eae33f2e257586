"""The machine's own settings that a lab needs otherwise than it finds them; the last lab puts them back."""

import json
from pathlib import Path
from typing import NamedTuple

from azukari.lab.commands import LabFault
from azukari.lab.layout import STATE
from azukari.lab.locks import lock

# Below /proc/sys: the least value.
_LEAST = {
    "net/ipv4/ip_forward": 1,  # the hosts' way to the package mirrors
    # Each host needs about eight; with the kernel's default of 128 for all of root's processes the second lab's hosts
    # end as soon as they start, without a word.
    "fs/inotify/max_user_instances": 4096,
}


class _Memory(NamedTuple):
    """How the machine had the settings, and the labs that need them otherwise."""

    before: dict[str, int]
    labs: list[str]


def claim(user: str, state: Path = STATE, kernel: Path = Path("/proc/sys")) -> None:
    """Raise what is too low; the first lab remembers how the machine had it.

    Args:
        user: the lab's site.
        state: the folder of all labs.
        kernel: where the kernel's settings are.
    """
    with lock("settings", state):
        remembered = _read(state)
        before = remembered.before
        for name, least in _LEAST.items():
            path = kernel / name
            now = int(path.read_text())
            before.setdefault(name, now)
            if now < least:
                _set(path, least)
        _write(state, before, sorted({*remembered.labs, user}))


def give_back(user: str, state: Path = STATE, kernel: Path = Path("/proc/sys")) -> None:
    """Forget a lab; the last one puts the settings back as they were.

    Args:
        user: the lab's site.
        state: the folder of all labs.
        kernel: where the kernel's settings are.
    """
    with lock("settings", state):
        remembered = _read(state)
        labs = sorted(set(remembered.labs) - {user})
        if labs:
            _write(state, remembered.before, labs)
            return
        for name, value in remembered.before.items():
            now = int((kernel / name).read_text())
            if now == _LEAST.get(name) != value:  # somebody else's change since then stays
                _set(kernel / name, value)
        _file(state).unlink(missing_ok=True)


def _set(path: Path, value: int) -> None:
    try:
        path.write_text(f"{value}\n")
    except OSError as error:
        raise LabFault(f"{path} could not be set to {value}: {error.strerror}.") from error


def _file(state: Path) -> Path:
    return state / ".settings.json"


def _read(state: Path) -> _Memory:
    try:
        found = json.loads(_file(state).read_text(encoding="utf-8"))
        return _Memory(dict(found["before"]), list(found["labs"]))
    except (OSError, ValueError, KeyError, TypeError):
        return _Memory({}, [])


def _write(state: Path, before: dict[str, int], labs: list[str]) -> None:
    state.mkdir(parents=True, exist_ok=True)
    _file(state).write_text(json.dumps({"before": before, "labs": labs}), encoding="utf-8")
