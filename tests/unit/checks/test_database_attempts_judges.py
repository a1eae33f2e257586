"""Judges of what each service's role tries at the database, with answers recorded on lab hosts and with bad ones."""

import json
from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotApplicable, NotEvaluated
from azukari.verify.database_attempts import tried_at_database
from checks import test_database as judged
from checks import test_database_rights as rights_judged

HOSTS = {"intake": SimpleNamespace(name="app"), "letters": SimpleNamespace(name="mail")}
ROLES = sorted(HOSTS)


@pytest.fixture
def attempts(answers):
    return {role: json.loads((answers / f"database-attempts-{role}.json").read_text()) for role in ROLES}


def ways_in(role, tried, site):
    return judged.test_other_ways_in_are_refused(HOSTS[role], site, tried[role])


def destroy(role, tried, site):
    return rights_judged.test_no_service_can_destroy(HOSTS[role], site, tried[role])


def more(role, tried, site):
    return rights_judged.test_no_service_gets_more_than_is_its_own(HOSTS[role], site, tried[role])


JUDGES = (ways_in, destroy, more)
USUAL = {
    (ways_in, "intake"): "12 other ways in, all refused",
    (ways_in, "letters"): "12 other ways in, all refused",
    (destroy, "intake"): "26 statements of intake, all refused",
    (destroy, "letters"): "26 statements of letters, all refused",
    (more, "intake"): "54 statements of intake, all refused",
    (more, "letters"): "53 statements of letters, all refused",
}


@pytest.mark.parametrize(("judge", "role"), USUAL)
def test_the_recorded_attempts_were_refused(attempts, lab_site, judge, role):
    assert judge(role, attempts, lab_site) == USUAL[judge, role]


def ended(kind, what, how):
    """Have something that was tried end otherwise."""

    def change(tried):
        assert what in tried[kind], what
        tried[kind][what] = how

    return change


def called(function, how="done"):
    """Have a role's calls of a function end otherwise."""

    def change(tried):
        found = [what for what in tried["statements"] if what.startswith(f"SELECT site.{function}(")]
        assert found, function
        tried["statements"].update(dict.fromkeys(found, how))

    return change


KEEP_PLAIN = "SELECT site.keep('contact', gen_random_uuid(), '{\"policymaking\": \"a plain text\"}')"
HANDED_IN = "INSERT INTO site.contact (id, purpose, sealed) VALUES (gen_random_uuid(), 'reply', 'a.b.c.d.e')"
OF_BOTH = {
    "let in without TLS": (ways_in, ended("connections", "without TLS", "done"), "let in: without TLS"),
    "let in as another service's role": (ways_in, ended("connections", "as another service's role", "done"), "let in"),
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
    "read": (more, ended("statements", "SELECT count(sealed) FROM site.contact", "done"), r"count\(sealed\)"),
    "read slowly": (more, ended("statements", "SELECT count(sealed) FROM site.contact", "57014"), "57014"),
    "counts read": (more, ended("statements", "SELECT count(*) FROM site.tally", "done"), "site.tally”: done"),
    "published by itself": (more, called("statistics"), r"statistics\(\)"),
    "purged by itself": (more, called("forget"), r"forget\(\)"),
    "counted down": (destroy, ended("statements", "DELETE FROM site.counts", "done"), "DELETE FROM site.counts"),
    "became another": (more, ended("statements", "SET ROLE site_owner", "done"), "SET ROLE site_owner"),
    "its record switched off": (more, ended("statements", "SET pgaudit.log = 'none'", "done"), "pgaudit"),
    "a plain text": (more, ended("statements", KEEP_PLAIN, "done"), "a plain text"),
    "a place of its own": (more, ended("statements", "SELECT lo_create(0)", "done"), "lo_create"),
    "handed in beside keep, but for a rule": (more, ended("statements", HANDED_IN, "23514"), "INSERT INTO"),
    "the connection broke": (
        more,
        ended("statements", "SELECT pg_reload_conf()", "OperationalError"),
        "pg_reload_conf",
    ),
}
LET_THROUGH = {
    **{f"{what} ({role})": (role, *case) for role in ROLES for what, case in OF_BOTH.items()},
    "the website takes addresses": ("intake", more, called("due"), r"intake was not refused: .*site\.due"),
    "the website takes subscribers": ("intake", more, called("subscribers"), r"site\.subscribers"),
    "the website is the mail tier": ("intake", more, ended("statements", "SET ROLE letters", "done"), "ROLE letters"),
    "the mail tier hands in": ("letters", more, called("keep"), r"letters was not refused: .*site\.keep"),
    "the mail tier may call keep": (
        "letters",
        more,
        ended("statements", KEEP_PLAIN, "23514"),
        r"a plain text.*: 23514",
    ),
    "the mail tier confirms by itself": ("letters", more, called("confirm"), r"site\.confirm"),
    "the mail tier erases": ("letters", more, called("unsubscribe"), r"site\.unsubscribe"),
    "the mail tier is the website": ("letters", more, ended("statements", "SET ROLE intake", "done"), "ROLE intake"),
}


@pytest.mark.parametrize(("role", "judge", "change", "said"), LET_THROUGH.values(), ids=LET_THROUGH)
def test_what_was_not_refused_is_found_by_its_judge_alone(attempts, lab_site, role, judge, change, said):
    change(attempts[role])
    with pytest.raises(AssertionError, match=said):
        judge(role, attempts, lab_site)
    for (other, at), usual in USUAL.items():
        if (other, at) != (judge, role):
            assert other(at, attempts, lab_site) == usual


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
    "nothing tried to read": (more, lambda tried: tried.update(statements={}), r"not tried: .*count\(sealed\)"),
    "no call of keep tried": (more, unlike(("SELECT site.keep(",)), r"not tried: SELECT site\.keep"),
    "no call of others tried": (more, unlike(("SELECT site.waiting(",)), r"not tried: SELECT site\.waiting"),
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("judge", "change", "said"), UNCLEAR.values(), ids=UNCLEAR)
def test_what_was_not_tried_was_not_refused(attempts, lab_site, role, judge, change, said):
    change(attempts[role])
    with pytest.raises(NotEvaluated, match=said):
        judge(role, attempts, lab_site)


@pytest.mark.parametrize(("role", "function"), [("intake", "subscribers"), ("letters", "confirm")])
def test_what_is_another_services_must_be_tried(attempts, lab_site, role, function):
    unlike(f"SELECT site.{function}(")(attempts[role])
    with pytest.raises(NotEvaluated, match=rf"not tried: SELECT site\.{function}\("):
        more(role, attempts, lab_site)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("judge", JUDGES)
def test_where_nobody_gets_in_a_refusal_proves_nothing(attempts, lab_site, judge, role):
    for found, said in (
        ({**attempts[role], "usual": "FATAL: no"}, f"the role {role} itself does not get in: FATAL: no"),
        ({"error": "no such file"}, "no such file"),
        ({**attempts[role], "role": "postgres"}, f"not {role} tried, which is this host's role, but postgres"),
        ({"usual": "done", "connections": {}, "statements": {}}, "but nobody who says who"),
    ):
        with pytest.raises(NotEvaluated, match=said):
            judge(role, {role: found}, lab_site)


@pytest.mark.parametrize("judge", JUDGES)
def test_where_nobody_can_register_the_mail_tier_has_nothing_to_try(contact_site, judge):
    with pytest.raises(NotApplicable, match="nobody can register"):
        judge("letters", {"letters": {"error": "no such file"}}, contact_site)


@pytest.mark.parametrize("judge", JUDGES)
def test_where_nobody_can_register_the_website_tries_the_rest(attempts, contact_site, judge):
    of_letters = ("mail_service", "site.confirm", "site.unsubscribe", "site.due", "site.note", "site.waiting",
                  "site.lettered", "site.subscribers", "SET ROLE letters")  # fmt: skip
    tries = attempts["intake"]["statements"]
    attempts["intake"]["statements"] = {
        what: how for what, how in tries.items() if not any(one in what for one in of_letters)
    }
    assert judge("intake", attempts, contact_site).endswith("all refused")


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
    assert tried_at_database(asked) == found
