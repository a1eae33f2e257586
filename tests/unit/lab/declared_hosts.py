"""Seven declared hosts, as the site gives them to the lab."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address


@dataclass(frozen=True)
class Declared:
    name: str
    address: IPv4Address
    address6: IPv6Address | None


def host(name: str, address: str, address6: str | None = None) -> Declared:
    return Declared(name, IPv4Address(address), IPv6Address(address6) if address6 else None)


SEVEN = [host(f"host{n}", f"198.18.72.{n}", f"2001:2:0:72::{n}") for n in range(10, 17)]
