"""Judges of updates, with answers recorded on lab hosts and with bad ones."""

import copy
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotEvaluated
from checks import test_updates as judged

NOW = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
FETCHED = int(NOW.timestamp()) - 3600
MIRROR = "http://mirror.example/debian"
SECURITY = "http://mirror.example/debian-security"
SIGNED = {"signed-by": "/usr/share/keyrings/debian-archive-keyring.pgp"}
PENDING = {
    "name": "libssl3t64",
    "installed": "3.5.1-1",
    "available": "3.5.4-1~deb13u1",
    "security": True,
    "origin": "Debian-Security:13/stable-security",
}
APT = {
    "upgrades": [],
    "held": [],
    "preferences": [],
    "last_unattended": False,
    "sources": [
        {
            "file": "/etc/apt/sources.list.d/azukari.sources",
            "types": ["deb"],
            "uris": [MIRROR],
            "suites": ["trixie", "trixie-updates"],
            "components": ["main"],
            "options": SIGNED,
        },
        {
            "file": "/etc/apt/sources.list.d/azukari.sources",
            "types": ["deb"],
            "uris": [SECURITY],
            "suites": ["trixie-security"],
            "components": ["main"],
            "options": SIGNED,
        },
    ],
    "releases": [{"file": "mirror_InRelease", "read_at": float(FETCHED)}],
    "config": [
        ["APT::Periodic", ""],
        ["APT::Periodic::Enable", "1"],
        ["APT::Periodic::Update-Package-Lists", "1"],
        ["APT::Periodic::Unattended-Upgrade", "1"],
        ["Acquire::AllowInsecureRepositories", "false"],
        ["Acquire::AllowDowngradeToInsecureRepositories", "false"],
        ["Acquire::AllowWeakRepositories", "false"],
        ["APT::Get::AllowUnauthenticated", "false"],
        ["Acquire::Check-Valid-Until", "true"],
        ["Unattended-Upgrade::Origins-Pattern", ""],
        *(["Unattended-Upgrade::Origins-Pattern::", one] for one in sorted(judged.ORIGINS)),
    ],
}
UNITS = {
    "loaded": {timer: {"ActiveState": "active"} for timer in judged.TIMERS},
    "files": dict.fromkeys(judged.TIMERS, "enabled"),
}
SITE = SimpleNamespace(upstream=SimpleNamespace(mirror=MIRROR, security_mirror=SECURITY + "/"))
RUN = SimpleNamespace(now=NOW)


def host(**facts):
    return SimpleNamespace(name="web", facts=facts)


def apt(**changed):
    return {**copy.deepcopy(APT), **changed}


def test_recorded_sources_are_the_declared_ones():
    assert judged.test_packages_come_from_declared_sources(host(apt=APT), SITE) == "2 declared sources"


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"uris": ["http://evil.example/"], "suites": ["x"], "options": {"trusted": "yes"}}, "evil.example"),
        ({"uris": [MIRROR], "suites": ["trixie-backports"], "options": SIGNED}, "trixie-backports"),
        ({"uris": [MIRROR], "suites": ["trixie"], "options": {**SIGNED, "trusted": "yes"}}, "says trusted: yes"),
        (
            {"uris": [MIRROR], "suites": ["trixie"], "options": {**SIGNED, "Allow-Insecure": "yes"}},
            "allow-insecure: yes",
        ),
        (
            {"uris": [MIRROR], "suites": ["trixie"], "options": {**SIGNED, "check-valid-until": "no"}},
            "lists of any age",
        ),
        ({"uris": [MIRROR], "suites": ["trixie"], "options": {"signed-by": "/etc/apt/keyrings/evil.asc"}}, "not bound"),
        ({"uris": [MIRROR], "suites": ["trixie"], "options": {}}, "not bound to Debian's keys"),
    ],
)
def test_a_foreign_source_is_named(extra, said):
    sources = [*APT["sources"], {"file": "/etc/apt/sources.list.d/x.list", "types": ["deb"], "components": [], **extra}]
    with pytest.raises(AssertionError, match=said):
        judged.test_packages_come_from_declared_sources(host(apt=apt(sources=sources)), SITE)


def test_a_source_that_is_switched_off_is_none():
    off = {**APT["sources"][0], "uris": ["http://evil.example/"], "options": {"Enabled": "no"}}
    assert judged.test_packages_come_from_declared_sources(host(apt=apt(sources=[*APT["sources"], off])), SITE)


def test_a_source_that_is_missing_is_named():
    with pytest.raises(AssertionError, match=r"promised but not found: .*trixie-security"):
        judged.test_packages_come_from_declared_sources(host(apt=apt(sources=APT["sources"][:1])), SITE)


def overdue(answer, fetched=FETCHED, site=SITE):
    return judged.test_no_security_update_is_overdue(host(apt=answer), site, RUN, fetched)


def test_an_update_that_came_within_the_day_is_not_overdue():
    assert "1 updates pending, none overdue" in overdue(apt(upgrades=[PENDING]))
    assert overdue(apt(upgrades=[PENDING], last_unattended=FETCHED - 60.0))


@pytest.mark.parametrize(
    ("changed", "fetched", "said"),
    [
        ({"upgrades": [PENDING], "last_unattended": FETCHED + 60.0}, FETCHED, "overdue: libssl3t64"),
        ({"upgrades": [PENDING]}, FETCHED - 86400 - 7200, "overdue: libssl3t64"),
        ({"held": ["openssl"]}, FETCHED, "openssl is held back"),
        ({"preferences": [{"path": "/etc/apt/preferences.d/pin", "text": "…"}]}, FETCHED, "pins packages"),
        ({}, FETCHED - 4 * 86400, "last fetched 97 h ago"),
    ],
)
def test_an_overdue_update_is_named(changed, fetched, said):
    with pytest.raises(AssertionError, match=said):
        overdue(apt(**changed), fetched)


def test_on_a_lone_server_without_unattended_upgrades_each_pending_one_counts():
    with pytest.raises(AssertionError, match="libssl3t64"):
        overdue(apt(upgrades=[PENDING]), site=None)


def test_without_lists_nothing_is_known():
    with pytest.raises(NotEvaluated):
        overdue(apt(releases=[]))


def test_updates_are_alive():
    assert judged.test_updates_are_alive(host(apt=APT, units=UNITS))


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (["APT::Periodic::Unattended-Upgrade", "0"], "APT::Periodic::Unattended-Upgrade is 0"),
        (["apt::periodic::enable", "0"], "APT::Periodic::Enable is 0"),
        (["Unattended-Upgrade::Package-Blacklist::", "openssl"], "holds back openssl"),
        (["Acquire::AllowInsecureRepositories", "true"], "AllowInsecureRepositories is true"),
        (["Unattended-Upgrade::Origins-Pattern::", "origin=Evil"], "origin=Evil"),
    ],
)
def test_a_late_drop_in_is_named(late, said):
    with pytest.raises(AssertionError, match=said):
        judged.test_updates_are_alive(host(apt=apt(config=[*APT["config"], late]), units=UNITS))


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ({**UNITS, "loaded": {}}, "apt-daily.timer does not run"),
        ({**UNITS, "files": {"apt-daily.timer": "masked"}}, "apt-daily.timer is masked"),
    ],
)
def test_a_dead_timer_is_named(units, said):
    with pytest.raises(AssertionError, match=said):
        judged.test_updates_are_alive(host(apt=APT, units=units))


def system(version="13", identity="debian", **more):
    return {
        "id": identity,
        "version": version,
        "point_release": version + ".8",
        "container": "lab",
        "kernel": "6",
        **more,
    }


def test_releases():
    assert "13.8" in judged.test_release_is_supported(host(os=system()), RUN)
    for bad in (system("11"), system("24.04", "ubuntu")):
        with pytest.raises(AssertionError):
            judged.test_release_is_supported(host(os=bad), RUN)
    later = SimpleNamespace(now=NOW + timedelta(days=800))
    with pytest.raises(AssertionError, match="lost its security support"):
        judged.test_release_is_supported(host(os=system()), later)


def test_restarts():
    none = {"processes": [], "reboot_required": False, "kernels": []}
    assert judged.restart_findings(none, system()) == []
    old = {"pid": 7, "process": "nginx", "user": "root", "unit": "nginx.service", "replaced": ["/usr/lib/libssl.so.3"]}
    session = {**old, "unit": "session-3.scope", "process": "bash"}
    assert judged.restart_findings({**none, "processes": [old, session]}, system()) == [
        "nginx.service still runs the old /usr/lib/libssl.so.3"
    ]
    assert judged.restart_findings({**none, "reboot_required": True}, system())
    kernels = {**none, "kernels": ["6.12.1", "6.12.9"]}
    assert judged.restart_findings(kernels, system(container="", kernel="6.12.1"))
    assert judged.restart_findings(kernels, system(container="", kernel="6.12.9")) == []
    with pytest.raises(AssertionError, match=r"nginx\.service"):
        judged.test_nothing_runs_replaced_code(host(restarts={**none, "processes": [old]}, os=system()))
