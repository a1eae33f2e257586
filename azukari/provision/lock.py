"""One `apply` per site at a time: the lock lies on the bastion and ends with the connection that holds it."""

import getpass
import json
import select
import shlex
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from azukari.errors import NotJudged, Unreachable
from azukari.provision.session import Session

# The kernel frees it when the connection ends, so a controller that was killed leaves no stale lock behind; that the
# connection has ended may take the bastion a moment, for which it is waited.
_HOLD = r"""
exec 9<>/run/lock/azukari-apply || exit 3
if flock -w 3 9; then printf '%s\n' "$1" >/run/lock/azukari-apply.holder; echo held; cat >/dev/null
else echo "busy $(cat /run/lock/azukari-apply.holder 2>/dev/null)"; fi
"""
_WAIT_SECONDS = 15
_HELD = 75


def lock_place(at: Session) -> str | None:
    """Return where this call's lock lies: on the bastion, or with a keeper who may only pass it, on an own host.

    None: all that this keeper holds is fresh; there is nothing yet that two could change at once.
    """
    bastion = at.site.group("bastion")[0].name
    return bastion if bastion in at.own.hosts else next(iter(at.of_way("managed")), None)


def is_held(host: str, ssh_config: Path) -> bool:
    """Return whether an `apply` of this site is at work.

    Args:
        host: where the lock lies.
        ssh_config: the way to it.
    """
    question = f"sudo -n flock --wait 3 --conflict-exit-code {_HELD} /run/lock/azukari-apply true"
    done = subprocess.run(
        ["ssh", "-F", str(ssh_config), host, question], capture_output=True, timeout=_WAIT_SECONDS, check=False
    )
    return done.returncode == _HELD


@contextmanager
def apply_lock(host: str, ssh_config: Path) -> Iterator[None]:
    """Hold the site's lock.

    Args:
        host: where it lies, as a rule the bastion.
        ssh_config: the way to it.

    Raises:
        NotJudged: somebody else holds it; the message says who, from where and since when.
        Unreachable: the host did not answer.
    """
    holder = json.dumps(
        {
            "who": getpass.getuser(),
            "from": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )
    command = [
        "ssh",
        "-F",
        str(ssh_config),
        host,
        f"sudo -n sh -c {shlex.quote(_HOLD)} azukari {shlex.quote(holder)}",
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None  # noqa: S101 - pipes were asked for
        assert process.stderr is not None  # noqa: S101
        ready, _, _ = select.select([process.stdout], [], [], _WAIT_SECONDS)
        answer = process.stdout.readline().strip() if ready else ""
        if answer.startswith("busy"):
            raise NotJudged(_busy(answer.removeprefix("busy").strip()))
        if answer != "held":
            process.kill()
            raise Unreachable(f"The lock on {host} could not be taken: {process.stderr.read().strip() or 'no answer'}.")
        yield
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _busy(holder: str) -> str:
    try:
        given = json.loads(holder)
        age = datetime.now(UTC) - datetime.fromisoformat(given["since"])
        by = f"{given['who']} at {given['from']} since {given['since']} ({age.total_seconds():.0f} s)"
    except (ValueError, KeyError):
        by = "somebody"
    return f"Another `apply` of this site is running: {by}. Wait for it, or end it there; the lock ends with it."
