"""Proves from outside that a host can still be administered: new connection, new authentication, sudo."""

import subprocess
import time
from collections.abc import Callable

from azukari.ssh.identity import JUMP_ALIAS

PROOF_SECONDS = 20  # well inside the rollback's 45 s
_ATTEMPT_SECONDS = 8
Done = subprocess.CompletedProcess[str]
_FRESH = ("-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "ConnectTimeout=5")


class NotProven(Exception):
    """The host could not be reached by the normal way; the message is what ssh said."""


def prove(host: str, ssh_config: str, *, bastion: str, seconds: float = PROOF_SECONDS) -> None:
    """Log in anew, by the way that people use (through the bastion), and run sudo.

    An open connection proves nothing about a new one, so none is shared, not even the one to the bastion.

    Args:
        host: the host's name in the ssh configuration.
        ssh_config: path of the configuration that `azukari.ssh.config` wrote.
        bastion: the bastion's name; it is reached directly, and its jump account must still let people through.
        seconds: how long to try; a reload of sshd leaves a moment without a listener.

    Raises:
        NotProven: with what ssh said last.
    """
    jump = f"ssh -F {ssh_config} {' '.join(_FRESH)} -W [%h]:%p {JUMP_ALIAS}"
    way = [] if host == bastion else ["-o", f"ProxyCommand={jump}"]
    login = ["ssh", "-F", ssh_config, *_FRESH, *way, host, "sudo", "-n", "/bin/true"]
    _until(seconds, login, lambda done: done.returncode == 0)
    if host == bastion:
        # -N asks for nothing but the authentication; the session stays open, so that being let in ends in our timeout.
        through = ["ssh", "-F", ssh_config, *_FRESH, "-v", "-N", JUMP_ALIAS]
        _until(seconds, through, lambda done: "Authenticated to" in done.stderr, attempt_seconds=3)


def _until(
    seconds: float, command: list[str], good: Callable[[Done], bool], attempt_seconds: float = _ATTEMPT_SECONDS
) -> None:
    """Try until the outcome is good or the time is over."""
    end = time.monotonic() + seconds
    while True:
        done = _attempt(command, attempt_seconds)
        if good(done):
            return
        if time.monotonic() + attempt_seconds > end:
            lines = [line for line in done.stderr.strip().splitlines() if not line.startswith("debug1:")]
            raise NotProven(lines[-1] if lines else f"ssh ended with code {done.returncode}")
        time.sleep(0.5)


def _attempt(command: list[str], seconds: float) -> Done:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.terminate()
        _, said = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, "", said)
