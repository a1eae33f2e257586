"""The same checks by `azukari.verify.run` and by plain pytest: the same verdicts."""

import json
import textwrap
from pathlib import Path

import pytest

from azukari import verify
from azukari.errors import OwnFault
from azukari.site import load
from azukari.verify import plugin
from azukari.verify.session import Session
from tests.unit.verify.fakes import FakeChannel, snapshot_of

SITE = Path(__file__).parents[3] / "inventory" / "lab"
CHECKS = """
from azukari.verify import check, collector, not_applicable

@collector()
def said(host):
    return host.command(["echo", host.name]).stdout

@check("LEAK-10", collect=[said])
def test_says_its_name(host, said):
    '''The host says its name.'''
    assert said == host.name

@check("LEAK-10", hosts="web", host_level=True)
def test_fails(host):
    assert host.name == "db", "web is not db"

@check("LEAK-19", hosts="web")
def test_does_not_apply(host):
    not_applicable("lab container")

@check("LEAK-19", hosts=["db", "mail"])
def test_breaks(host):
    return {}["x"]

@check("CONT-02", hosts="site")
def test_of_the_site(site):
    assert site.name == "lab"
"""


def made_up(folder):
    """A file name of this test's own: pytest keeps modules by name for as long as the process lives."""
    return folder / f"test_{folder.name}_made_up.py"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of checks, and hosts that answer from a table."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["azukari.verify.plugin"]\n')
    made_up(tmp_path).write_text(CHECKS)

    def fake(_session, site, named):
        return snapshot_of({name: FakeChannel(name) for name in site.hosts}, site=site)

    monkeypatch.setattr(Session, "_ask_site", fake)
    return tmp_path


def verdicts(results):
    return {(one["check"].partition("::")[2], one["host"]): one["verdict"] for one in results}


EXPECTED = {
    **{("test_says_its_name", name): "pass" for name in ("bastion", "web", "app", "db", "mail", "vault", "log")},
    ("test_fails", "web"): "fail",
    ("test_does_not_apply", "web"): "not-applicable",
    ("test_breaks", "db"): "not-evaluated",
    ("test_breaks", "mail"): "not-evaluated",
    ("test_of_the_site", "site"): "pass",
}


def test_run_gives_every_verdict_once(folder):
    found = verify.run(load(SITE), checks=folder)
    assert verdicts(found.published()["results"]) == EXPECTED
    assert found.exit_code == 1
    assert not list(folder.rglob("__pycache__"))


def test_plain_pytest_gives_the_same_verdicts(folder, capsys):
    seen = {}

    class Watch:
        def pytest_runtest_logreport(self, report):
            name = report.nodeid.partition("::")[2].rstrip("]").partition("[")
            if report.failed:
                seen[name[0], name[2]] = "not-evaluated" if report.when == "setup" else "fail"
            elif report.skipped:
                seen[name[0], name[2]] = "not-applicable"
            elif report.when == "call":
                seen[name[0], name[2]] = "pass"

    written = folder / "results.json"
    arguments = [str(folder), f"--site={SITE}", f"--azukari-json={written}", "-q", "-p", "no:cacheprovider"]
    code = pytest.main([*arguments, f"--rootdir={folder}", "-c", "/dev/null"], plugins=[Watch()])
    assert code == 1
    assert seen == EXPECTED
    assert verdicts(json.loads(written.read_text())["results"]) == EXPECTED
    said = capsys.readouterr().out
    assert "LEAK-10 on web: web is not db" in said
    assert "ERROR" in said


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"limit": ["web"]}, {key for key in EXPECTED if key[1] == "web"}),
        ({"limit": ["db", "site"]}, {key for key in EXPECTED if key[1] in {"db", "site"}}),
        ({"safeguards": ["LEAK-19"]}, {("test_does_not_apply", "web"), ("test_breaks", "db"), ("test_breaks", "mail")}),
        ({"safeguards": ["LEAK-10"], "limit": ["vault"]}, {("test_says_its_name", "vault")}),
    ],
)
def test_limits(folder, options, expected):
    assert set(verdicts(verify.run(load(SITE), checks=folder, **options).published()["results"])) == expected


def test_a_file_that_cannot_be_read_leaves_its_safeguards_not_evaluated(folder):
    (folder / "test_ssh.py").write_text("import nothing_of_this_name\n")
    found = verify.run(load(SITE), checks=folder, limit=["web"])
    unread = [one for one in found.results if one.check == "test_ssh.py"]
    assert "LEAK-10" in {one.safeguard for one in unread}
    assert {one.verdict for one in unread} == {"not-evaluated"}
    assert "nothing_of_this_name" in unread[0].message
    assert len(found.results) > len(unread)  # the other files were judged


def test_facts_that_nobody_looked_at_are_not_kept(folder):
    made_up(folder).write_text(
        textwrap.dedent("""
        from azukari.verify import check
        @check("LEAK-10", hosts="web")
        def test_x(host):
            assert host.facts["os"] == {"container": ""}
        """)
    )
    found = verify.run(load(SITE), checks=folder)
    assert found.facts["web"] == {"os": {"ok": True, "value": {"container": ""}}}
    assert found.facts["db"] == {}


def test_a_run_without_checks_is_our_own_fault_and_no_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(Session, "_ask_site", lambda *_: None)
    with pytest.raises(OwnFault):
        verify.run(load(SITE), checks=tmp_path / "nowhere")


def test_the_plugin_keeps_no_session_behind(folder):
    verify.run(load(SITE), checks=folder)
    assert plugin._CURRENT == []
