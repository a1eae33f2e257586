"""Judges of what the website's role tries at the database, with answers recorded on lab hosts and with bad ones."""

import json
from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotEvaluated
from azukari.verify.intake_attempts import tried_as_intake
from checks import test_database as judged
from checks import test_database_rights as rights_judged

APP = SimpleNamespace(name="app")


@pytest.fixture
def attempts(answers):
    return json.loads((answers / "database-attempts.json").read_text())


def ways_in(tried, _site):
    return judged.test_other_ways_in_are_refused(APP, tried)


def destroy(tried, site):
    return rights_judged.test_the_website_cannot_destroy(APP, site, tried)


def read(tried, site):
    return rights_judged.test_the_website_reads_nothing_back(APP, site, tried)


TRYING = {
    ways_in: "10 other ways in, all refused",
    destroy: "22 statements, all refused",
    read: "41 statements, all refused",
}


@pytest.mark.parametrize(("judge", "said"), TRYING.items())
def test_the_recorded_attempts_were_refused(attempts, lab_site, judge, said):
    assert judge(attempts, lab_site) == said


def ended(kind, what, how):
    return lambda tried: tried[kind].__setitem__(what, how)


KEEP_PLAIN = "SELECT site.keep('contact', gen_random_uuid(), '{\"policymaking\": \"a plain text\"}')"
HANDED_IN = "INSERT INTO site.contact (id, purpose, sealed) VALUES (gen_random_uuid(), 'reply', 'a.b.c.d.e')"
LET_THROUGH = {
    "let in without TLS": (ways_in, ended("connections", "without TLS", "done"), "let in: without TLS"),
    "deleted": (destroy, ended("statements", "DELETE FROM site.contact", "done"), "“DELETE FROM site.contact”: done"),
    "emptied": (destroy, ended("statements", "TRUNCATE site.contact", "done"), "TRUNCATE"),
    "a lock waited for": (
        destroy,
        ended("statements", "LOCK TABLE site.contact IN ACCESS EXCLUSIVE MODE", "55P03"),
        "55P03",
    ),
    "changed, but for a rule": (
        destroy,
        ended("statements", "UPDATE site.contact SET purpose = purpose", "23514"),
        "23514",
    ),
    "a table that is not there": (destroy, ended("statements", "DROP TABLE site.contact", "42P01"), "42P01"),
    "read": (read, ended("statements", "SELECT count(sealed) FROM site.contact", "done"), r"count\(sealed\)"),
    "read slowly": (read, ended("statements", "COPY site.contact TO STDOUT", "57014"), "57014"),
    "counts read": (read, ended("statements", "SELECT count(*) FROM site.tally", "done"), "site.tally”: done"),
    "published by itself": (read, ended("statements", "SELECT site.statistics()", "done"), r"statistics\(\)"),
    "counted down": (destroy, ended("statements", "DELETE FROM site.counts", "done"), "DELETE FROM site.counts"),
    "became another": (read, ended("statements", "SET ROLE site_owner", "done"), "SET ROLE site_owner"),
    "a plain text": (read, ended("statements", KEEP_PLAIN, "done"), "a plain text"),
    "handed in beside keep, but for a rule": (read, ended("statements", HANDED_IN, "23514"), "INSERT INTO"),
    "the connection broke": (
        read,
        ended("statements", "SELECT pg_reload_conf()", "OperationalError"),
        "pg_reload_conf",
    ),
}


@pytest.mark.parametrize(("judge", "change", "said"), LET_THROUGH.values(), ids=LET_THROUGH)
def test_what_was_not_refused_is_found_by_its_judge_alone(attempts, lab_site, judge, change, said):
    change(attempts)
    with pytest.raises(AssertionError, match=said):
        judge(attempts, lab_site)
    for other, usual in TRYING.items():
        if other is not judge:
            assert other(attempts, lab_site) == usual


def unlike(beginning):
    """Leave out the statements that begin so."""

    def change(tried):
        tried["statements"] = {one: how for one, how in tried["statements"].items() if not one.startswith(beginning)}

    return change


UNCLEAR = {
    "an unclear refusal": (
        ways_in,
        ended("connections", "as postgres", "connection failed: FATAL:  sorry, too many clients already"),
        "as postgres: connection failed",
    ),
    "no way to the server": (ways_in, ended("connections", "without TLS", "connection timeout expired"), "timeout"),
    "our own doubt of the server": (
        ways_in,
        ended("connections", "with TLS 1.2", "SSL error: certificate verify failed"),
        "verify failed",
    ),
    "no other way tried": (ways_in, lambda tried: tried.update(connections={}), "not tried: .*without TLS"),
    "one way not tried": (ways_in, lambda tried: tried["connections"].pop("as postgres"), "not tried: as postgres"),
    "nothing tried to destroy": (
        destroy,
        lambda tried: tried.update(statements={}),
        "not tried: ALTER TABLE site.contact",
    ),
    "tried on other tables": (destroy, unlike(("DELETE FROM site.contact",)), "not tried: DELETE FROM site.contact"),
    "nothing tried to read": (read, lambda tried: tried.update(statements={}), r"not tried: .*count\(sealed\)"),
    "no plain text tried": (read, unlike(("SELECT site.keep(",)), r"not tried: SELECT site\.keep"),
}


@pytest.mark.parametrize(("judge", "change", "said"), UNCLEAR.values(), ids=UNCLEAR)
def test_what_was_not_tried_was_not_refused(attempts, lab_site, judge, change, said):
    change(attempts)
    with pytest.raises(NotEvaluated, match=said):
        judge(attempts, lab_site)


@pytest.mark.parametrize("judge", TRYING)
def test_where_nobody_gets_in_a_refusal_proves_nothing(attempts, lab_site, judge):
    with pytest.raises(NotEvaluated, match="itself does not get in: FATAL: no"):
        judge({**attempts, "usual": "FATAL: no"}, lab_site)
    with pytest.raises(NotEvaluated, match="no such file"):
        judge({"error": "no such file"}, lab_site)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ((0, '{"usual": "done"}', ""), {"usual": "done"}),
        ((1, "", "Traceback:\nFileNotFoundError: no socket\n"), {"error": "FileNotFoundError: no socket"}),
        ((1, "", ""), {"error": "no answer"}),
        ((0, "", ""), {"error": "the program that tries gave no answer"}),
    ],
)
def test_how_the_attempts_are_asked_for(answer, found):
    exit_code, stdout, stderr = answer
    reply = SimpleNamespace(exit_code=exit_code, stdout=stdout, stderr=stderr)
    asked = SimpleNamespace(command=lambda _argv, fresh, **_seconds: reply if fresh else None)
    assert tried_as_intake(asked) == found
