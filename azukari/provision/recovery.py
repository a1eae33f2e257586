"""Names what hosts have rolled back by themselves, so that nobody believes a change that is not in force."""

import time
from collections.abc import Iterable
from subprocess import run

from azukari.errors import NotJudged
from azukari.provision.lock import is_held, lock_place
from azukari.provision.preflight import ask_all
from azukari.provision.session import Session

ROLLBACK = "/usr/local/sbin/azukari-rollback"
BACK_WITHIN = 75.0  # seconds: the rollback's 45, a reload, and the loss of the connection noticed


def recover(at: Session, hosts: Iterable[str]) -> list[str]:
    """Name, and acknowledge, every change that a host rolled back since somebody last looked.

    A change that is still armed belongs to an `apply` that is gone: its proof will not come, so it is restored at once.
    """
    named = []
    for host in hosts:
        for change in at.states[host].pending_rollbacks:
            if change["state"] == "armed":
                _refuse_while_applying(at, host, change["what"])
                _on_host(at, host, f"{ROLLBACK} --restore {change['id']}")
            _on_host(at, host, f"{ROLLBACK} --acknowledge {change['id']}")
            paths = ", ".join(kept["path"] for kept in change["paths"])
            named.append(
                f"{host}: “{change['what']}” of {change['at']} was rolled back: never proven from outside ({paths})."
            )
    return named


def _refuse_while_applying(at: Session, host: str, what: str) -> None:
    """An armed change may be one of an `apply` that is at work this moment, whose proof is on its way."""
    place = lock_place(at)
    if place and is_held(place, at.ssh_config):
        raise NotJudged(f"{host}: “{what}” waits for its proof: another `apply` of this site is running. Wait for it.")


def _on_host(at: Session, host: str, command: str) -> None:
    done = run(
        ["ssh", "-F", str(at.ssh_config), host, f"sudo -n {command}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise NotJudged(f"{host}: “{command}” failed: {done.stderr.strip()}")


def after_fault(at: Session, hosts: Iterable[str]) -> list[str]:
    """Wait until hosts on which a task failed are back by the normal way, and name what they rolled back.

    Args:
        at: the session.
        hosts: where something failed; a host that stays away is named too.
    """
    waiting = sorted(set(hosts))
    end = time.monotonic() + BACK_WITHIN
    while True:
        at.states |= ask_all(waiting, at.ssh_config, at.first_contact, at.root_password)
        still = [h for h in waiting if at.states[h].way == "unreachable" or _armed(at, h)]
        if not still or time.monotonic() > end:
            break
        time.sleep(2)
    named = recover(at, [h for h in waiting if h not in still])
    return named + [f"{h} is not back by the normal way; on its console: azukari-rollback --list" for h in still]


def _armed(at: Session, host: str) -> bool:
    return any(change["state"] == "armed" for change in at.states[host].rollbacks)
