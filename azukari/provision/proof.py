"""Proves from outside that a host can still be administered: new connection, new authentication, sudo."""

import subprocess
import time

PROOF_SECONDS = 20  # well inside the rollback's 45 s
_ATTEMPT_SECONDS = 8


class NotProven(Exception):
    """The host could not be reached by the normal way; the message is what ssh said."""


def prove(host: str, ssh_config: str | None, *, seconds: float = PROOF_SECONDS) -> None:
    """Log in anew, by the way that people use (through the bastion), and run sudo.

    Args:
        host: the host's name in the ssh configuration.
        ssh_config: path of the configuration that `azukari.ssh.config` wrote; None means the user's own.
        seconds: how long to try; a reload of sshd leaves a moment without a listener.

    Raises:
        NotProven: with what ssh said last.
    """
    # ControlPath=none: an open connection would prove nothing about a new one. It reaches the jump too, because
    # the ProxyCommand of the configuration reads AZUKARI_SSH_FRESH.
    command = ["ssh", *(["-F", ssh_config] if ssh_config else []), "-o", "ControlMaster=no", "-o", "ControlPath=none"]
    command += ["-o", "ConnectTimeout=5", host, "sudo", "-n", "/bin/true"]
    end = time.monotonic() + seconds
    while True:
        said = _attempt(command)
        if said is None:
            return
        if time.monotonic() + _ATTEMPT_SECONDS > end:
            raise NotProven(said)
        time.sleep(0.5)


def _attempt(command: list[str]) -> str | None:
    """Return None on success, else what ssh said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ATTEMPT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {_ATTEMPT_SECONDS} s"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"
