"""The picture: every host, every declared way in, and no box upon another."""

from itertools import combinations

from azukari.evidence.context import of as context_of
from azukari.report.flows import Box, picture
from azukari.site import Site


def test_every_host_and_every_declared_door_is_there(site: Site) -> None:
    drawn = picture(context_of(site)["site"], {})
    boxes = {box.name: box for box in drawn.boxes}
    assert set(site.hosts) <= set(boxes)
    for host in site.hosts.values():
        declared = {(flow.port, flow.protocol) for flow in site.flows_in(host)}
        assert {(door.port, door.protocol) for door in boxes[host.name].doors} == declared


def test_no_box_lies_upon_another_and_all_within_the_picture(site: Site) -> None:
    drawn = picture(context_of(site)["site"], {})
    for one, other in combinations(drawn.boxes, 2):
        assert not _overlap(one, other), f"{one.name} and {other.name}"
    for box in drawn.boxes:
        assert 0 <= box.x <= drawn.width - box.width
        assert 0 <= box.y <= drawn.height - box.height


def test_domains_do_not_overlap(site: Site) -> None:
    frames = picture(context_of(site)["site"], {}).frames
    assert {frame.name for frame in frames} == {"production", "vault", "log"}
    for one, other in combinations(frames, 2):
        apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
        apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
        assert apart_x or apart_y, f"{one.name} and {other.name}"


def test_what_was_not_tried_is_not_shown_as_proven(site: Site) -> None:
    verdicts = {("LEAK-01", "web"): "pass", ("LEAK-01", "db"): "fail", ("LEAK-01", "app"): "not-evaluated"}
    boxes = {box.name: box for box in picture(context_of(site)["site"], verdicts).boxes}
    assert {door.state for door in boxes["web"].doors} == {"open"}
    assert boxes["web"].rest == "shut"
    assert boxes["db"].rest == "wrong"
    for name in ("app", "mail"):  # not evaluated, and not judged at all
        assert {door.state for door in boxes[name].doors} == {"unproven"}
        assert boxes[name].rest == "unproven"


def test_a_line_leads_from_visitors_to_what_they_may_reach(site: Site) -> None:
    lines = {(line.source, line.to) for line in picture(context_of(site)["site"], {}).lines}
    assert ("visitors", "web") in lines
    assert ("bastion", "web") in lines
    assert ("visitors", "db") not in lines


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )
