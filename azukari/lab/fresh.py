"""What makes the bare image this one host: its name, network, keys and package sources, as the installer asks them."""

import hashlib
import io
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from azukari.lab.layout import HostLayout, Layout
from azukari.lab.sources import Upstream

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.pgp"  # as the installer of Debian 13 writes it


@dataclass(frozen=True)
class HostKeys:
    """What a fresh host holds of keys.

    `private` and `public` are its own Ed25519 host key in OpenSSH's format, `first_contact` the public key by which
    root is reached until the host is taken over.
    """

    private: bytes
    public: str
    first_contact: str


@dataclass(frozen=True)
class Content:
    """One file of a fresh host."""

    data: bytes
    mode: int = 0o644


def files(lab: Layout, host: HostLayout, upstream: Upstream, keys: HostKeys, suite: str) -> Mapping[str, Content]:
    """Return the files, by path below the host's root, that a fresh host has and the image lacks."""
    return {
        "etc/hostname": _text(f"{host.name}\n"),
        "etc/hosts": _text(
            f"127.0.0.1 localhost\n127.0.1.1 {host.name}\n::1 localhost ip6-localhost ip6-loopback\n"
            "ff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n"
        ),
        "etc/machine-id": _text(hashlib.sha256(f"{lab.site}/{host.name}".encode()).hexdigest()[:32] + "\n", 0o444),
        "etc/resolv.conf": _text("".join(f"nameserver {address}\n" for address in upstream.resolvers)),
        "etc/apt/sources.list": _text(""),
        "etc/apt/sources.list.d/debian.sources": _text(_apt_sources(upstream, suite)),
        "etc/systemd/network/10-host0.network": _text(_network(lab, host)),
        "etc/ssh/ssh_host_ed25519_key": Content(keys.private, 0o600),
        "etc/ssh/ssh_host_ed25519_key.pub": _text(f"{keys.public.strip()}\n"),
        "root/.ssh/authorized_keys": _text(f"{keys.first_contact.strip()}\n", 0o600),
    }


def pack(content: Mapping[str, Content], target: Path) -> None:
    """Write files into a tar file, to be unpacked over the image as root's.

    Folders that the image has stay as they are; `.ssh` is the one that it lacks.
    """
    with tarfile.open(target, "w") as archive:
        folder = tarfile.TarInfo("root/.ssh")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o700
        archive.addfile(folder)
        for path, file in content.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.mtime = len(file.data), file.mode, int(time.time())
            archive.addfile(entry, io.BytesIO(file.data))


def _text(text: str, mode: int = 0o644) -> Content:
    return Content(text.encode(), mode)


def _apt_sources(upstream: Upstream, suite: str) -> str:
    return (
        f"Types: deb\nURIs: {upstream.mirror}\nSuites: {suite} {suite}-updates\nComponents: main\n"
        f"Signed-By: {_KEYRING}\n\n"
        f"Types: deb\nURIs: {upstream.security_mirror}\nSuites: {suite}-security\nComponents: main\n"
        f"Signed-By: {_KEYRING}\n"
    )


def _network(lab: Layout, host: HostLayout) -> str:
    text = (
        "[Match]\nName=host0\n\n[Network]\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=no\nLLDP=no\n"
        f"Gateway={lab.gateway}\n\n[Address]\nAddress={host.address}/{lab.network4.prefixlen}\n"
    )
    if host.address6 and lab.network6:
        # Without this the address could not be used for the first second.
        text += f"\n[Address]\nAddress={host.address6}/{lab.network6.prefixlen}\nDuplicateAddressDetection=none\n"
    return text
