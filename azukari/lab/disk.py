"""A host's file system: the image, its snapshots' layers, and a size-limited disk of its own on top.

All of it is mounted in a mount namespace that only this host's processes live in: nothing else can hold it open, and
it is gone when they are.
"""

import fcntl
import os
import shlex
import shutil
import stat
import time
from contextlib import suppress
from pathlib import Path

from azukari.lab.commands import LabFault, run
from azukari.lab.layout import HostLayout
from azukari.lab.locks import lock

# All hosts share the machine's disk: without a limit “disk full” in one of them would fill the machine.
SIZE = 6 * 1024**3
_LOOP_CONTROL = Path("/dev/loop-control")
# loop.h
_LOOP_MAJOR = 7
_LOOP_CTL_REMOVE = 0x4C81
_LOOP_CTL_GET_FREE = 0x4C82
_MOST_SNAPSHOTS = 8
# Quick to make; the kernel fills in the rest later.
_MKFS = "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0"


def layers(host: HostLayout) -> list[Path]:
    """List the files of a host's snapshots, oldest first."""
    if not host.snapshots.is_dir():
        return []
    return sorted(host.snapshots.glob("*.ext4"), key=lambda path: int(path.stem))


def prepare(host: HostLayout) -> bool:
    """Make a host's disk when there is none.

    Returns:
        True if the host starts from the bare image, and still lacks what makes it this host.
    """
    if host.disk.exists():
        return False
    unfinished = host.disk.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with unfinished.open("wb") as file:
        file.truncate(SIZE)
    run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", _MKFS, str(unfinished)])
    unfinished.rename(host.disk)
    return not layers(host)


def mounting(host: HostLayout, image: Path, fresh: Path | None) -> str:
    """Attach a host's disks and return the shell lines that mount them, to be run in the host's mount namespace.

    Args:
        host: the host.
        image: the folder that all hosts share.
        fresh: a tar file of what the bare image lacks, to be unpacked.
    """
    lines = ["set -eu"]
    lower = [str(image)]
    for layer in layers(host):
        point = layer.with_suffix("")
        lines += _mount(layer, point, read_only=True)
        lower.insert(0, str(point / "upper"))
    lines += _mount(host.disk, host.writable, read_only=False)
    host.root.mkdir(exist_ok=True)
    disk, root = shlex.quote(str(host.writable)), shlex.quote(str(host.root))
    # The kernel refuses a work folder that a volatile overlay left behind, as it cannot know of the machine's crash;
    # we do (see Lab.up), so it is made anew.
    lines += [f"rm -rf {disk}/work", f"mkdir -p {disk}/upper {disk}/work", f"chmod 755 {disk}/upper"]
    # volatile: the hosts are disposable, and dpkg's many syncs would cost minutes.
    options = (
        f"lowerdir={':'.join(lower)},upperdir={host.writable}/upper,workdir={host.writable}/work,"
        "redirect_dir=on,index=off,metacopy=off,volatile"
    )
    lines.append(f"mount -t overlay {host.machine} -o {shlex.quote(options)} {root}")
    if fresh:
        # Over what is there, and never through a link of the image.
        lines.append(f"tar -x -p --unlink-first -C {root} -f {shlex.quote(str(fresh))}")
    return "\n".join(lines)


def _mount(file: Path, point: Path, *, read_only: bool) -> list[str]:
    point.mkdir(exist_ok=True)
    device = _attach(file, read_only=read_only)
    options = "ro,noatime" if read_only else "noatime"
    return [
        f"mount -t ext4 -o {options} {device} {shlex.quote(str(point))}",
        f"losetup --detach {device}",  # the kernel keeps it until the file system goes, then lets go by itself
    ]


def _attach(file: Path, *, read_only: bool) -> str:
    # One at a time: between the question for a free device and its use another process could take it.
    with lock("loop"):
        for _ in range(20):
            device = _free_loop()
            try:
                run(["losetup", *(["--read-only"] if read_only else []), device, str(file)])
            except LabFault as error:  # somebody who does not know our lock was quicker
                lost = error
                continue
            return device
    raise lost


def _free_loop() -> str:
    with _LOOP_CONTROL.open("rb+", buffering=0) as control:
        number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
    device = f"/dev/loop{number}"
    if not Path(device).exists():  # where /dev is not the kernel's own devtmpfs nobody makes the node
        os.mknod(device, stat.S_IFBLK | 0o660, os.makedev(_LOOP_MAJOR, number))
    return device


def mounted_below(folder: Path) -> list[Path]:
    """List what is mounted below a folder in the machine's own namespace (proc_pid_mountinfo(5), field 5)."""
    points = [Path(line.split()[4]) for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in points if point.is_relative_to(folder)]


def _attached(folder: Path) -> list[str]:
    """Name the loop devices whose files lie in a folder."""
    found = []
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        with suppress(OSError):
            file = Path(backing.read_text().strip().removesuffix(" (deleted)"))
            if file.is_relative_to(folder):
                found.append(f"/dev/{backing.parts[3]}")
    return found


def release(host: HostLayout, *, timeout: float = 5) -> list[str]:
    """Wait until the kernel has written and let go of an ended host's disks.

    Args:
        host: the host; none of its processes runs any more.
        timeout: seconds.

    Returns:
        The loop devices that somebody else still holds, normally none.
    """
    for point in reversed(mounted_below(host.folder)):  # by hand, to look at it
        run(["umount", str(point)])
    started = time.monotonic()
    asked = False
    while held := _attached(host.folder):
        waited = time.monotonic() - started
        if waited > timeout:
            break
        if waited > 0.5 and not asked:
            asked = True
            for device in held:  # attached by a start that was cut off before it could mount them
                with suppress(LabFault):
                    run(["losetup", "--detach", device])
        time.sleep(0.01)
    return held


def keep_as_snapshot(host: HostLayout) -> None:
    """Turn what an ended host has written into a read-only layer.

    Raises:
        LabFault: it has as many layers as a host may have.
    """
    host.snapshots.mkdir(exist_ok=True)
    host.disk.rename(host.snapshots / f"{len(layers(host)) + 1}.ext4")


def require_room(host: HostLayout) -> None:
    """Refuse a snapshot too many: each is one more layer to look through.

    Raises:
        LabFault: it has as many as a host may have.
    """
    if len(layers(host)) >= _MOST_SNAPSHOTS:
        raise LabFault(
            f"{host.name} has {_MOST_SNAPSHOTS} snapshots on each other already; "
            f"return it to fresh first: azukari lab reset {host.name} --to fresh"
        )


def drop(host: HostLayout, *, snapshots: bool) -> None:
    """Throw away what an ended host has written, and its snapshots too if asked."""
    host.disk.unlink(missing_ok=True)
    if snapshots:
        shutil.rmtree(host.snapshots, ignore_errors=True)


def loops() -> set[int]:
    """List the numbers of the kernel's loop devices, used or not."""
    return {int(path.name.removeprefix("loop")) for path in Path("/sys/block").glob("loop*")}


def remove_loops(before: set[int]) -> None:
    """Remove unused loop devices, and their nodes, that were not there before.

    Args:
        before: the numbers of the devices to leave alone.
    """
    with lock("loop"), _LOOP_CONTROL.open("rb+", buffering=0) as control:
        for number in loops() - before:
            try:
                fcntl.ioctl(control, _LOOP_CTL_REMOVE, number)
            except OSError:  # in use, by whomever
                continue
            Path(f"/dev/loop{number}").unlink(missing_ok=True)
