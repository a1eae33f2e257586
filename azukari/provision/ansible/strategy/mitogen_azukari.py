"""mitogen's linear strategy, with the scheduler left to place its processes, and none of them left behind.

mitogen pins itself to one core and, on a machine with two or three, Ansible and all its workers to the next: they then
take turns. The name begins with “mitogen”, by which `azukari_site` knows how hosts are reached.

Each worker of Ansible is the leader of a session of its own: who kills a run does not reach it, and it would wait for
mitogen's answer for good.
"""

import ctypes
import os
import signal
from typing import Any

import ansible_mitogen.affinity
import ansible_mitogen.loaders
import ansible_mitogen.strategy

_PR_SET_PDEATHSIG = 1  # prctl(2)
_libc = ctypes.CDLL(None)

ansible_mitogen.affinity.policy = ansible_mitogen.affinity.Policy()
_forking = os.getpid()  # who forks


def _note_parent() -> None:
    global _forking  # noqa: PLW0603 - what a hook before the fork tells the one after it
    _forking = os.getpid()


def _end_with_parent() -> None:
    """Have the kernel end this child with its parent, and end it now where the parent went before that was said."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != _forking:
        os.kill(os.getpid(), signal.SIGKILL)


os.register_at_fork(before=_note_parent, after_in_child=_end_with_parent)

_Linear: Any = ansible_mitogen.loaders.strategy_loader.get("linear", class_only=True)


class StrategyModule(ansible_mitogen.strategy.StrategyMixin, _Linear):
    """Looked for by this name."""
