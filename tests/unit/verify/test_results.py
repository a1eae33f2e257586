import json
from datetime import UTC, datetime
from xml.etree import ElementTree

import jsonschema
import pytest

from azukari.verify.results import SCHEMA, Result, RunResult, schema

VERDICTS = ("pass", "fail", "not-applicable", "not-evaluated", "excepted")


def result(verdict, message="as promised"):
    return Result(
        safeguard="LEAK-10",
        check="test_ssh.py::test_x",
        host="web",
        vantage="azukari-audit on web",
        proof="ask",
        verdict=verdict,
        message=message,
    )


def run(*verdicts, message="as promised"):
    when = datetime(2026, 11, 25, 12, tzinfo=UTC)
    return RunResult(
        site="lab",
        azukari="0.1",
        started=when,
        ended=when,
        seconds=1.5,
        hosts=["web"],
        unreachable={},
        judged_as="contractor",
        identity="certified",
        results=[result(verdict, message) for verdict in verdicts],
        facts={"web": {"os": {"ok": True, "value": {}}}},
    )


EXIT_CODES = {
    (): 2,
    ("pass",): 0,
    ("pass", "fail"): 1,
    ("fail", "not-evaluated"): 1,
    ("pass", "not-evaluated"): 2,
    ("pass", "not-applicable"): 0,
    ("not-applicable",): 2,
    ("excepted",): 0,
}


@pytest.mark.parametrize(("verdicts", "code"), EXIT_CODES.items(), ids=[" ".join(v) or "nothing" for v in EXIT_CODES])
def test_exit_codes(verdicts, code):
    assert run(*verdicts).exit_code == code


def test_the_published_schema_is_that_of_the_models():
    assert json.loads(SCHEMA.read_text()) == schema()


def test_what_is_published_follows_the_schema_and_holds_no_facts():
    published = json.loads(run(*VERDICTS).to_json())
    jsonschema.validate(published, json.loads(SCHEMA.read_text()))
    assert "facts" not in published
    assert set(published["results"][0]) == {"safeguard", "check", "host", "vantage", "proof", "verdict", "message"}


def parsed(found):
    return ElementTree.fromstring(found.to_junit())  # noqa: S314 - our own XML


def test_junit_counts_each_verdict_as_pytest_would():
    suite = parsed(run(*VERDICTS)).find("testsuite")
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "5", "failures": "1", "errors": "1", "skipped": "2"}


def test_junit_holds_whatever_a_server_answers():
    suites = parsed(run("fail", message="a \x00\x1b<b> & \ud800"))
    assert suites.find(".//failure").get("message") == "a <b> & "
