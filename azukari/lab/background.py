"""Programs of the lab's outside world: started in the vantage's network, recorded with their start time, ended."""

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from azukari.lab.commands import PATH, LabFault, find
from azukari.lab.layout import Layout
from azukari.lab.process import started_at

_READY_WITHIN = 30.0  # seconds


def start(
    lab: Layout, folder: Path, argv: list[str], what: str, ready: Callable[[], bool], env: Mapping[str, str]
) -> None:
    """Start a program in the vantage's network, and wait until it is ready.

    Args:
        lab: the lab.
        folder: where its log and record go.
        argv: the program and its arguments.
        what: what it is, to begin a sentence with “The lab's”.
        ready: whether it is.
        env: its environment, beside PATH.

    Raises:
        LabFault: it does not become ready.
    """
    programs = [find(name) for name in ("setsid", "ip")]
    if None in programs:
        raise LabFault("This machine has no “setsid”, or no “ip”.")
    setsid, ip = (str(one) for one in programs)
    log, number = folder / "log", folder / "pid"
    number.unlink(missing_ok=True)
    # In a session of its own and nobody's child: whoever takes the lab down may be another process than this one.
    spawned = os.posix_spawn(
        setsid,
        [
            *(setsid, "--fork", "sh", "-c", 'echo $$ >"$0" && exec "$@"', str(number)),
            *(ip, "netns", "exec", lab.namespace, *argv),
        ],
        {"PATH": PATH, **env},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )
    os.waitpid(spawned, 0)
    pid = _number(number)
    write(folder / "running.json", json.dumps({"pid": pid, "started": started_at(pid)}))
    until = time.monotonic() + _READY_WITHIN
    while not ready():
        if not alive(folder) or time.monotonic() > until:
            end(folder)
            words = " / ".join(log.read_text("utf-8", "replace").strip().splitlines()[-3:])
            raise LabFault(f"The lab's {what} did not start: {words or 'it said nothing'}")
        time.sleep(0.05)


def end(folder: Path) -> None:
    """End a folder's program, if it runs."""
    if alive(folder):
        pid = int(_running(folder)["pid"])
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _wait_until_gone(folder)
    (folder / "running.json").unlink(missing_ok=True)


def alive(folder: Path) -> bool:
    """Tell whether a folder's program runs."""
    found = _running(folder)
    # A process id alone may be another process by now; with its start time it is certain.
    return bool(found) and found["started"] is not None and started_at(int(found["pid"])) == found["started"]


def write(path: Path, text: str) -> None:
    """Write a file whole, and not at all where it says so already: its age tells when it changed."""
    if path.exists() and path.read_text("utf-8") == text:
        return
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, "utf-8")
    unfinished.rename(path)


def _number(file: Path) -> int:
    """Return the process id that a program's own shell writes before it becomes the program."""
    until = time.monotonic() + _READY_WITHIN
    while time.monotonic() < until:
        with suppress(OSError, ValueError):
            return int(file.read_text("ascii"))
        time.sleep(0.01)
    raise LabFault(f"A program of the lab's outside world did not begin; see {file.parent / 'log'}.")


def _running(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "running.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _wait_until_gone(folder: Path) -> None:
    until = time.monotonic() + 5
    while alive(folder) and time.monotonic() < until:
        time.sleep(0.02)
