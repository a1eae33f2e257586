"""The same thing with several hosts at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from azukari.lab.layout import HostLayout

_AT_ONCE = 8


def each(hosts: Sequence[HostLayout], do: Callable[[HostLayout], None]) -> None:
    """Do something with each host; all are tried, then the first failure is raised."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(do, host) for host in hosts]
    for future in futures:
        future.result()
