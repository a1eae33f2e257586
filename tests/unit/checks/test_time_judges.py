"""Judges of time, with answers recorded on lab hosts and with bad ones."""

from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotEvaluated
from checks import test_time as judged

TRACKING = [
    [
        "C6124C0A",
        "bastion",
        "9",
        "1795618784.496",
        "0.000007789",
        "0.000021460",
        "0.000021460",
        "-0.153",
        "0.052",
        "0.746",
        "0.000069364",
        "0.000034269",
        "64.3",
        "Normal",
    ]
]
SOURCES = [["^", "*", "bastion", "8", "6", "77", "15", "0.000009359", "0.000030819", "0.000034719"]]
CONF = "server bastion iburst nts certset 1 ipv4 maxpoll 8\nport 0\n"
AUTHENTICATED = {"sources": [["bastion", "NTS", "1", "30", "128", "258", "0", "0", "8", "64"]], "age": 12}


def site(*upstream, lab=True):
    return SimpleNamespace(
        group=lambda _name: [SimpleNamespace(name="bastion")], lab=lab, upstream=SimpleNamespace(time=tuple(upstream))
    )


def host(name="web", conf=CONF, **changed):
    files = [{"path": "/etc/chrony/chrony.conf", "text": conf}]
    value = {"installed": True, "tracking": TRACKING, "sources": SOURCES, "files": files, **changed}
    return SimpleNamespace(name=name, facts={"time": value})


def test_recorded_sources_are_the_declared_ones():
    assert judged.test_sources_are_the_declared_ones(host(), site()) == "0.008 ms from bastion, stratum 9"


def test_the_labs_bastion_keeps_its_own_time_and_a_real_one_may_not():
    bastion = host("bastion", conf="local stratum 8\n", sources=[])
    assert "stratum 9" in judged.test_sources_are_the_declared_ones(bastion, site())
    with pytest.raises(AssertionError, match="no source of time is declared"):
        judged.test_sources_are_the_declared_ones(bastion, site(lab=False))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"sources": [*SOURCES, ["^", "-", "evil", "2", "6", "77", "1", "0", "0", "0"]]},
            "found but not promised: evil",
        ),
        ({"sources": SOURCES * 2}, "found bastion bastion, promised bastion"),
        ({"sources": []}, "promised but not found: bastion"),
        ({"conf": CONF + "server 192.0.2.1 iburst\n"}, "192.0.2.1"),
        ({"conf": CONF + "sourcedir /etc/chrony/sources.d\n"}, "/etc/chrony/sources.d"),
        ({"tracking": [[*TRACKING[0][:13], "Not synchronised"]]}, "follows nothing"),
        ({"tracking": [[*TRACKING[0][:4], "-0.5", *TRACKING[0][5:]]]}, "0.500 s away"),
        ({"sources": None, "sources_error": "506 Cannot talk to daemon"}, "Cannot talk to daemon"),
        ({"installed": False}, "not installed"),
    ],
)
def test_another_source_is_named(changed, said):
    with pytest.raises(AssertionError, match=said):
        judged.test_sources_are_the_declared_ones(host(**changed), site())


def test_authentication():
    assert judged.test_sources_are_authenticated(host(), site(), AUTHENTICATED) == "1 by NTS"
    plain = {**AUTHENTICATED, "sources": [["bastion", "-", "0", "0", "0", "4", "0", "0", "0", "0"]]}
    with pytest.raises(AssertionError, match="bastion is -, promised is NTS"):
        judged.test_sources_are_authenticated(host(), site(), plain)
    without_keys = {**AUTHENTICATED, "sources": [["bastion", "NTS", "0", "0", "0", "4", "7", "0", "0", "0"]]}
    with pytest.raises(AssertionError, match="no keys were obtained from bastion"):
        judged.test_sources_are_authenticated(host(), site(), without_keys)
    with pytest.raises(AssertionError, match="after a restart"):
        judged.test_sources_are_authenticated(host(conf="server bastion iburst\n"), site(), AUTHENTICATED)


def test_an_old_answer_about_authentication_is_no_pass():
    with pytest.raises(NotEvaluated, match="900 s old"):
        judged.test_sources_are_authenticated(host(), site(), {**AUTHENTICATED, "age": 900})


def test_clock_from_outside():
    web = SimpleNamespace(name="web")
    assert judged.test_clock_as_seen_from_outside(web, [-0.04, 0.11], None)
    for clock in ([-61.0, -60.8], [3600.1, 3600.3]):
        with pytest.raises(AssertionError, match="away from the judge's"):
            judged.test_clock_as_seen_from_outside(web, clock, None)


def test_clock_is_read_between_two_looks(monkeypatch):
    looks = iter([100.0, 100.2])
    monkeypatch.setattr(judged.time, "time", lambda: next(looks))
    reply = SimpleNamespace(exit_code=0, stdout="100.1\n", stderr="")
    answered = SimpleNamespace(command=lambda *_argv, **_fresh: reply)
    assert judged.clock(answered, None) == pytest.approx([-0.1, 0.1])
