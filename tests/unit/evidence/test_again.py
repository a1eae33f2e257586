"""An old run is judged again from its signed facts alone."""

from pathlib import Path
from typing import Any

import pytest

from azukari import evidence
from azukari.errors import InputError
from azukari.evidence import Evidence
from azukari.evidence.again import Rejudged, judge_again
from azukari.evidence.signer import KeyFileSigner
from azukari.site import Site
from azukari.verify import RunResult

CHECKS = '''
from azukari.verify import check, collector, not_applicable

@collector(proof="attempt")
def decoys(host):
    raise RuntimeError("no server may be asked")

@check("LEAK-10", sections=["sshd"])
def test_no_passwords(host):
    """No passwords."""
    assert host.facts["sshd"]["passwordauthentication"] == "no", "passwords are accepted"

@check("LEAK-11", collect=[decoys])
def test_refuses(host, decoys):
    """Decoys are refused."""
    assert set(decoys.values()) == {"refused"}, "a decoy got in"

@check("LEAK-12")
def test_asks(host):
    """A command's answer."""
    assert host.command(["id", "-un"]).stdout == "audit"
    assert host.command(["cat", "krl"]).stdout_bytes == bytes([0xFF, 0xFE])

@check("LEAK-30", hosts="site", collect=[decoys])
def test_all(site, decoys):
    """All hosts together."""
    assert all(set(one.values()) == {"refused"} for one in decoys.values())
'''


@pytest.fixture
def checks(tmp_path: Path) -> Path:
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "test_x.py").write_text(CHECKS)
    return tmp_path / "checks"


@pytest.fixture
def old(run: RunResult, site: Site, signer: KeyFileSigner) -> Evidence:
    facts: dict[str, dict[str, Any]] = {
        host: {
            "sshd": {"ok": True, "value": {"passwordauthentication": "no"}},
            "collected decoys": {"ok": True, "value": {"expired": "refused"}},
            "commands": {
                "ok": True,
                "value": [
                    {"command": ["id", "-un"], "exit_code": 0, "stdout": "audit", "stderr": ""},
                    {"command": ["cat", "krl"], "exit_code": 0, "stdout_base64": "//4=", "stderr": ""},
                ],
            },
        }
        for host in ("web", "db")
    }
    (like, *_) = run.results
    judged = {("web", "LEAK-10"): "no_passwords", ("db", "LEAK-11"): "refuses", ("db", "LEAK-12"): "asks"}
    judged["site", "LEAK-30"] = "all"
    results = [
        like.model_copy(update={"safeguard": safeguard, "check": f"test_x.py::test_{name}", "host": host})
        for (host, safeguard), name in judged.items()
    ]
    return Evidence(evidence.write(run.model_copy(update={"facts": facts, "results": results}), site, signer))


def test_verdicts_come_out_as_they_were_signed(old: Evidence, site: Site, checks: Path) -> None:
    found = judge_again(old, site, checks)
    assert [(each.then, each.now) for each in found] == [("pass", "pass")] * 4, found


def test_a_verdict_that_does_not_follow_from_the_facts_is_named(old: Evidence, site: Site, checks: Path) -> None:
    old.facts["web"]["sshd"]["value"]["passwordauthentication"] = "yes"
    assert _differing(old, site, checks) == [("LEAK-10", "fail", "passwords are accepted")]
    old.facts["db"]["collected decoys"]["value"]["expired"] = "accepted"
    assert [safeguard for safeguard, *_ in _differing(old, site, checks)] == ["LEAK-10", "LEAK-11", "LEAK-30"]


@pytest.mark.parametrize(("missing", "safeguard"), [("sshd", "LEAK-10"), ("collected decoys", "LEAK-11")])
def test_what_was_not_signed_is_not_evaluated(
    old: Evidence, site: Site, checks: Path, missing: str, safeguard: str
) -> None:
    for sections in old.facts.values():
        del sections[missing]
    assert (safeguard, "not-evaluated") in [(each, now) for each, now, _ in _differing(old, site, checks)]


def test_no_server_is_asked_for_what_is_missing(old: Evidence, site: Site, checks: Path) -> None:
    del old.facts["db"]["commands"]
    ((safeguard, now, message),) = _differing(old, site, checks)
    assert (safeguard, now) == ("LEAK-12", "not-evaluated")
    assert "not connected" in message


def test_another_site_is_refused(old: Evidence, site: Site, checks: Path) -> None:
    with (site.path / "hosts.yml").open("a") as file:
        file.write("# changed\n")
    with pytest.raises(InputError, match="has changed since"):
        judge_again(old, site, checks)


def test_a_check_that_is_gone_is_said(old: Evidence, site: Site, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert {each.message for each in judge_again(old, site, tmp_path / "none")} == {"there is no such check any more"}


def _differing(old: Evidence, site: Site, checks: Path) -> list[tuple[str, str, str]]:
    differing: list[Rejudged] = [each for each in judge_again(old, site, checks) if not each.same]
    return [(each.safeguard, each.now, each.message) for each in differing]
