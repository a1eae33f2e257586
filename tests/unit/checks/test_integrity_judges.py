"""Judges of integrity, with answers recorded on lab hosts and with bad ones."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotEvaluated
from checks import test_integrity as judged

NOW = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
MIRROR = "http://mirror.example/debian"
RECORDED = [
    {"path": "/etc/login.defs", "configuration": True, "what": "content"},
    {"path": "/etc/squid/conf.d/debian.conf", "configuration": True, "what": "missing"},
]


def host(**facts):
    return SimpleNamespace(name="web", facts=facts)


def test_recorded_settings_are_azukaris_own():
    assert judged.test_files_are_what_packages_brought(host(package_files=RECORDED), site=object())


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            {"path": "/usr/bin/ls", "configuration": False, "what": "content"},
            "/usr/bin/ls is not what its package brought",
        ),
        ({"path": "/usr/bin/ls", "configuration": False, "what": "missing"}, "/usr/bin/ls is missing"),
        ({"path": "/etc/cron.daily/dpkg", "configuration": True, "what": "content"}, "/etc/cron.daily/dpkg"),
    ],
)
def test_a_replaced_file_is_named(one, said):
    with pytest.raises(AssertionError, match=said):
        judged.test_files_are_what_packages_brought(host(package_files=[*RECORDED, one]), site=object())


def test_on_a_lone_server_settings_are_its_owners():
    changed = [{"path": "/etc/cron.daily/dpkg", "configuration": True, "what": "content"}]
    assert judged.test_files_are_what_packages_brought(host(package_files=changed), site=None)


def program(path, sha256="00"):
    return {"path": path, "kind": "file", "mode": "0755", "owner": "root", "group": "root", "sha256": sha256}


def walked(*programs, preload=None):
    return host(walk={"counted": 12873, "foreign_programs": list(programs)}, files={"/etc/ld.so.preload": preload})


def test_azukaris_own_programs_are_the_ones_it_carries():
    own = judged.own_programs()
    assert set(own) == set(judged.OWN_PROGRAMS)
    assert judged.test_no_program_comes_from_elsewhere(walked(*(program(path, digest) for path, digest in own.items())))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/usr/local/bin/helper", "/usr/local/bin/helper .* comes from no package"),
        ("/var/tmp/.x", "/var/tmp/.x .* comes from no package"),
        ("/usr/local/sbin/azukari-rollback", "is not the program that this azukari carries"),
    ],
)
def test_a_program_from_elsewhere_is_named(path, said):
    with pytest.raises(AssertionError, match=said):
        judged.test_no_program_comes_from_elsewhere(walked(program(path)))


def test_a_preload_is_named():
    with pytest.raises(AssertionError, match=r"ld\.so\.preload"):
        judged.test_no_program_comes_from_elsewhere(walked(preload={"path": "/etc/ld.so.preload", "mode": "0644"}))


@pytest.mark.parametrize("path", ["/home/tanaka/bin/mine", "/var/lib/azukari/rollback/20261125T145644Z-96b4d1/0"])
def test_what_is_ones_own_stays_green(path):
    assert judged.test_no_program_comes_from_elsewhere(walked(program(path)))


def packages(**more):
    found = {"bash": {"version": "5.2", "state": "ii", "origins": [f"500 {MIRROR} trixie/main amd64 Packages"]}}
    return host(packages={**found, **more})


SITE = SimpleNamespace(upstream=SimpleNamespace(mirror=MIRROR + "/", security_mirror=MIRROR + "-security"))


def test_origins():
    assert judged.test_packages_come_from_declared_origins(packages(), SITE)
    removed = {"version": "1", "state": "rc", "origins": []}
    held = {"version": "1", "state": "hi", "origins": [f"500 {MIRROR} trixie/main amd64 Packages"]}
    assert judged.test_packages_come_from_declared_origins(packages(held=held), SITE)
    assert judged.test_packages_come_from_declared_origins(packages(old=removed), SITE)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        ({"version": "1", "state": "ii", "origins": []}, "evil 1 is in no declared source"),
        ({"version": "1", "state": "ii", "origins": ["500 http://evil.example/debian x/main"]}, "no declared source"),
        ({"version": "1", "state": "iF", "origins": []}, "half installed"),
    ],
)
def test_a_package_from_elsewhere_is_named(one, said):
    with pytest.raises(AssertionError, match=said):
        judged.test_packages_come_from_declared_origins(packages(evil=one), SITE)


def test_without_lists_no_origin_is_known():
    with pytest.raises(NotEvaluated):
        judged.test_packages_come_from_declared_origins(
            host(packages={"bash": {"version": "5.2", "state": "ii", "origins": []}}), SITE
        )


def plan(**changed):
    return {
        "name": "20261125T120000Z-plan-abcdef",
        "fault": "",
        "site": "d1",
        "ended": (NOW - timedelta(hours=3)).isoformat(),
        "hosts": ["web", "db"],
        "changes": [],
        "new": [],
        "whole": True,
        "left": {},
        **changed,
    }


def test_a_young_plan_without_changes():
    assert "3.0 h old" in judged.judge_age([plan()], "d1", NOW)
    assert judged.judge_age([plan(whole=False), plan()], "d1", NOW)
    assert judged.judge_age([plan(left={"vault": "its keys are not at hand"})], "d1", NOW)
    assert judged.judge_drift("web", [plan(changes=[{"host": "db", "task": "base: Names"}])], NOW)
    assert judged.judge_drift("web", [plan(hosts=["db"]), plan()], NOW)


@pytest.mark.parametrize(
    ("plans", "said"),
    [
        ([], "nobody has made a plan"),
        ([plan(whole=False)], "nobody has made a plan"),
        ([plan(whole=False, left={"vault": "its keys are not at hand"})], "nobody has made a plan"),
        ([plan(ended=(NOW - timedelta(hours=27)).isoformat())], "27 h old"),
        ([plan(site="d0")], "another declaration"),
        ([plan(fault="results.json was changed")], r"results\.json was changed"),
    ],
)
def test_a_plan_that_is_late_or_false_is_named(plans, said):
    with pytest.raises(AssertionError, match=said):
        judged.judge_age(plans, "d1", NOW)


@pytest.mark.parametrize(
    ("plans", "said"),
    [
        ([], "no signed plan has asked web"),
        ([plan(hosts=["db"])], "no signed plan has asked web"),
        ([plan(changes=[{"host": "web", "task": "base: Names"}]), plan()], "found but not promised: base: Names"),
        ([plan(new=["web"])], "freshly installed"),
        ([plan(hosts=["db"]), plan(ended=(NOW - timedelta(hours=27)).isoformat())], "that asked web .* 27 h old"),
    ],
)
def test_drift_is_named(plans, said):
    with pytest.raises(AssertionError, match=said):
        judged.judge_drift("web", plans, NOW)


def test_an_auditor_without_plans_does_not_judge():
    auditor = SimpleNamespace(judged_as="auditor", now=NOW)
    with pytest.raises(NotEvaluated):
        judged.test_no_drift(host(), auditor, [])
    with pytest.raises(NotEvaluated):
        judged.test_a_plan_is_made_daily(None, auditor, [])
