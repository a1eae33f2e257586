"""What the lab needs of the machine, said with the one command that installs it before anything is changed."""

import os
import shutil
from pathlib import Path

from azukari.errors import InputError
from azukari.lab.commands import find, succeeds
from azukari.lab.layout import STATE

# Command: the Debian package that has it.
COMMANDS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "losetup": "mount",
    "mount": "mount",
    "mkfs.ext4": "e2fsprogs",
    "pebble": "pebble",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}

# What nothing else pulls in: the archive's keys, without which no image can be trusted.
FILES = {"/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring"}

# Image, seven hosts with their packages, and one snapshot each, measured, with as much again to spare.
_ROOM = 8 * 1024**3


class MachineLacks(InputError):
    """The machine lacks what the lab needs; the message says how to get it."""


def missing_packages() -> list[str]:
    """Name the Debian packages that the lab needs and this machine lacks, sorted."""
    found = {package for command, package in COMMANDS.items() if find(command) is None}
    found |= {package for file, package in FILES.items() if not Path(file).exists()}
    return sorted(found)


def require_machine(what: str, folder: Path = STATE) -> None:
    """Refuse to go on where a lab cannot be brought up, before anything is changed.

    Args:
        what: what the user asked for, as `azukari lab up`.
        folder: where the labs' disks lie.

    Raises:
        InputError: says what is missing and what to do.
    """
    require_root(what)
    require_packages()
    require_kernel()
    require_room(folder)


def require_root(what: str) -> None:
    """Refuse to go on without root's rights.

    Args:
        what: what the user asked for, as `azukari lab up`.

    Raises:
        InputError: this process is not root.
    """
    if os.geteuid() != 0:
        raise InputError(
            f"“{what}” makes servers, bridges and mounts on this machine and needs root: run it with sudo."
        )


def require_kernel(proc: Path = Path("/proc"), dev: Path = Path("/dev")) -> None:
    """Refuse to go on where the kernel does not give what the hosts' file systems are made of.

    Raises:
        MachineLacks: as in most application containers; the message says so.
    """

    def lacking() -> list[str]:
        known = (proc / "filesystems").read_text(encoding="utf-8").split()
        found = [kind for kind in ("overlay", "ext4") if kind not in known]
        return found + ([] if (dev / "loop-control").exists() else ["loop"])

    for module in lacking():  # the kernel would load them itself when they are used; we want to know before that
        succeeds(["modprobe", module])
    if still := lacking():
        raise MachineLacks(
            f"This machine's kernel offers no {', no '.join(still)}; the lab needs a machine or a virtual machine of "
            "its own, not a container."
        )


def require_room(folder: Path) -> None:
    """Refuse to go on where the hosts would soon fill the machine's disk.

    Raises:
        MachineLacks: says how much is free, and how much is needed.
    """
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < _ROOM:
        raise MachineLacks(f"{place} has {free / 1024**3:.1f} GiB free; the lab needs {_ROOM / 1024**3:.0f} GiB there.")


def require_packages() -> None:
    """Refuse to go on when the machine lacks a package.

    Raises:
        MachineLacks: names all of them, with the command that installs them.
    """
    lacking = missing_packages()
    if lacking:
        raise MachineLacks(
            f"This machine lacks {', '.join(lacking)}; install with: "
            f"apt-get install --no-install-recommends {' '.join(lacking)}"
        )
