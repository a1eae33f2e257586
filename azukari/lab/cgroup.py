"""A control group for each host, where the machine's init makes none (containers, machines without systemd)."""

import os
import time
from contextlib import suppress
from pathlib import Path

_MOUNTS = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))


def machine_runs_systemd() -> bool:
    """Tell whether systemd is the machine's init (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


def _tree() -> Path | None:
    return next((mount for mount in _MOUNTS if (mount / "cgroup.procs").exists()), None)


def make(lab: str, host: str) -> Path | None:
    """Make a host's group.

    Returns:
        Its folder; None where systemd does it, or where there is no second version of control groups.
    """
    tree = _tree()
    if tree is None or machine_runs_systemd() or not (tree / "cgroup.subtree_control").exists():
        return None
    group = tree / "azukari" / lab / host
    group.mkdir(parents=True, exist_ok=True)
    return group


def of_commands(leader: int) -> Path | None:
    """Return the group for commands run in a host by `lab exec`, inside the host's own tree.

    Without it they would stay in the caller's group, which the host's systemd can neither see nor leave.

    Args:
        leader: the host's first process, as this machine numbers it.
    """
    tree = _tree()
    try:
        lines = Path(f"/proc/{leader}/cgroup").read_text().splitlines()
    except OSError:
        return None
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    if tree is None or path is None or not path.endswith("/init.scope"):
        return None
    group = tree / path.lstrip("/").removesuffix("init.scope") / "lab-exec.scope"
    try:
        group.mkdir(exist_ok=True)
    except OSError:
        return None
    return group


def end(lab: str, host: str) -> None:
    """End what is left in a host's group and remove it."""
    if machine_runs_systemd():
        return
    # systemd-nspawn makes the same group in the first version's named hierarchy where that is there too.
    for tree in (*_MOUNTS, Path("/sys/fs/cgroup/systemd")):
        group = tree / "azukari" / lab / host
        if not group.is_dir():
            continue
        if (group / "cgroup.kill").exists():
            (group / "cgroup.kill").write_text("1")
        for _ in range(100):
            if _remove(group):
                break
            time.sleep(0.02)
        with suppress(OSError):  # other hosts' and other labs' groups are there
            group.parent.rmdir()
            group.parent.parent.rmdir()


def _remove(group: Path) -> bool:
    """Remove a group with those below it; False while a process still dies in one of them."""
    try:
        for folder, _, _ in os.walk(group, topdown=False):
            Path(folder).rmdir()
    except OSError:
        return not group.exists()
    return True
