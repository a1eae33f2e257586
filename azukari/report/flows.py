"""The picture of the network: hosts in their trust domains, declared flows, proven open, proven shut.

Lays out boxes and lines in numbers; the template draws them. Each host's box lists its doors, because a line's label
would be read by nobody once there are forty of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PEOPLE = ("visitors", "controller", "office", "auditor")
PROXY = "proxy:"
EVERY_HOST = "all"

# The picture's measures, in SVG user units.
BOX_WIDTH, GAP_X, GAP_Y, MARGIN = 240, 64, 20, 16
BUS = 12  # how far below the boxes a line runs that has to pass others
HEAD, LINE, FOOT = 30, 19, 10
PERSON_HEIGHT = 44
DOMAIN_HEAD, DOMAIN_PAD = 30, 16


@dataclass(frozen=True)
class Door:
    """A way into a host, declared or found.

    `state`: `open`: proven open; `kept`: for its declared sources alone, and shut when tried from outside; `wrong`: not
    as declared; `unproven`: not tried. A door that was found and not declared has no sources.
    """

    port: int
    protocol: str
    sources: tuple[str, ...]
    why: tuple[str, ...]
    state: str

    @property
    def name(self) -> str:
        """Return the port as people write it; tcp goes without saying."""
        return f"{self.port}/udp" if self.protocol == "udp" else str(self.port)


@dataclass(frozen=True)
class Tried:
    """What attempts from outside found: LEAK-01's verdicts by host, and what answered.

    `answers` are (address, protocol, port), of those that did; `ports` is how many were tried at each address.
    """

    verdicts: Mapping[str, str]
    answers: frozenset[tuple[str, str, int]] = frozenset()
    ports: int = 0
    vantages: tuple[str, ...] = ()

    def answered(self, host: Mapping[str, Any]) -> set[tuple[int, str]]:
        """Return the (port, protocol) at which a host answered."""
        own = {host["address"], host["address6"]}
        return {(port, protocol) for address, protocol, port in self.answers if address in own}


@dataclass(frozen=True)
class Box:
    """A host, a place where people sit, or what lies outside; `rest` tells of all ways that were not declared."""

    name: str
    kind: str
    detail: str
    doors: tuple[Door, ...]
    rest: str
    x: int
    y: int
    height: int
    width: int = BOX_WIDTH


@dataclass(frozen=True)
class Frame:
    """A trust domain's frame."""

    name: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Line:
    """All declared flows from one box to another."""

    source: str
    to: str
    path: str


@dataclass(frozen=True)
class Picture:
    """Boxes, frames and lines, and the size of it all."""

    boxes: tuple[Box, ...]
    frames: tuple[Frame, ...]
    lines: tuple[Line, ...]
    width: int
    height: int
    ports: int
    vantages: tuple[str, ...]


def tried(facts: Mapping[str, Any], verdicts: Mapping[str, str]) -> Tried:
    """Return what the attempts of LEAK-01 found, as its collector `reached` kept it.

    Args:
        facts: the evidence's facts.
        verdicts: the verdicts of LEAK-01 by host.
    """
    section = facts.get("site", {}).get("collected reached", {})
    value = section.get("value") if section.get("ok") else None
    if not isinstance(value, dict):
        return Tried(verdicts)
    answers = {
        (address, protocol, int(port)) for address, protocol, port, state in value["answers"] if state != "unreachable"
    }
    return Tried(
        verdicts,
        frozenset(answers),
        sum(len(ports) for ports in value["ports"].values()),
        tuple(sorted({own for own in value["from"].values() if own})),
    )


def picture(site: Mapping[str, Any], found: Tried) -> Picture:
    """Return the picture of a site's declared flows, and of what became of them when they were tried.

    Args:
        site: the declared site, as the evidence's context keeps it.
        found: the attempts.
    """
    hosts = site["hosts"]
    flows = list(_pairs(site))
    boxes = {name: _person(name) for name in PEOPLE if any(name in (source, to) for source, to, _ in flows)}
    outside = sorted({to.removeprefix(PROXY) for _, to, _ in flows if to.startswith(PROXY)})
    if outside:
        boxes["outside"] = _box("outside", "outside", ", ".join(outside), (), "")
    for host in hosts:
        boxes[host["name"]] = _host(host, flows, found)
    columns = _columns(hosts, boxes)
    placed, frames, width, height = _place(columns, hosts, boxes)
    lines = tuple(_lines(flows, placed, _bastion(hosts)))
    return Picture(tuple(placed.values()), tuple(frames), lines, width, height, found.ports, found.vantages)


def _pairs(site: Mapping[str, Any]) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    """Each declared flow between single names, as the firewall has them."""
    for flow in site["flows"]:
        for source in _members(site, flow["from"]):
            for to in _members(site, flow["to"]):
                if source != to:
                    yield source, to, flow


def _members(site: Mapping[str, Any], endpoint: str) -> list[str]:
    if endpoint == EVERY_HOST:
        return [host["name"] for host in site["hosts"]]
    return [host["name"] for host in site["hosts"] if endpoint in host["groups"]] or [endpoint]


def _person(name: str) -> Box:
    return Box(name, "person", "", (), "", 0, 0, PERSON_HEIGHT)


def _host(host: Mapping[str, Any], flows: list[tuple[str, str, Mapping[str, Any]]], found: Tried) -> Box:
    verdict = found.verdicts.get(host["name"], "")
    answered = found.answered(host)
    declared: dict[tuple[int, str], tuple[list[str], list[str]]] = {}
    for source, to, flow in flows:
        if to == host["name"]:
            sources, why = declared.setdefault((flow["port"], flow["protocol"]), ([], []))
            named = EVERY_HOST if flow["from"] == EVERY_HOST else source
            sources += [named] if named not in sources else []
            why += [flow["why"]] if flow["why"] not in why else []
    doors = [
        Door(port, protocol, tuple(sources), tuple(why), _state(verdict, sources, (port, protocol) in answered))
        for (port, protocol), (sources, why) in sorted(declared.items())
    ]
    extra = [Door(port, protocol, (), (), "wrong") for port, protocol in sorted(answered - set(declared))]
    wrong = bool(extra) or any(door.state == "wrong" for door in doors)
    rest = {"pass": "shut", "fail": "" if wrong else "wrong", "excepted": "wrong"}.get(verdict, "unproven")
    return _box(host["name"], "host", ", ".join(host["groups"]), (*doors, *extra), rest)


def _state(verdict: str, sources: list[str], answered: bool) -> str:
    """How a declared door stands, by what was found from outside, where only visitors' doors must answer."""
    if verdict not in {"pass", "fail", "excepted"}:
        return "unproven"
    if answered:
        return "open" if verdict == "pass" or "visitors" in sources else "wrong"
    return "kept" if "visitors" not in sources else "wrong"


def _box(name: str, kind: str, detail: str, doors: tuple[Door, ...], rest: str) -> Box:
    lines = len(doors) + bool(rest) + (kind == "outside")
    return Box(name, kind, detail, doors, rest, 0, 0, HEAD + LINE * lines + FOOT)


def _bastion(hosts: Iterable[Mapping[str, Any]]) -> str:
    return next((host["name"] for host in hosts if "bastion" in host["groups"]), "")


def _columns(hosts: list[Mapping[str, Any]], boxes: Mapping[str, Box]) -> list[list[str]]:
    """People left, then the bastion's domain (bastion, then the rest), then the other domains."""
    bastion = _bastion(hosts)
    home = next((host["domain"] for host in hosts if host["name"] == bastion), "")
    inner = [host["name"] for host in hosts if host["domain"] == home and host["name"] != bastion]
    others = [host["name"] for host in hosts if host["domain"] != home]
    people = [name for name in (*PEOPLE, "outside") if name in boxes]
    return [column for column in (people, [bastion] if bastion else [], inner, others) if column]


def _place(
    columns: list[list[str]], hosts: list[Mapping[str, Any]], boxes: Mapping[str, Box]
) -> tuple[dict[str, Box], list[Frame], int, int]:
    domain_of = {host["name"]: host["domain"] for host in hosts}
    placed: dict[str, Box] = {}
    height = max(_column_height(column, boxes, domain_of) for column in columns) + 2 * MARGIN
    bastion = _bastion(hosts)
    for index, column in enumerate(columns):
        x = MARGIN + DOMAIN_PAD * (index > 0) + index * (BOX_WIDTH + GAP_X)
        # The bastion stands low, so that the visitors' way to the web passes above it.
        y = MARGIN + DOMAIN_HEAD if column != [bastion] else max(MARGIN + DOMAIN_HEAD, height // 3)
        before = ""
        for name in column:
            domain = domain_of.get(name, "")
            if before and domain != before:
                y += DOMAIN_HEAD + 2 * DOMAIN_PAD
            box = boxes[name]
            placed[name] = Box(**{**box.__dict__, "x": x, "y": y})
            y += box.height + GAP_Y
            before = domain
    frames = [_frame(domain, placed, domain_of) for domain in dict.fromkeys(domain_of.values())]
    width = max(frame.x + frame.width for frame in frames) + MARGIN
    bottom = max([frame.y + frame.height for frame in frames] + [box.y + box.height for box in placed.values()])
    return placed, frames, width, bottom + MARGIN


def _column_height(column: list[str], boxes: Mapping[str, Box], domain_of: Mapping[str, str]) -> int:
    domains = len({domain_of.get(name, "") for name in column})
    return sum(boxes[name].height + GAP_Y for name in column) + domains * (DOMAIN_HEAD + 2 * DOMAIN_PAD)


def _frame(domain: str, placed: Mapping[str, Box], domain_of: Mapping[str, str]) -> Frame:
    inside = [box for name, box in placed.items() if domain_of.get(name) == domain]
    x, y = min(box.x for box in inside) - DOMAIN_PAD, min(box.y for box in inside) - DOMAIN_HEAD
    right = max(box.x + box.width for box in inside) + DOMAIN_PAD
    bottom = max(box.y + box.height for box in inside) + DOMAIN_PAD
    return Frame(domain, x, y, right - x, bottom - y)


def _lines(
    flows: Iterable[tuple[str, str, Mapping[str, Any]]], placed: Mapping[str, Box], bastion: str
) -> Iterable[Line]:
    """One line a pair; what every host may do to the bastion is the way back of the bastion's own line."""
    ends: dict[tuple[str, str], None] = {}
    for source, to, flow in flows:
        if to.startswith(PROXY):
            pair = (bastion, "outside")
        elif flow["from"] == EVERY_HOST:
            continue
        else:
            pair = (source, to)
        if pair[0] in placed and pair[1] in placed:
            ends[pair] = None
    for source, to in ends:
        yield Line(source, to, _path(placed[source], placed[to], placed.values()))


def _path(source: Box, to: Box, boxes: Iterable[Box]) -> str:
    """A curve from side to near side; around below, where other boxes stand between."""
    low, high = sorted((source.x, to.x))
    between = [box for box in boxes if low < box.x < high]
    if between and "person" not in (source.kind, to.kind):
        return _around(source, to, max(box.y + box.height for box in between) + BUS)
    if source.x == to.x:  # one above the other: around the right side
        x, y1, y2 = source.x + source.width, source.y + source.height // 2, to.y + to.height // 2
        return f"M{x} {y1}C{x + GAP_X // 2} {y1} {x + GAP_X // 2} {y2} {x + 6} {y2}"
    rightward = source.x < to.x
    x1 = source.x + source.width if rightward else source.x
    x2 = to.x - 6 if rightward else to.x + to.width + 6
    y1, y2 = source.y + min(source.height // 2, HEAD), to.y + min(to.height // 2, HEAD)
    middle = (x1 + x2) // 2
    return f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"


def _around(source: Box, to: Box, y: int) -> str:
    """Down from the source, along below the boxes between, and up to the near side of the other."""
    rightward = source.x < to.x
    x1 = source.x + source.width // 2
    x2 = to.x - GAP_X // 2 if rightward else to.x + to.width + GAP_X // 2
    end = to.x - 6 if rightward else to.x + to.width + 6
    return f"M{x1} {source.y + source.height}V{y}H{x2}V{to.y + HEAD}H{end}"
