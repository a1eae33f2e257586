"""Runs commands in a host as its root, by its namespaces: needs neither network, nor sshd, nor D-Bus there."""

import os
import shlex
import signal
import subprocess
from collections.abc import Sequence
from typing import IO

from azukari.lab import cgroup
from azukari.lab.commands import PATH, LabFault, find
from azukari.lab.process import WITHHELD, Running

# What root has after a login on the console (login.defs(5), ENV_SUPATH); nothing of the caller's environment.
_ENVIRONMENT = {
    "PATH": PATH,
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/bash",
    "LANG": "C.UTF-8",
}


def execute(
    host: Running,
    argv: Sequence[str],
    *,
    stdin: IO[bytes] | int | None = None,
    stdout: IO[bytes] | int | None = None,
    stderr: IO[bytes] | int | None = None,
) -> int:
    """Run a command with the caller's own input and outputs, or the given ones, and return its exit code.

    A command that a signal ended gives 128 + the signal's number, as a shell would say.
    """
    process = subprocess.Popen(
        _command(host, argv), stdin=stdin, stdout=stdout, stderr=stderr, env=_environment(), close_fds=True
    )
    while True:
        try:
            return _as_shell(process.wait())
        except KeyboardInterrupt:  # the terminal sent it to the command too, which decides what it means
            continue


def run(
    name: str,
    host: Running,
    argv: Sequence[str],
    *,
    input: bytes | None,  # noqa: A002 -- as subprocess.run names it
    timeout: float,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command and return its outputs as bytes.

    Args:
        name: the host's name, for the message.
        host: its processes.
        argv: the command and its arguments.
        input: what it reads on standard input; nothing by default.
        timeout: seconds after which it is ended, with all its children.

    Raises:
        LabFault: it took too long.
    """
    process = subprocess.Popen(
        _command(host, argv),
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        start_new_session=True,
    )
    with process:
        try:
            out, err = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise LabFault(f"“{shlex.join(argv)}” on {name} did not end within {timeout:.0f} s.") from None
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(list(argv), _as_shell(process.returncode), out, err)


def _environment() -> dict[str, str]:
    terminal = os.environ.get("TERM")
    return _ENVIRONMENT | ({"TERM": terminal} if terminal else {})


def _command(host: Running, argv: Sequence[str]) -> list[str]:
    restrict, enter = find("setpriv"), find("nsenter")
    if restrict is None or enter is None:
        raise LabFault("This machine has no “nsenter” or no “setpriv”.")
    # nsenter changes namespaces only: without the bounds the command would have all of *this machine's* powers, and
    # setting the host's clock would set the machine's.
    bounds = ",".join(f"-{name.removeprefix('CAP_').lower()}" for name in WITHHELD)
    namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"]
    restricted = [restrict, f"--bounding-set={bounds}", f"--inh-caps={bounds}"]
    inside = [*restricted, enter, f"--target={host.leader}", *namespaces, "--", *argv]
    group = cgroup.of_commands(host.leader)
    if group is None:
        return inside
    # "$@" keeps each argument as it is; the group's file is the only thing that the shell itself touches.
    return ["/bin/sh", "-c", 'echo 0 >"$0" && exec "$@"', str(group / "cgroup.procs"), *inside]


def _as_shell(code: int) -> int:
    return code if code >= 0 else 128 - code
