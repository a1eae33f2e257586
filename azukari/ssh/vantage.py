"""Connections from where a packet is not filtered by its sender: this machine, or a network namespace of it."""

import ctypes
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from azukari.errors import NotJudged, Unreachable

_CLONE_NEWNET = 0x40000000  # setns(2)
_NAMESPACES = Path("/run/netns")

Result = TypeVar("Result")


def inside(namespace: str | None, work: Callable[[], Result]) -> Result:
    """Do some work with the network of a namespace, in a thread of its own; sockets made there stay in it.

    Args:
        namespace: a name below /run/netns; None for this machine's own network.
        work: what to do.

    Raises:
        NotJudged: the namespace is missing, or may not be entered.
    """
    if namespace is None:
        return work()
    results: list[Result] = []
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            _setns(namespace)
            results.append(work())
        except BaseException as error:  # noqa: BLE001  raised again in the thread that asked
            errors.append(error)

    thread = threading.Thread(target=enter, name=f"inside {namespace}")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def dial(
    address: str, port: int, timeout: float = 5, namespace: str | None = None, source: str | None = None
) -> socket.socket:
    """Return a TCP connection.

    Args:
        address: IPv4 or IPv6.
        port: the port.
        timeout: seconds until an answer; the connection then waits as long for each read.
        namespace: from where; None for this machine's own network.
        source: the address to come from, which must be one of that network's; its usual one by default.

    Raises:
        Unreachable: no connection.
    """
    own = (source, 0) if source else None
    try:
        return inside(namespace, lambda: socket.create_connection((address, port), timeout, own))
    except OSError as error:
        reason = "no answer" if isinstance(error, TimeoutError) else (error.strerror or str(error))
        raise Unreachable(f"{address} port {port} cannot be reached: {reason}.") from error


def _setns(namespace: str) -> None:
    # os.setns came with Python 3.12; azukari runs on 3.11. It moves the calling thread alone.
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        handle = os.open(_NAMESPACES / namespace, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise NotJudged(f"The vantage {namespace} does not stand: {error.strerror}. Is the lab up?") from error
    try:
        if libc.setns(handle, _CLONE_NEWNET) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise NotJudged(f"The vantage {namespace} cannot be entered: {reason}; it takes root.")
    finally:
        os.close(handle)
