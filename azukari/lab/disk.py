"""A host's file system: the image, its snapshots' layers, and a size-limited disk of its own on top."""

import fcntl
import os
import shutil
import stat
from pathlib import Path

from azukari.lab.commands import LabFault, run
from azukari.lab.layout import HostLayout
from azukari.lab.locks import lock

# All hosts share the machine's disk: without a limit “disk full” in one of them would fill the machine.
SIZE = 6 * 1024**3
# loop.h
_LOOP_MAJOR = 7
_LOOP_CONTROL = Path("/dev/loop-control")
_LOOP_CTL_REMOVE = 0x4C81
_LOOP_CTL_GET_FREE = 0x4C82
_MOST_SNAPSHOTS = 8


def mounted(point: Path) -> bool:
    """Tell whether something is mounted at a place of this machine."""
    return str(point) in mount_points()


def mount_points() -> list[str]:
    """List where this machine has something mounted (proc_pid_mountinfo(5), field 5)."""
    return [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]


def layers(host: HostLayout) -> list[Path]:
    """List the files of a host's snapshots, oldest first."""
    if not host.snapshots.is_dir():
        return []
    return sorted(host.snapshots.glob("*.ext4"), key=lambda path: int(path.stem))


def assemble(host: HostLayout, image: Path) -> bool:
    """Mount a host's file system; makes its disk when there is none.

    Args:
        host: the host.
        image: the folder that all hosts share.

    Returns:
        True if the host starts from the bare image, and still lacks what makes it this host.
    """
    if mounted(host.root):
        return False
    new = not host.disk.exists()
    if new:
        _make_disk(host.disk)
    snapshots = layers(host)
    for layer in snapshots:
        _mount_disk(layer, layer.with_suffix(""), read_only=True)
    _mount_disk(host.disk, host.writable)
    upper, work = host.writable / "upper", host.writable / "work"
    upper.mkdir(exist_ok=True)
    # The kernel refuses a work folder that a volatile overlay left behind, as it cannot know of the machine's crash;
    # we do (see Lab.up), so it is made anew.
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    lower = [str(layer.with_suffix("") / "upper") for layer in reversed(snapshots)] + [str(image)]
    host.root.mkdir(exist_ok=True)
    # volatile: the hosts are disposable, and dpkg's many syncs would cost minutes.
    options = f"lowerdir={':'.join(lower)},upperdir={upper},workdir={work},redirect_dir=on,index=off,metacopy=off"
    run(["mount", "-t", "overlay", host.machine, "-o", f"{options},volatile", str(host.root)])
    return new and not snapshots


def take_apart(host: HostLayout) -> None:
    """Unmount all of a host's file system."""
    points = [host.root, host.writable, *(layer.with_suffix("") for layer in layers(host))]
    for point in points:
        while mounted(point):
            run(["umount", str(point)])


def keep_as_snapshot(host: HostLayout) -> None:
    """Turn what a stopped, unmounted host has written into a read-only layer.

    Raises:
        LabFault: it has as many layers as a host may have.
    """
    held = layers(host)
    if len(held) >= _MOST_SNAPSHOTS:
        raise LabFault(
            f"{host.name} has {len(held)} snapshots on each other already; "
            f"return it to fresh first: azukari lab reset {host.name} --to fresh"
        )
    host.snapshots.mkdir(exist_ok=True)
    host.disk.rename(host.snapshots / f"{len(held) + 1}.ext4")


def drop(host: HostLayout, *, snapshots: bool) -> None:
    """Throw away what an unmounted host has written, and its snapshots too if asked."""
    host.disk.unlink(missing_ok=True)
    if snapshots:
        shutil.rmtree(host.snapshots, ignore_errors=True)


def _make_disk(path: Path) -> None:
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with unfinished.open("wb") as file:
        file.truncate(SIZE)
    quick = "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0"
    run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", quick, str(unfinished)])
    unfinished.rename(path)


def _mount_disk(file: Path, point: Path, *, read_only: bool = False) -> None:
    if mounted(point):
        return
    point.mkdir(exist_ok=True)
    # One at a time: between the question for a free device and its use another process could take it.
    with lock("loop"):
        device = _free_loop()
        run(["losetup", *(["--read-only"] if read_only else []), device, str(file)])
        try:
            options = "ro,noatime,noload" if read_only else "noatime"
            run(["mount", "-t", "ext4", "-o", options, device, str(point)])
        finally:
            # The kernel keeps it until the file system is unmounted, then lets go by itself.
            run(["losetup", "--detach", device])


def _free_loop() -> str:
    with _LOOP_CONTROL.open("rb+", buffering=0) as control:
        number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
    device = f"/dev/loop{number}"
    if not Path(device).exists():  # where /dev is not the kernel's own devtmpfs nobody makes the node
        os.mknod(device, stat.S_IFBLK | 0o660, os.makedev(_LOOP_MAJOR, number))
    return device


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
