"""Where everything of one lab lies and what it is called: derived from the site, nothing is done here."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Protocol

from azukari.errors import InputError

STATE = Path("/var/lib/azukari/lab")

# Ranges reserved for tests: they lead nowhere outside this machine (RFC 2544 appendix C, RFC 5180 section 8).
RANGE4 = IPv4Network("198.18.0.0/15")
RANGE6 = IPv6Network("2001:2::/48")


class DeclaredHost(Protocol):
    """What the lab needs to know of a host of the site."""

    @property
    def name(self) -> str:
        """Its name, without a domain."""

    @property
    def address(self) -> IPv4Address:
        """Its IPv4 address."""

    @property
    def address6(self) -> IPv6Address | None:
        """Its IPv6 address."""


@dataclass(frozen=True)
class HostLayout:
    """One lab host: its name, addresses and places on this machine."""

    name: str
    address: IPv4Address
    address6: IPv6Address | None
    folder: Path
    machine: str  # nspawn's name for it; short, because the interface `vb-MACHINE` may have 15 characters

    @property
    def root(self) -> Path:
        """The merged file system that the host runs on."""
        return self.folder / "root"

    @property
    def disk(self) -> Path:
        """The size-limited file that holds what the host has written since its newest snapshot."""
        return self.folder / "disk.ext4"

    @property
    def writable(self) -> Path:
        """Where the disk is mounted."""
        return self.folder / "disk"

    @property
    def snapshots(self) -> Path:
        """The folder of the snapshots' layers, oldest first: `1.ext4`, `2.ext4` …, each mounted at `1`, `2` …."""
        return self.folder / "snapshots"

    @property
    def record(self) -> Path:
        """Who runs it: process ids with start times."""
        return self.folder / "running.json"

    @property
    def console(self) -> Path:
        """What the host printed on its console."""
        return self.folder / "console.log"

    @property
    def interface(self) -> str:
        """The machine's end of the host's network cable."""
        return f"vb-{self.machine}"


@dataclass(frozen=True)
class Layout:
    """One lab as a whole."""

    site: str
    folder: Path
    hosts: tuple[HostLayout, ...]
    network4: IPv4Network
    network6: IPv6Network | None
    bridge: str

    @property
    def table(self) -> str:
        """The name of the lab's one nftables table."""
        return f"azukari_{self.bridge.removeprefix('az')}"

    @property
    def namespace(self) -> str:
        """The network namespace of the unfiltered vantage."""
        return f"azukari-{self.bridge.removeprefix('az')}-outside"

    @property
    def outside_interface(self) -> str:
        """The machine's end of the vantage's network cable."""
        return f"{self.bridge}o"

    @property
    def controller(self) -> tuple[str, ...]:
        """The machine's own addresses on the bridge, with prefix length."""
        return self._at(0x1, 1)

    @property
    def outside(self) -> tuple[str, ...]:
        """The vantage's addresses, with prefix length."""
        return self._at(0x250, 250)

    @property
    def office(self) -> tuple[str, ...]:
        """The office's addresses, with prefix length, as the lab's site declares them; attempts take one by chance."""
        return tuple(address for last in range(192, 224) for address in self._at(last, last))

    @property
    def internet(self) -> tuple[str, ...]:
        """The addresses of the lab's name server and of its readers' mail server, with prefix length."""
        return self._at(0x2, 2)

    @property
    def internet_plain(self) -> tuple[str, ...]:
        """The addresses of a mail server that speaks no TLS, with prefix length."""
        return self._at(0x3, 3)

    @property
    def internet_folder(self) -> Path:
        """Where the zone, what was received and the record of its process lie."""
        return self.folder / "internet"

    @property
    def issuer_folder(self) -> Path:
        """Where the settings and the record of the lab's public certificate authority lie."""
        return self.folder / "issuer"

    @property
    def issuer_roots(self) -> Path:
        """Whom the lab's visitors trust besides everybody's authorities, in PEM; it is there while the lab is up."""
        return self.issuer_folder / "roots.pem"

    @property
    def gateway(self) -> IPv4Address:
        """Where the hosts send what is not on the bridge."""
        return self.network4.network_address + 1

    @property
    def record(self) -> Path:
        """What the lab as a whole was made from."""
        return self.folder / "lab.json"

    def host(self, name: str) -> HostLayout:
        """Return one host.

        Raises:
            InputError: the site declares no such host.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise InputError(f"The site “{self.site}” declares no host “{name}”; it has {known}.")

    def _at(self, last6: int, last4: int) -> tuple[str, ...]:
        found = [f"{self.network4.network_address + last4}/{self.network4.prefixlen}"]
        if self.network6:
            found.append(f"{self.network6.network_address + last6}/{self.network6.prefixlen}")
        return tuple(found)


def layout(site: str, hosts: Iterable[DeclaredHost], state: Path = STATE) -> Layout:
    """Derive a lab's layout.

    Args:
        site: the site's name; names of bridge, rules and namespace derive from it, so that labs stay apart.
        hosts: the declared hosts.
        state: the folder of all labs.

    Raises:
        InputError: the addresses cannot be those of a lab.
    """
    declared = list(hosts)
    if not declared:
        raise InputError(f"The site “{site}” declares no hosts.")
    network4 = IPv4Network(f"{declared[0].address}/24", strict=False)
    first6 = next((host.address6 for host in declared if host.address6), None)
    network6 = IPv6Network(f"{first6}/64", strict=False) if first6 else None
    for host in declared:
        if host.address not in network4 or host.address not in RANGE4:
            raise InputError(
                f"Host “{host.name}” has the address {host.address}; a lab's hosts share one /24 of {RANGE4} "
                f"(here {network4}), the range reserved for tests."
            )
        if host.address6 and (network6 is None or host.address6 not in network6 or host.address6 not in RANGE6):
            raise InputError(
                f"Host “{host.name}” has the address {host.address6}; a lab's hosts share one /64 of {RANGE6}, "
                "the range reserved for tests."
            )
    bridge = "az" + hashlib.sha256(site.encode()).hexdigest()[:8]
    folder = state / site
    return Layout(
        site=site,
        folder=folder,
        hosts=tuple(
            HostLayout(
                name=host.name,
                address=host.address,
                address6=host.address6,
                folder=folder / "hosts" / host.name,
                machine=f"{bridge}{host.address.packed[-1]:02x}",
            )
            for host in declared
        ),
        network4=network4,
        network6=network6,
        bridge=bridge,
    )
