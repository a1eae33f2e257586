"""What a drill does on hosts: commands and programs as root, by automation's own way."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from azukari.errors import NotJudged
from azukari.provision.session import Session

T = TypeVar("T")
SECONDS = 180


def as_root(at: Session, host: str, command: str, given: str = "") -> str:
    """Run a command as root on a host and return what it printed.

    Args:
        at: the session.
        host: one of its hosts.
        command: for the shell there; no secret and no mark, as everybody on the host can read arguments.
        given: its standard input.

    Raises:
        NotJudged: it failed, or gave no answer.
    """
    call = ["ssh", "-F", str(at.ssh_config), host, f"sudo -n {command}"]
    try:
        done = subprocess.run(call, input=given, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotJudged(f"{host}: “{command}” gave no answer in {SECONDS} s.") from error
    if done.returncode:
        raise NotJudged(f"{host}: “{command}” failed: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


def on_all(at: Session, task: Callable[[str], T]) -> dict[str, T]:
    """Do the same for every host of the session, at the same time."""
    with ThreadPoolExecutor(max_workers=len(at.hosts)) as pool:
        return dict(zip(at.hosts, pool.map(task, at.hosts), strict=True))
