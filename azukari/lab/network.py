"""The lab's network on this machine: one bridge, one nftables table, and the vantage outside every filter."""

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from azukari.lab.commands import PATH, LabFault, find, run, succeeds
from azukari.lab.layout import Layout


def make(lab: Layout) -> None:
    """Make what is missing of a lab's network; touches nothing that stands already."""
    if not _exists(lab.bridge):
        run(["ip", "link", "add", lab.bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0"])
    for address in lab.controller:
        # nodad: the addresses are ours by declaration, and a second's wait for doubles would be felt in every start.
        run(["ip", "address", "replace", address, "dev", lab.bridge, *_nodad(address)])
    run(["ip", "link", "set", lab.bridge, "up"])
    run(["nft", "-f", "-"], text=_ruleset(lab))
    _make_outside(lab)


def remove(lab: Layout) -> None:
    """Remove all of a lab's network."""
    if lab.namespace in _namespaces():
        _end_processes(lab.namespace)
        run(["ip", "netns", "delete", lab.namespace])
    for interface in (lab.outside_interface, lab.bridge):
        cut(interface)  # deleting the namespace may have taken its own end, and with it this one
    if succeeds(["nft", "list", "table", "inet", lab.table]):
        run(["nft", "delete", "table", "inet", lab.table])


def stands(lab: Layout) -> bool:
    """Tell whether the bridge is there and up."""
    return _exists(lab.bridge)


def connect(lab: Layout, interface: str) -> None:
    """Put a host's cable back into the bridge, for instance after the bridge was removed and made anew."""
    master = Path(f"/sys/class/net/{interface}/master")
    if _exists(interface) and not (master.exists() and master.resolve().name == lab.bridge):
        run(["ip", "link", "set", interface, "master", lab.bridge, "up"])


def cut(interface: str) -> None:
    """Remove a host's cable; the kernel's own clean-up may come later than the next start."""
    if _exists(interface):
        succeeds(["ip", "link", "delete", interface])


@dataclass(frozen=True)
class Outside:
    """The vantage without any filter: a network namespace on the lab's bridge."""

    namespace: str
    addresses: tuple[str, ...]

    def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | None = None,  # noqa: A002 -- as subprocess.run names it
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command of this machine from the vantage.

        Args:
            argv: the command and its arguments.
            input: what it reads on standard input.
            timeout: seconds after which it is ended.

        Raises:
            LabFault: it took too long.
        """
        program = find("ip") or "ip"
        try:
            return subprocess.run(
                [program, "netns", "exec", self.namespace, *argv],
                input=input,
                stdin=subprocess.DEVNULL if input is None else None,
                capture_output=True,
                timeout=timeout,
                check=False,
                env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{PATH}"},
            )
        except subprocess.TimeoutExpired:
            raise LabFault(f"“{' '.join(argv)}” from outside did not end within {timeout:.0f} s.") from None


def outside(lab: Layout) -> Outside:
    """Return the vantage; it stands while the lab is up."""
    return Outside(lab.namespace, tuple(address.partition("/")[0] for address in lab.outside))


def _make_outside(lab: Layout) -> None:
    if lab.namespace in _namespaces() and _exists(lab.outside_interface):
        run(["ip", "link", "set", lab.outside_interface, "master", lab.bridge, "up"])
        _add_others(lab)
        return
    if lab.namespace not in _namespaces():
        run(["ip", "netns", "add", lab.namespace])
    cut(lab.outside_interface)
    inside = ["ip", "-n", lab.namespace]
    peer = ["peer", "name", "outside0", "netns", lab.namespace]
    run(["ip", "link", "add", lab.outside_interface, "type", "veth", *peer])
    run(["ip", "link", "set", lab.outside_interface, "master", lab.bridge, "up"])
    for address in lab.outside:
        run([*inside, "address", "add", address, "dev", "outside0", *_nodad(address)])
    run([*inside, "link", "set", "lo", "up"])
    run([*inside, "link", "set", "outside0", "up"])
    run([*inside, "route", "add", "default", "via", str(lab.gateway)])
    _add_others(lab)


def _add_others(lab: Layout) -> None:
    """Give the vantage the office's and the internet's addresses, for whoever asks for one of them by name."""
    # Deprecated: the kernel takes none of them as the source of what does not ask for it.
    lines = [
        " ".join(["address", "replace", address, "dev", "outside0", "preferred_lft", "0", *_nodad(address)])
        for address in (*lab.office, *lab.internet, *lab.internet_plain)
    ]
    run(["ip", "-n", lab.namespace, "-batch", "-"], text="\n".join(lines))


def _ruleset(lab: Layout) -> str:
    """Return the lab's way out. IPv6 has none: a machine that forwards it turns deaf to its own router."""
    return f"""\
table inet {lab.table}
delete table inet {lab.table}
table inet {lab.table} {{
  chain way_out {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {lab.network4} ip daddr != {lab.network4} masquerade
  }}
}}
"""


def _exists(interface: str) -> bool:
    return Path(f"/sys/class/net/{interface}").exists()


def _namespaces() -> set[str]:
    folder = Path("/run/netns")
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _end_processes(namespace: str) -> None:
    """End what still runs in the vantage, which would keep the namespace alive after its name is gone."""
    for pid in re.findall(r"\d+", run(["ip", "netns", "pids", namespace])):
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def _nodad(address: str) -> list[str]:
    return ["nodad"] if ":" in address else []
