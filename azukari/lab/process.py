"""One host as processes of this machine: started by systemd-nspawn, entered by nsenter, ended for certain."""

import json
import os
import shlex
import signal
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from azukari.lab import cgroup
from azukari.lab.commands import PATH, LabFault, find
from azukari.lab.layout import HostLayout, Layout

# With these a host could set the machine's clock, load modules into its kernel, or end it.
WITHHELD = ("CAP_SYS_TIME", "CAP_SYS_MODULE", "CAP_SYS_BOOT")
_SSH_PORT = 22
_TCP_LISTEN = "0A"
_SIGRTMIN_HALT = 4  # systemd(1), SIGNALS: SIGRTMIN+4 powers off


@dataclass(frozen=True)
class Running:
    """A started host. A process id alone may be another process by now; with its start time it is certain."""

    nspawn: int
    nspawn_started: str
    leader: int
    leader_started: str
    boot: str

    @property
    def alive(self) -> bool:
        """Whether the host's first process and the one that looks after it still run."""
        return started_at(self.leader) == self.leader_started and started_at(self.nspawn) == self.nspawn_started


def started_at(pid: int) -> str | None:
    """Return when a process started, in the kernel's clock ticks since boot (proc_pid_stat(5), field 22)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def boot_id() -> str:
    """Return the identity of the machine's present run."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def running(host: HostLayout) -> Running | None:
    """Return the host's processes if it runs."""
    found = recorded(host)
    return found if found and found.boot == boot_id() and found.alive else None


def recorded(host: HostLayout) -> Running | None:
    """Return what was recorded at the host's newest start, alive or not."""
    try:
        return Running(**json.loads(host.record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def start(lab: Layout, host: HostLayout, mounting: str, *, timeout: float = 20) -> Running:
    """Start a host.

    Args:
        lab: the lab.
        host: the host.
        mounting: shell lines that mount its file system.
        timeout: seconds until its first process must run.

    Raises:
        LabFault: it did not start; the message has its console's last lines.
    """
    script = f"{mounting}\nexec {shlex.join(_command(lab, host))}"
    pid = _spawn(script, cgroup.make(lab.bridge, host.name), host.console)
    leader = _wait_for_leader(pid, timeout)
    if leader is None:
        end_all(lab, host)
        raise LabFault(f"{host.name} did not start: {last_words(host)}")
    found = Running(pid, started_at(pid) or "", leader, started_at(leader) or "", boot_id())
    host.record.write_text(json.dumps(asdict(found)), encoding="utf-8")
    return found


def _command(lab: Layout, host: HostLayout) -> list[str]:
    program = find("systemd-nspawn")
    if program is None:
        raise LabFault("This machine has no “systemd-nspawn”.")
    return [
        program,
        "--quiet",
        f"--directory={host.root}",
        f"--machine={host.machine}",
        f"--hostname={host.name}",
        "--boot",
        "--settings=no",
        "--register=no",
        # Where systemd runs the machine it makes a scope of its own for each host; elsewhere nobody could.
        *([] if cgroup.machine_runs_systemd() else ["--keep-unit"]),
        f"--network-bridge={lab.bridge}",
        "--capability=all",
        f"--drop-capability={','.join(WITHHELD)}",
        # systemd-nspawn allows few calls by default; a real server's kernel offers Landlock, and sessions rely on it.
        "--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self",
        "--console=pipe",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
    ]


def _leader(nspawn: int) -> int | None:
    """Find the host's first process: nspawn's child that is process 1 of its own namespace."""
    try:
        children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    for child in children:
        try:
            status = Path(f"/proc/{child}/status").read_text()
            name = Path(f"/proc/{child}/comm").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ids = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
        if len(ids) == 2 and ids[-1] == "1" and name == "systemd":
            return int(child)
    return None


def _spawn(script: str, group: Path | None, console: Path) -> int:
    """Start a script that outlives this process, in a session, mount namespace and control group of its own.

    A group of its own, because hosts that shared one would share their services' groups too: `systemctl kill` in one
    could end processes of another.
    """
    enter = f"echo 0 >{shlex.quote(str(group / 'cgroup.procs'))} && " if group else ""
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", f"cd / && {enter}exec unshare --mount --propagation private sh -c {shlex.quote(script)}"],
        {"PATH": PATH, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(console), write, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _wait_for_leader(nspawn: int, timeout: float) -> int | None:
    end = time.monotonic() + timeout
    while time.monotonic() < end and started_at(nspawn):
        leader = _leader(nspawn)
        if leader is not None:
            return leader
        time.sleep(0.02)
    return None


def last_words(host: HostLayout) -> str:
    """Return the last lines of a host's console, and where the rest is."""
    try:
        lines = host.console.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
    except OSError:
        lines = []
    return f"{' / '.join(lines) or 'it said nothing'} (all of it: {host.console})"


def answers(host: Running) -> bool:
    """Tell whether sshd listens, by the kernel's own table and not by the network, which the host may filter."""
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{host.leader}/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _TCP_LISTEN and int(fields[1].rpartition(":")[2], 16) == _SSH_PORT:
                return True
    return False


def power_off(lab: Layout, host: HostLayout, *, patience: float) -> None:
    """End a host: its services get time to finish what they write, then it is ended for certain.

    Args:
        lab: the lab.
        host: the host.
        patience: seconds given to its services; 0 ends it at once.
    """
    found = running(host)
    if found and patience > 0:
        os.kill(found.leader, signal.SIGRTMIN + _SIGRTMIN_HALT)
        _wait_until_gone([(found.leader, found.leader_started)], patience)
    end_all(lab, host)


def end_all(lab: Layout, host: HostLayout) -> None:
    """End every process of a host, also what an interrupted start left behind."""
    found = recorded(host)
    ends: list[tuple[int, str]] = []
    if found and found.boot == boot_id():
        ends = [(found.leader, found.leader_started), (found.nspawn, found.nspawn_started)]
        # The leader first: with it the kernel ends everything in its namespace. nspawn then follows by itself, and
        # tidies up what it has made below /run.
        if started_at(found.leader) == found.leader_started:
            _kill(found.leader)
        _wait_until_gone(ends, 2)
        if started_at(found.nspawn) == found.nspawn_started:
            _kill(found.nspawn)
        _wait_until_gone(ends, 5)
    for pid in unrecorded(host):
        ends.append((pid, started_at(pid) or ""))
        _kill(pid)
        _wait_until_gone(ends, 5)
    cgroup.end(lab.bridge, host.name)
    for pid, _ in ends:
        _reap(pid)
    host.record.unlink(missing_ok=True)


def unrecorded(host: HostLayout) -> list[int]:
    """Find nspawn processes of this host by their command line: those of a start that was cut off half way."""
    wanted = f"--machine={host.machine}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                argv = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if argv[0].endswith(b"systemd-nspawn") and wanted in argv:
                found.append(int(folder.name))
    return found


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _wait_until_gone(processes: list[tuple[int, str]], timeout: float) -> None:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if all(started_at(pid) != start for pid, start in processes):
            return
        time.sleep(0.02)


def _reap(pid: int) -> None:
    """Take leave of a child of this very process, so that it does not stay as a zombie."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
