"""Asks every host, before anything is changed, whether it can be: all at once, each within the connect timeout."""

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from azukari.errors import Unreachable
from azukari.ssh.host_key import HostKeyDiffers

CONNECT_SECONDS = 5
ANSWER_SECONDS = 20
DISK_FREE_MB = 300  # a package upgrade and the old state of a confirmed change
CLOCK_SECONDS = 60.0  # certificates start 5 min ago; a larger error is refused sooner or later
TARGET = ("debian", "13")
# ssh's words where the connection through the bastion (ProxyJump) ended before the host said anything.
_NO_WAY = re.compile(r"Connection .*UNKNOWN port 65535")
_BEHIND = "the connection through the bastion ended before it answered"
# ssh's words for a host that shows another key than the declared one, or a bare key where a certificate is due.
_FOREIGN = ("REMOTE HOST IDENTIFICATION", "verification failed", "no matching host key type")

# One round trip; works for root (first contact) and for automation (sudo).
_QUESTIONS = r"""
. /etc/os-release; echo "os ${ID:-?} ${VERSION_ID:-?}"
echo "clock $(date +%s.%N)"
echo "free $(df -Pk / | awk 'NR==2{print int($4/1024)}')"
if [ "$(id -u)" = 0 ]; then s=; else s="sudo -n"; fi
$s true 2>/dev/null && echo "root yes"
u=/usr/local/sbin/azukari-rollback
[ -x $u ] && echo "rollbacks $($s $u --list --json 2>/dev/null)"
exit 0
"""


@dataclass(frozen=True)
class Finding:
    """Something that stands in the way, and what to do about it."""

    where: str
    what: str
    remedy: str


@dataclass
class HostState:
    """What one host answered.

    Attributes:
        host: its name.
        way: by which way it answered.
        said: why it cannot be reached, in ssh's words.
        fresh: root was refused there, by key or password, after the host had shown the declared key.
        system: ID and VERSION_ID of os-release(5), the latter's first number.
        free_mb: MB free on /.
        clock_offset: seconds that its clock is ahead of this machine's.
        root: whether the identity can become root.
        rollbacks: what `azukari-rollback --list` says.
    """

    host: str
    way: Literal["managed", "new", "unreachable"]
    said: str = ""
    fresh: bool = False
    system: tuple[str, str] = ("", "")
    free_mb: int = 0
    clock_offset: float = 0.0
    root: bool = False
    rollbacks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def pending_rollbacks(self) -> list[dict[str, Any]]:
        """Changes that were rolled back and not yet named to anybody, or still wait for a proof that will not come."""
        return [
            r
            for r in self.rollbacks
            if r["state"] == "armed" or (r["state"] == "rolled back" and not r["acknowledged"])
        ]

    def findings(self) -> list[Finding]:
        """Return what stands in the way of a change on this host."""
        if self.way == "unreachable":
            remedy = "Look at its console: is it up, is sshd listening, is its address the declared one?"
            if self.fresh:
                remedy = (
                    "It shows the declared host key, but lets neither automation nor root in. Freshly installed? Give "
                    "root's password by `azukari apply --root-password-file`. Else see `azukari-rollback --list` there."
                )
            if any(words in self.said for words in _FOREIGN):
                remedy = (
                    "On its console run `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`, compare, and only if "
                    f"it is the right machine declare that fingerprint as host_key of {self.host} in hosts.yml."
                )
            if self.said == _BEHIND:
                remedy = "Look at the bastion first; where that one answers, at this one's console."
            return [Finding(self.host, f"cannot be reached: {self.said.rstrip('.')}.", remedy)]
        found = []
        if self.system != TARGET:
            was = " ".join(self.system)
            found.append(
                Finding(self.host, f"runs {was}; azukari provisions Debian 13 only.", "Install Debian 13 on it.")
            )
        if self.free_mb < DISK_FREE_MB:
            found.append(
                Finding(
                    self.host, f"has {self.free_mb} MB free on /; {DISK_FREE_MB} MB are needed.", "Make room on it."
                )
            )
        if abs(self.clock_offset) > CLOCK_SECONDS:
            what = f"its clock is {self.clock_offset:+.0f} s off this machine's; {CLOCK_SECONDS:.0f} s are allowed."
            found.append(Finding(self.host, what, "Set the clock that is wrong."))
        if not self.root:
            found.append(
                Finding(
                    self.host,
                    "does not let this identity become root.",
                    "See `azukari-rollback --list` on its console.",
                )
            )
        return found


def ask_all(
    hosts: Iterable[str],
    ssh_config: Path,
    first_contact: Callable[[str], Path],
    root_password: str | None = None,
    on_answer: Callable[[HostState], None] | None = None,
) -> dict[str, HostState]:
    """Ask all hosts at once: first by the normal way, then, where that is shut, as a freshly installed server.

    Args:
        hosts: their names.
        ssh_config: the normal way, through the bastion.
        root_password: root's, on a fresh server without a key.
        first_contact: writes the configuration for root's way on a fresh server, with the declared host key.
        on_answer: called with each answer as it comes.
    """

    def one(host: str) -> HostState:
        state = _ask(host, ssh_config, "managed")
        if state.way == "unreachable":
            state = _first(host, state, first_contact, root_password)
        if on_answer:
            on_answer(state)
        return state

    names = list(hosts)
    with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
        return {state.host: state for state in pool.map(one, names)}


def _first(host: str, state: HostState, first_contact: Callable[[str], Path], root_password: str | None) -> HostState:
    """Ask as on a fresh server; the normal way's answer says more, unless this one shows that there is a server."""
    try:
        fresh = _ask(host, first_contact(host), "new", root_password)
    except HostKeyDiffers as error:
        return HostState(host, "unreachable", said=error.message)
    except Unreachable:
        return state
    fresh.fresh = "Permission denied" in fresh.said
    return fresh if fresh.way == "new" or fresh.fresh or "verification failed" in fresh.said else state


def _ask(host: str, config: Path, way: Literal["managed", "new"], password: str | None = None) -> HostState:
    started = time.time()
    # INFO: why a host's key will not do is said at that level.
    options = ["-o", f"ConnectTimeout={CONNECT_SECONDS}", "-o", "LogLevel=INFO"]
    command = ["ssh", "-F", str(config), *options, host, "sh"]
    try:
        with answering(password) as environment:
            done = subprocess.run(
                command,
                input=_QUESTIONS,
                env=environment,
                capture_output=True,
                text=True,
                timeout=ANSWER_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired:
        return HostState(host, "unreachable", said=f"no answer within {ANSWER_SECONDS} s")
    if done.returncode != 0 or "os " not in done.stdout:
        return HostState(host, "unreachable", said=why_not(done.stderr, done.returncode))
    return read_answer(host, way, done.stdout, started, time.time())


def why_not(stderr: str, code: int) -> str:
    """Return why a host cannot be reached, in ssh's last words.

    Args:
        stderr: what ssh said.
        code: its exit code.
    """
    lines = [line for line in stderr.strip().splitlines() if line.strip()]
    said = lines[-1] if lines else f"ssh ended with code {code}"
    return _BEHIND if _NO_WAY.match(said) else said


@contextmanager
def answering(password: str | None) -> Iterator[dict[str, str]]:
    """Give the environment in which ssh answers a question for a password by itself (SSH_ASKPASS, ssh(1))."""
    if password is None:
        yield dict(os.environ)
        return
    with tempfile.TemporaryDirectory(prefix="azukari-") as folder:
        secret, program = Path(folder) / "secret", Path(folder) / "answer"
        secret.write_text(password + "\n")
        program.write_text(f"#!/bin/sh\ncat {secret}\n")
        program.chmod(0o700)
        yield {**os.environ, "SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force"}


def read_answer(host: str, way: Literal["managed", "new"], text: str, asked: float, answered: float) -> HostState:
    """Turn the answer's text into a state.

    Args:
        host: its name.
        way: by which way it answered.
        text: the answer.
        asked: when the question was sent (seconds since the epoch, this machine's clock).
        answered: when the answer was there; the host's clock is compared with the nearer of the two.
    """
    answers = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
    name, version = answers.get("os", "? ?").split(" ", 1)
    clock = float(answers.get("clock", answered))
    offset = 0.0 if asked <= clock <= answered else (clock - answered if clock > answered else clock - asked)
    return HostState(
        host=host,
        way=way,
        system=(name, version.split(".")[0]),
        free_mb=int(answers.get("free", "0")),
        clock_offset=offset,
        root=answers.get("root") == "yes",
        rollbacks=json.loads(answers.get("rollbacks") or "[]"),
    )
