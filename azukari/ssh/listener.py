"""A listener at a vantage: what reaches it got out of the host that sent it."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from azukari.errors import NotJudged
from azukari.ssh.vantage import inside

Protocol = Literal["tcp", "udp"]


@dataclass(frozen=True, order=True)
class Heard:
    """One connection or datagram that arrived.

    Attributes:
        sender: the address it came from.
        protocol: `tcp` or `udp`.
        port: at which port of the listener it arrived.
    """

    sender: str
    protocol: Protocol
    port: int


@dataclass
class Listening:
    """What a listener heard so far; `ports` are those that could be opened."""

    ports: frozenset[tuple[Protocol, int]]
    heard: set[Heard] = field(default_factory=set)


@contextlib.contextmanager
def listening(
    addresses: Sequence[str], tcp: Iterable[int] = (), udp: Iterable[int] = (), namespace: str | None = None
) -> Iterator[Listening]:
    """Listen at a vantage as long as the context lasts; each arrival is answered with one byte.

    Args:
        addresses: the vantage's own, IPv4 and IPv6.
        tcp: ports to take connections at.
        udp: ports to take datagrams at.
        namespace: the vantage's network namespace; None for this machine's own network.

    Raises:
        NotJudged: nothing could be opened there.
    """
    wanted: list[tuple[Protocol, int]] = [*(("tcp", port) for port in tcp), *(("udp", port) for port in udp)]
    opened = inside(namespace, lambda: [_open(address, *one) for address in addresses for one in wanted])
    sockets = dict(pair for pair in opened if pair is not None)
    if not sockets:
        raise NotJudged(f"No port of {', '.join(addresses)} could be opened to listen at.")
    state = Listening(frozenset((protocol, port) for _, protocol, port in sockets))
    wake, waker = socket.socketpair()
    thread = threading.Thread(target=_serve, args=(sockets, wake, state.heard), name="listener", daemon=True)
    thread.start()
    try:
        yield state
    finally:
        waker.close()
        thread.join(timeout=5)
        for one in (*sockets.values(), wake):
            one.close()


Key = tuple[str, Protocol, int]


def _open(address: str, protocol: Protocol, port: int) -> tuple[Key, socket.socket] | None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        if protocol == "tcp":
            made.listen(64)
    except OSError:  # the port is taken, or may not be opened by this user: the others serve
        made.close()
        return None
    made.setblocking(False)
    return (address, protocol, port), made


def _serve(sockets: dict[Key, socket.socket], wake: socket.socket, heard: set[Heard]) -> None:
    with selectors.DefaultSelector() as waiting:
        waiting.register(wake, selectors.EVENT_READ, None)
        for key, one in sockets.items():
            waiting.register(one, selectors.EVENT_READ, key)
        while True:
            for ready, _ in waiting.select():
                if ready.data is None:
                    return
                _, protocol, port = ready.data
                with contextlib.suppress(OSError):
                    heard.add(Heard(_take(sockets[ready.data], protocol), protocol, port))


def _take(one: socket.socket, protocol: Protocol) -> str:
    if protocol == "udp":
        _, sender = one.recvfrom(512)
        one.sendto(b"!", sender)
        return str(sender[0])
    taken, sender = one.accept()
    with taken:
        taken.send(b"!")
    return str(sender[0])
