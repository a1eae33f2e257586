"""Which ports can be reached from here: many connections at once, bounded in number and in time.

As a program, for another network namespace or another machine, it reads JSON from its input and writes JSON:

    echo '{"addresses": ["192.0.2.10"], "ports": [22, 443]}' | ip netns exec NAME python -m azukari.ssh.reach
"""

import asyncio
import errno
import ipaddress
import json
import resource
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from azukari.ssh.vantage import inside

State = Literal["open", "closed", "silent", "unreachable"]

_AT_ONCE = 512
_ADMINISTRATIVE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM)


@dataclass(frozen=True, order=True)
class Reached:
    """What one port answered.

    Attributes:
        address: IPv4 or IPv6.
        port: the port.
        protocol: `tcp` or `udp`.
        state: `open`: somebody listens there; `closed`: the host refused; `silent`: no answer (dropped, or for udp
            perhaps open); `unreachable`: a host or router said so, or this vantage has no way there.
    """

    address: str
    port: int
    protocol: str
    state: State


def scan(
    addresses: Iterable[str],
    ports: Iterable[int],
    timeout: float = 1.0,
    namespace: str | None = None,
    protocol: Literal["tcp", "udp"] = "tcp",
    tries: int = 2,
) -> list[Reached]:
    """Try each port of each address.

    Args:
        addresses: IPv4 and IPv6.
        ports: ports.
        timeout: seconds that a port has to answer, each time.
        namespace: from which network namespace of this machine; None for its own network.
        protocol: `tcp` tries a connection; `udp` sends an empty datagram, and only a refusal is certain.
        tries: how often a silent port is asked: one lost packet must not make a port look shut.

    Returns:
        one result for each pair, sorted.

    Raises:
        NotJudged: there is no such namespace.
    """
    wanted = [(str(ipaddress.ip_address(address)), port) for address in addresses for port in sorted(set(ports))]
    return inside(namespace, lambda: asyncio.run(_scan(wanted, timeout, protocol, tries)))


def open_ports(results: Iterable[Reached]) -> set[tuple[str, int]]:
    """Return the pairs of address and port that are open."""
    return {(found.address, found.port) for found in results if found.state == "open"}


async def _scan(wanted: Sequence[tuple[str, int]], timeout: float, protocol: str, tries: int) -> list[Reached]:
    # Each attempt is an open file; leave the program enough of them.
    limit = asyncio.Semaphore(min(_AT_ONCE, max(16, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)))
    ask = _tcp if protocol == "tcp" else _udp

    async def one(address: str, port: int) -> Reached:
        state: State = "silent"
        for _ in range(tries):
            async with limit:
                state = await ask(address, port, timeout)
            if state != "silent":
                break
        return Reached(address, port, protocol, state)

    return sorted(await asyncio.gather(*(one(address, port) for address, port in wanted)))


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _state(error: OSError) -> State:
    if error.errno in _ADMINISTRATIVE:
        return "unreachable"
    return "closed" if isinstance(error, ConnectionError) else "silent"


async def _tcp(address: str, port: int, timeout: float) -> State:
    with socket.socket(_family(address), socket.SOCK_STREAM) as attempt:
        attempt.setblocking(False)
        try:
            await asyncio.wait_for(asyncio.get_running_loop().sock_connect(attempt, (address, port)), timeout)
        except TimeoutError:
            return "silent"
        except OSError as error:
            return _state(error)
        return "open"


async def _udp(address: str, port: int, timeout: float) -> State:
    loop = asyncio.get_running_loop()
    with socket.socket(_family(address), socket.SOCK_DGRAM) as attempt:
        attempt.setblocking(False)
        try:
            await loop.sock_connect(attempt, (address, port))
            await loop.sock_sendall(attempt, b"")
            await asyncio.wait_for(loop.sock_recv(attempt, 1), timeout)
        except TimeoutError:
            return "silent"
        except OSError as error:
            return _state(error)
        return "open"


def main() -> None:
    """Read `{addresses, ports, timeout?, protocol?, tries?}`, write `[{address, port, protocol, state}]`."""
    asked = json.load(sys.stdin)
    allowed = {key: asked[key] for key in ("timeout", "protocol", "tries") if key in asked}
    json.dump([asdict(found) for found in scan(asked["addresses"], asked["ports"], **allowed)], sys.stdout)


if __name__ == "__main__":
    main()
