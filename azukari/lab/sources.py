"""Where the lab takes Debian from: the machine's own apt sources and resolvers, so that nothing is hard-coded."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from azukari.errors import InputError

# systemd-resolved's stub (127.0.0.53) cannot be reached from a host; its real resolvers stand here.
_RESOLVED = Path("run/systemd/resolve/resolv.conf")


@dataclass(frozen=True)
class Source:
    """One entry of apt's sources."""

    uri: str
    suite: str
    components: tuple[str, ...]


@dataclass(frozen=True)
class Upstream:
    """What the site takes from outside."""

    mirror: str
    security_mirror: str
    resolvers: tuple[str, ...]

    def as_yaml(self) -> str:
        """Return it as the site's `upstream.yml`."""
        data = {
            "upstream": {
                "mirror": self.mirror,
                "security_mirror": self.security_mirror,
                "resolvers": list(self.resolvers),
                "time": [],
            }
        }
        return yaml.safe_dump(data, sort_keys=False)


def of_machine(
    root: Path = Path("/"),
    *,
    mirror: str | None = None,
    security_mirror: str | None = None,
    resolvers: tuple[str, ...] = (),
) -> Upstream:
    """Read the machine's Debian mirrors and resolvers.

    Args:
        root: the machine's root folder.
        mirror: a Debian mirror's URL given by the user, instead of the machine's.
        security_mirror: the mirror of Debian's security updates, likewise.
        resolvers: addresses of DNS servers given by the user.

    Raises:
        InputError: the machine is not Debian, or its sources name no mirror; says what to give.
    """
    if mirror is None:
        mirror, security_of_machine = _mirrors(root)
        security_mirror = security_mirror or security_of_machine
    mirror = mirror.rstrip("/")
    return Upstream(
        mirror=mirror,
        security_mirror=(security_mirror or security_beside(mirror)).rstrip("/"),
        resolvers=resolvers or machine_resolvers(root),
    )


def security_beside(mirror: str) -> str:
    """Guess the address of the security updates from that of the archive, as most mirrors lay it out."""
    return re.sub(r"/debian/?$", "/debian-security", mirror)


def _mirrors(root: Path) -> tuple[str, str | None]:
    release = _os_release(root)
    if release.get("ID") != "debian":
        name = release.get("PRETTY_NAME", "an unknown system")
        raise InputError(
            f"This machine runs {name}, whose package sources are not Debian's: name a Debian mirror by --mirror URL."
        )
    codename = release.get("VERSION_CODENAME", "stable")
    found = [source for source in apt_sources(root) if "main" in source.components and "debian" in source.uri]
    archive = [s.uri for s in found if s.suite in (codename, "stable") and "security" not in s.uri]
    security = [s.uri for s in found if s.suite in (f"{codename}-security", "stable-security")]
    if not archive:
        raise InputError(f"The machine's apt sources name no Debian mirror for {codename}: name one by --mirror URL.")
    return archive[0], (security[0] if security else None)


def _os_release(root: Path) -> dict[str, str]:
    try:
        text = (root / "etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return {}
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key: value.strip().strip('"') for key, _, value in pairs}


def apt_sources(root: Path = Path("/")) -> list[Source]:
    """Read apt's binary sources in both formats, in apt's own order (sources.list(5))."""
    apt = root / "etc/apt"
    parts = sorted((apt / "sources.list.d").glob("*")) if (apt / "sources.list.d").is_dir() else []
    found: list[Source] = []
    for path in [apt / "sources.list", *parts]:
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix == ".sources":
            found += _deb822(text)
        elif path.suffix == ".list":
            found += _one_line(text)
    return [Source(_listed(source.uri, root), source.suite, source.components) for source in found]


def _one_line(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s*([^#]*)", line)
        if match and not match[1].startswith("cdrom:"):
            yield Source(match[1], match[2], tuple(match[3].split()))


def _deb822(text: str) -> Iterator[Source]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields: dict[str, list[str]] = {}
        name = ""
        for line in stanza.splitlines():
            if line[:1].isspace():
                fields.setdefault(name, []).extend(line.split())
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.split()
        if "deb" not in fields.get("types", []) or fields.get("enabled", ["yes"]) == ["no"]:
            continue
        for uri in fields.get("uris", []):
            for suite in fields.get("suites", []):
                yield Source(uri, suite, tuple(fields.get("components", [])))


def _listed(uri: str, root: Path) -> str:
    """Follow `mirror+file:` to the first mirror of its list, which is what Debian's cloud images use."""
    if not uri.startswith("mirror+file:"):
        return uri
    try:
        text = (root / urlsplit(uri).path.lstrip("/")).read_text(encoding="utf-8")
    except OSError:
        return uri
    return next((line.split()[0] for line in text.splitlines() if line.strip() and line[0] != "#"), uri)


def machine_resolvers(root: Path = Path("/")) -> tuple[str, ...]:
    """Return the DNS servers of the machine that a lab host could reach.

    Raises:
        InputError: there is none; says what to give.
    """
    for path in (root / "etc/resolv.conf", root / _RESOLVED):
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            continue
        named = re.findall(r"^\s*nameserver\s+([^\s%#]+)\s*$", text, flags=re.MULTILINE)
        reachable = tuple(address for address in named if _reachable(address))
        if reachable:
            return reachable
    raise InputError(
        "The machine's resolv.conf names no DNS server that a lab host could reach (an IPv4 address that is not "
        "loopback): name one by --resolver ADDRESS."
    )


def _reachable(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    # The lab's hosts leave the machine by IPv4 only.
    return parsed.version == 4 and not parsed.is_loopback
