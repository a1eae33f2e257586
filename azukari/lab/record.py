"""What a lab remembers of itself beside its disks, so that it can be repaired and taken down later."""

import json
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from azukari.errors import InputError
from azukari.lab.layout import STATE, HostLayout, Layout, layout


@dataclass(frozen=True)
class _Remembered:
    """A host as it was declared when the lab was last brought up."""

    name: str
    address: IPv4Address
    address6: IPv6Address | None


def read(lab: Layout) -> dict[str, Any]:
    """Return the lab's record; empty when it is down."""
    return _read(lab.record)


def write(lab: Layout, site: Path, image: Path, loops: set[int]) -> None:
    """Remember what the lab is made from.

    Args:
        lab: the lab.
        site: the site's folder.
        image: the image that its hosts share.
        loops: the machine's loop devices before the lab; an earlier record of them is kept.
    """
    lab.folder.mkdir(parents=True, exist_ok=True)
    hosts = [
        {"name": host.name, "address": str(host.address), "address6": str(host.address6) if host.address6 else None}
        for host in lab.hosts
    ]
    before = read(lab).get("loops", sorted(loops))
    record = {"site": lab.site, "folder": str(site.resolve()), "image": str(image), "loops": before, "hosts": hosts}
    unfinished = lab.record.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(record, indent=1), encoding="utf-8")
    unfinished.rename(lab.record)


def standing(lab: Layout) -> Layout:
    """Return the lab as it was last brought up, which may be another than is declared now."""
    return _layout(read(lab)) or lab


def find(name: str | None = None, folder: Path | None = None, state: Path = STATE) -> Layout:
    """Find a lab by what it remembers, also when its site cannot be read any more.

    Args:
        name: the site's name.
        folder: the site's folder.
        state: the folder of all labs.

    Raises:
        InputError: none stands under that name, or for that folder.
    """
    for path in sorted(state.glob("*/lab.json")):
        found = _read(path)
        if name == found.get("site") or (folder and str(folder.resolve()) == found.get("folder")):
            whole = _layout(found)
            if whole:
                return whole
    raise InputError(f"No lab stands for {name or folder}.")


def images_in_use(state: Path = STATE) -> set[Path]:
    """Return the images that the standing labs' hosts run on."""
    return {Path(str(_read(path).get("image"))) for path in state.glob("*/lab.json")}


def made_for(host: HostLayout) -> tuple[str, str]:
    """Return the address that a host's disk was made for and the machine's run that it last ran in, or empty texts."""
    found = _read(host.folder / "host.json")
    return str(found.get("address", "")), str(found.get("boot", ""))


def remember_host(host: HostLayout, boot: str) -> None:
    """Remember whom a host's disk belongs to, and in which run of the machine it was last used."""
    text = json.dumps({"address": str(host.address), "boot": boot})
    (host.folder / "host.json").write_text(text, encoding="utf-8")


def _layout(found: dict[str, Any]) -> Layout | None:
    try:
        hosts = [
            _Remembered(
                host["name"],
                IPv4Address(host["address"]),
                IPv6Address(host["address6"]) if host["address6"] else None,
            )
            for host in found["hosts"]
        ]
        return layout(found["site"], hosts)
    except (KeyError, TypeError, ValueError):
        return None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
