"""What the lab needs of the machine, said with the one command that installs it before anything is changed."""

import os
from pathlib import Path

from azukari.errors import InputError
from azukari.lab.commands import find

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
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}

# What nothing else pulls in: the archive's keys, without which no image can be trusted.
FILES = {"/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring"}


class MachineLacks(InputError):
    """The machine lacks what the lab needs; the message says how to get it."""


def missing_packages() -> list[str]:
    """Name the Debian packages that the lab needs and this machine lacks, sorted."""
    found = {package for command, package in COMMANDS.items() if find(command) is None}
    found |= {package for file, package in FILES.items() if not Path(file).exists()}
    return sorted(found)


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
