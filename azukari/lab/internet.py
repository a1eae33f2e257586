"""The lab's outside world: who answers for names and takes mail there; started, ended and recorded like a host.

It sits at addresses of its own in the network namespace of the vantage, so that what a host sends there has left it.
"""

import base64
import ipaddress
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import azukari
from azukari.lab import background
from azukari.lab.layout import Layout
from azukari.site import Site, zone

# A reader's domain whose mail server speaks TLS, and one whose does not.
READERS, PLAIN_READERS = "reader.test", "plain.test"
# Addresses that visitors of the lab's site may be given in its log: most have a name of the one domain, some of the
# other, and what is beyond has none. The range is reserved for tests (RFC 2544), and no host's.
VISITORS = ipaddress.IPv4Network("198.19.0.0/24")
_OF_READERS, _OF_PLAIN = range(1, 101), range(101, 106)


@dataclass(frozen=True)
class Received:
    """One message as the readers' mail server took it; `tls` is empty where it came in the clear."""

    peer: str
    helo: str
    tls: str
    sender: str
    recipients: tuple[str, ...]
    message: bytes = field(repr=False)


def ensure(lab: Layout, site: Site, resolvers: tuple[str, ...]) -> None:
    """Start it unless it runs as it should, and publish the site's zone there.

    Args:
        lab: the lab.
        site: the declared site.
        resolvers: whom its name server asks for all other names.

    Raises:
        LabFault: it does not start.
    """
    folder = lab.internet_folder
    folder.mkdir(parents=True, exist_ok=True)
    background.write(folder / "zone", zone_text(lab, site))
    wanted = {
        "name": f"mx.{READERS}",
        "addresses": list(_bare(lab.internet)),
        "plain": list(_bare(lab.internet_plain)),
        "domains": [READERS, PLAIN_READERS, *([site.settings.mail_domain] if site.settings.mail_domain else [])],
        "resolvers": list(resolvers),
    }
    settings = folder / "internet.json"
    text = json.dumps(wanted, indent=1)
    if settings.exists() and settings.read_text("utf-8") == text and background.alive(folder):
        return
    end(lab)
    background.write(settings, text)
    (folder / "ready").unlink(missing_ok=True)
    _start(lab, folder)


def end(lab: Layout) -> None:
    """End it, if it runs."""
    background.end(lab.internet_folder)


def received(lab: Layout) -> list[Received]:
    """Return the messages that the readers' mail server has taken, the oldest first."""
    found = []
    for path in sorted((lab.internet_folder / "received").glob("*.json")):
        said = json.loads(path.read_text("utf-8"))
        found.append(_message(said))
    return found


def zone_text(lab: Layout, site: Site) -> str:
    """Return what the name server serves: the site's records, the readers' own, and the certificate authority's."""
    lines = [record.line() for record in zone.records(site)]
    servers = [(f"mx.{READERS}", lab.internet), (f"mx.{PLAIN_READERS}", lab.internet_plain)]
    servers += [(name, lab.internet) for name in site.settings.mail_servers]
    servers += [(site.settings.acme.server, lab.internet)] if site.settings.acme else []
    for name, addresses in servers:
        lines += [f"{name}. 60 IN {'AAAA' if ':' in one else 'A'} {one}" for one in _bare(addresses)]
    lines += [f"{domain}. 60 IN MX 10 mx.{domain}." for domain in (READERS, PLAIN_READERS)]
    return "\n".join([*lines, *_reverse()]) + "\n"


def _reverse() -> Iterator[str]:
    """Yield the reverse tree of the visitors' addresses; its own top, so that what has no name is said to have none."""
    yield f"{_top(VISITORS)} 60 IN TXT visitors"
    for domain, numbers in ((READERS, _OF_READERS), (PLAIN_READERS, _OF_PLAIN)):
        for number in numbers:
            yield f"{VISITORS[number].reverse_pointer}. 60 IN PTR pc-{number}.dial.{domain}."


def _top(network: ipaddress.IPv4Network) -> str:
    return network.network_address.reverse_pointer.partition(".")[2] + "."


def _message(said: dict[str, Any]) -> Received:
    message = base64.b64decode(said["message"])
    return Received(said["peer"], said["helo"], said["tls"], said["from"], tuple(said["to"]), message)


def _start(lab: Layout, folder: Path) -> None:
    background.start(
        lab,
        folder,
        [sys.executable, "-m", "azukari.lab.internet_program", str(folder)],
        "name server and mail server",
        (folder / "ready").exists,
        {"PYTHONPATH": str(Path(azukari.__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"},
    )


def _bare(addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(address.partition("/")[0] for address in addresses)
