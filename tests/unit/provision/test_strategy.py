"""No process of Ansible outlives a run that was killed, whenever it was killed."""

import subprocess
import sys

from azukari.provision import runner

# The hook that is registered first runs first in the child: it waits until the parent is gone or says that it lives on.
ORPHAN = """
import os, sys, time
parent = os.getpid()
def wait():
    end = time.monotonic() + 10
    while {until} and time.monotonic() < end:
        time.sleep(0.01)
os.register_at_fork(after_in_child=wait)
sys.path.insert(0, {folder!r})
import mitogen_azukari
child = os.fork()
if child == 0:
    os.write(1, b"it lives")
    os._exit(0)
{then}
"""


def said(*, until, then):
    program = ORPHAN.format(folder=str(runner._PLUGINS / "strategy"), until=until, then=then)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=True)
    return done.stdout


def test_a_child_whose_parent_was_killed_at_once_ends():
    assert said(until="os.getppid() == parent", then="os._exit(0)") == b""


def test_a_child_whose_parent_lives_goes_on():
    assert said(until="False", then="os.waitpid(child, 0)") == b"it lives"
