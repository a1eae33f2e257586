"""plan and apply on real hosts: what is foreseen is what happens, one at a time, and a killed run is finished later."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from azukari.lab import Lab
from tests import provisioned
from tests.provisioned import azukari

pytestmark = pytest.mark.lab
KILLS = {"all": 10, "rotating": 2}  # by --share

# Hand edits in several roles, on several hosts.
EDITS = {
    "app": "echo '# by hand' >>/etc/login.defs; rm /etc/nftables.conf",
    "db": "echo '# by hand' >>/etc/ssh/sshd_config; systemctl disable --now chrony.service",
    "web": "echo '# by hand' >>/etc/nginx/nginx.conf; chmod 644 /etc/sudoers",
}


def changes(done: subprocess.CompletedProcess[str]) -> set[tuple[str, str]]:
    """Return the set of (host, task) that the lines of progress call changed."""
    return {(m[1], m[2].strip()) for m in re.finditer(r"(?m)^ *[\d.]+ s +(\S+) +changed +(.+)$", done.stderr)}


def nothing_is_left_running() -> None:
    """A killed run takes its own processes with it, also those that lead a session of their own."""
    ours = str(provisioned.FOLDER / "site").encode()
    end = time.monotonic() + 5
    while True:
        lines = {path.parent.name: _command_line(path) for path in Path("/proc").glob("[0-9]*/cmdline")}
        left = {pid: line for pid, line in lines.items() if b"ansible" in line and ours in line}
        if not left:
            return
        assert time.monotonic() < end, left
        time.sleep(0.1)


def _command_line(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has just ended
        return b""


def edit(lab: Lab) -> None:
    for host, command in EDITS.items():
        done = lab.run(host, ["sh", "-c", command])
        assert done.returncode == 0, done.stderr


def test_nothing_to_change(provisioned_lab: Lab) -> None:
    provisioned_lab.reset(list(EDITS))
    done = azukari("plan")
    assert done.returncode == 0, done.stderr
    assert changes(done) == set()


def test_a_plan_is_what_the_next_apply_changes(provisioned_lab: Lab, tmp_path: Path) -> None:
    provisioned_lab.reset(list(EDITS))
    edit(provisioned_lab)
    planned = azukari("plan", "--json", str(tmp_path / "plan.json"))
    assert planned.returncode == 4, planned.stderr
    foreseen = {(one["host"], one["task"]) for one in json.loads((tmp_path / "plan.json").read_text())["changes"]}
    assert {host for host, _ in foreseen} == set(EDITS)
    applied = azukari("apply")
    assert applied.returncode == 0, applied.stderr
    assert changes(applied) == foreseen
    assert azukari("plan").returncode == 0


def test_the_first_failure_stops_it(provisioned_lab: Lab) -> None:
    """db comes before app: what db cannot do keeps app untouched."""
    provisioned_lab.reset(["db", "app"])
    for host in ("db", "app"):
        provisioned_lab.run(host, ["sh", "-c", "echo '# by hand' >>/etc/login.defs"])
    # A folder where a file must be: it cannot be replaced in one step.
    provisioned_lab.run("db", ["sh", "-c", "rm -f /etc/login.defs; mkdir -p /etc/login.defs/inside"])
    done = azukari("apply", "--limit", "db,app", "--tags", "base")
    assert done.returncode == 1, done.stderr
    assert "db: base" in done.stderr
    kept = provisioned_lab.run("app", ["tail", "-1", "/etc/login.defs"])
    assert kept.stdout == b"# by hand\n"
    provisioned_lab.reset(["db", "app"])


def test_one_apply_at_a_time(provisioned_lab: Lab) -> None:
    """The second is told who holds the lock, and since when."""
    first = subprocess.Popen(
        [sys.executable, "-m", "azukari", "apply"],
        env=provisioned.environment(),
        cwd=provisioned.REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        taken = ["sh", "-c", "grep -q since /run/lock/azukari-apply.holder && ! flock -n /run/lock/azukari-apply true"]
        end = time.monotonic() + 60
        while provisioned_lab.run("bastion", taken).returncode != 0:
            assert time.monotonic() < end, "the first apply never took the lock"
            time.sleep(0.2)
        second = azukari("apply")
        assert second.returncode == 2, second.stderr
        assert re.search(
            r"Another `apply` of this site is running: \S+ at \S+ since 20\d\d-\S+ \(\d+ s\)", second.stderr
        )
    finally:
        first.wait(timeout=300)
    assert first.returncode == 0


def test_killed_at_random_moments(provisioned_lab: Lab, request: pytest.FixtureRequest) -> None:
    """Whatever was killed when: hosts stay reachable, the next apply converges, and everything holds."""
    kills = KILLS[request.config.getoption("--share", default="all")]
    seed = int(time.time())
    chance = random.Random(seed)
    print(f"seed {seed}, {kills} kills")
    for _ in range(kills):
        provisioned_lab.reset(list(EDITS))
        edit(provisioned_lab)
        process = subprocess.Popen(
            [sys.executable, "-m", "azukari", "apply", "--limit", ",".join(EDITS)],
            env=provisioned.environment(),
            cwd=provisioned.REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(chance.uniform(2, 25))
        with contextlib.suppress(ProcessLookupError):  # it had ended already
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        nothing_is_left_running()
        # 1 where a change had been rolled back: it is named, and put in force again.
        again = azukari("apply", "--limit", ",".join(EDITS))
        assert again.returncode in (0, 1), again.stderr
        if again.returncode == 1:
            assert "Rolled back before this run" in again.stderr
        settled = azukari("plan", "--limit", ",".join(EDITS))
        assert settled.returncode == 0, settled.stderr
    assert azukari("plan").returncode == 0  # DEST-10 reads the newest whole one
    judged = azukari("verify")  # all hosts: what one may do at another is tried from there
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_first_contact_by_password(provisioned_lab: Lab, tmp_path: Path) -> None:
    """A fresh Debian where root has a password and no key is taken over; then root's way is shut."""
    host = "mail"
    provisioned_lab.reset(host, to="fresh")
    try:
        opened = (
            "rm /root/.ssh/authorized_keys; echo root:correct-horse | chpasswd; "
            "echo 'PermitRootLogin yes' >/etc/ssh/sshd_config.d/root.conf; systemctl restart ssh"
        )
        assert provisioned_lab.run(host, ["sh", "-c", opened]).returncode == 0
        refused = azukari("doctor", "--limit", host)
        assert refused.returncode == 2, refused.stderr
        password = tmp_path / "password"
        password.write_text("correct-horse\n")
        done = azukari("apply", "--limit", host, "--root-password-file", str(password), timeout=600)
        assert done.returncode == 0, done.stderr
        assert azukari("doctor", "--limit", host).returncode == 0
        settings = provisioned_lab.run(host, ["sh", "-c", "sshd -T -C user=root,host=x,addr=198.18.65.10"]).stdout
        assert b"permitrootlogin no" in settings
        provisioned_lab.snapshot([host])
    except BaseException:
        provisioned.forget()  # the next session builds the lab anew
        raise


def test_what_a_service_has_not_read_is_put_in_force(provisioned_lab: Lab) -> None:
    """A run killed between a file and its handler leaves services with older settings: the next one restarts them."""
    unread = {
        "web": {"nginx.service": "/etc/nginx/nginx.conf", "systemd-journald.service": "/etc/systemd/journald.conf.d"},
        "bastion": {"squid.service": "/etc/squid/squid.conf", "chrony.service": "/etc/azukari/tls/time.pem"},
    }

    def processes() -> list[bytes]:
        show = ["systemctl", "show", "--value", "--property=MainPID"]
        return [provisioned_lab.run(host, [*show, *units]).stdout for host, units in unread.items()]

    for host, units in unread.items():
        provisioned_lab.reset(host)
        provisioned_lab.run(host, ["touch", "--date=2020-01-01", *units.values()])
    before = processes()
    pids = b" ".join(before).split()
    assert len(set(pids)) == 4, pids
    assert b"0" not in pids, "a service does not run, so this proves nothing"
    foreseen = azukari("plan", "--limit", ",".join(unread))
    assert foreseen.returncode == 4, foreseen.stderr
    done = azukari("apply", "--limit", ",".join(unread))
    assert done.returncode == 0, done.stderr
    stayed = {*pids} & {*b" ".join(processes()).split()}
    assert not stayed, f"still the old processes {stayed}"
    settled = azukari("plan", "--limit", ",".join(unread))
    assert settled.returncode == 0, settled.stderr


def test_a_foreign_host_key_stops_first_contact(provisioned_lab: Lab) -> None:
    """Another machine answers at a fresh server's address: apply stops, with the command for the console."""
    host = "mail"
    provisioned_lab.reset(host)
    swap = (
        "rm /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh"
    )
    assert provisioned_lab.run(host, ["sh", "-c", swap]).returncode == 0
    try:
        done = azukari("apply", "--limit", host)
        assert done.returncode == 2, done.stderr
        assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in done.stderr
        assert "Nothing was changed" in done.stderr
    finally:
        provisioned_lab.reset(host)
