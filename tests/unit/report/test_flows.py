"""The picture: every host, every declared way in, and no box upon another."""

from itertools import combinations

from azukari.evidence.context import of as context_of
from azukari.report.flows import Box, Tried, picture, tried
from azukari.site import Site

NOTHING = Tried({})


def test_every_host_and_every_declared_door_is_there(site: Site) -> None:
    drawn = picture(context_of(site)["site"], NOTHING)
    boxes = {box.name: box for box in drawn.boxes}
    assert set(site.hosts) <= set(boxes)
    for host in site.hosts.values():
        declared = {(flow.port, flow.protocol) for flow in site.flows_in(host)}
        assert {(door.port, door.protocol) for door in boxes[host.name].doors} == declared


def test_no_box_lies_upon_another_and_all_within_the_picture(site: Site) -> None:
    drawn = picture(context_of(site)["site"], NOTHING)
    for one, other in combinations(drawn.boxes, 2):
        assert not _overlap(one, other), f"{one.name} and {other.name}"
    for box in drawn.boxes:
        assert 0 <= box.x <= drawn.width - box.width
        assert 0 <= box.y <= drawn.height - box.height


def test_domains_do_not_overlap(site: Site) -> None:
    frames = picture(context_of(site)["site"], NOTHING).frames
    assert {frame.name for frame in frames} == {"production", "vault", "log"}
    for one, other in combinations(frames, 2):
        apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
        apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
        assert apart_x or apart_y, f"{one.name} and {other.name}"


def test_what_was_not_tried_is_not_shown_as_proven(site: Site) -> None:
    for verdicts in ({}, dict.fromkeys(site.hosts, "not-evaluated")):
        for box in _boxes(site, Tried(verdicts)).values():
            if box.kind == "host":
                assert {door.state for door in box.doors} == {"unproven"}
                assert box.rest == "unproven"


def test_declared_doors_are_open_to_those_for_whom_they_are(site: Site) -> None:
    web = str(site.hosts["web"].address)
    found = Tried(dict.fromkeys(site.hosts, "pass"), frozenset({(web, "tcp", 443), (web, "tcp", 80)}), 55)
    boxes = _boxes(site, found)
    assert {door.port: door.state for door in boxes["web"].doors} == {22: "kept", 80: "open", 443: "open"}
    assert {door.state for door in boxes["db"].doors} == {"kept"}
    assert {box.rest for box in boxes.values() if box.kind == "host"} == {"shut"}


def test_a_door_that_nobody_declared_is_named(site: Site) -> None:
    web, db = site.hosts["web"], site.hosts["db"]
    answers = {(str(web.address), "tcp", 443), (str(db.address6), "tcp", 5433), (str(db.address), "tcp", 22)}
    boxes = _boxes(site, Tried({"web": "fail", "db": "fail"}, frozenset(answers), 55))
    found = [(door.port, door.state) for door in boxes["db"].doors if not door.sources]
    assert found == [(5433, "wrong")]
    assert (22, "wrong") in [(door.port, door.state) for door in boxes["db"].doors]  # the bastion's alone
    states = {door.port: door.state for door in boxes["web"].doors}
    assert (states[443], states[80]) == ("open", "wrong")  # 80 is declared for visitors, and silent


def test_a_ruleset_that_differs_is_shown_though_nothing_answered(site: Site) -> None:
    assert _boxes(site, Tried({"db": "fail"}, frozenset(), 55))["db"].rest == "wrong"


def test_attempts_are_read_as_their_collector_kept_them() -> None:
    value = {
        "from": {"192.0.2.1": "192.0.2.250", "2001:db8::1": None},
        "ports": {"tcp": [22, 443], "udp": [53]},
        "answers": [["192.0.2.1", "tcp", 443, "open"], ["2001:db8::1", "tcp", 22, "unreachable"]],
    }
    found = tried({"site": {"collected reached": {"ok": True, "value": value}}}, {})
    assert found.answers == {("192.0.2.1", "tcp", 443)}
    assert (found.ports, found.vantages) == (3, ("192.0.2.250",))
    assert tried({"site": {"collected reached": {"ok": False, "error": "switched off"}}}, {}) == NOTHING


def test_a_line_leads_from_visitors_to_what_they_may_reach(site: Site) -> None:
    lines = {(line.source, line.to) for line in picture(context_of(site)["site"], NOTHING).lines}
    assert ("visitors", "web") in lines
    assert ("bastion", "web") in lines
    assert ("visitors", "db") not in lines


def _boxes(site: Site, found: Tried) -> dict[str, Box]:
    return {box.name: box for box in picture(context_of(site)["site"], found).boxes}


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )
