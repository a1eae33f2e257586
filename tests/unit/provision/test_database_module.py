"""The host's half of `azukari_database`: what psql is told, and what its answer says has changed."""

from types import SimpleNamespace

import pytest

from azukari.provision.ansible.modules import azukari_database as module

ROLE = {"rolsuper": False, "rolpassword": "SCRAM-SHA-256$4096:AAAA"}
BEFORE = {"role intake": ROLE, "schema site": "site_owner", "function site.peek()": {"owner": "x"}}


def test_each_difference_is_one_sentence():
    after = {"role intake": {**ROLE, "rolsuper": True}, "schema site": "site_owner", "relation r site.contact": {}}
    assert module.differences(BEFORE, after) == [
        "function site.peek(): goes",
        "relation r site.contact: comes",
        "role intake: changes",
    ]
    assert module.differences(BEFORE, dict(reversed(BEFORE.items()))) == []


def test_no_difference_shows_a_value():
    changed = {**BEFORE, "role intake": {**ROLE, "rolpassword": "SCRAM-SHA-256$4096:BBBB"}}
    (said,) = module.differences(BEFORE, changed)
    assert "SCRAM" not in said


def test_the_states_are_the_two_documents_of_the_answer():
    assert module.states('\n\n{"a": 1}\nNOTICE\n\n{"a": 2}\n') == [{"a": 1}, {"a": 2}]
    for said in ("", '{"a": 1}\n', '{"a": 1}\n' * 3):
        with pytest.raises(RuntimeError, match="states instead of two"):
            module.states(said)


@pytest.mark.parametrize(("keep", "last"), [(True, "COMMIT;"), (False, "ROLLBACK;")])
def test_everything_is_one_transaction_and_kept_only_when_asked(keep, last):
    told = module.transaction("SELECT state", "CREATE ROLE x;", {"intake": "SCRAM-SHA-256$x'y"}, keep)
    lines = told.splitlines()
    assert lines[-1] == last
    assert {"COMMIT;", "ROLLBACK;"} & set(lines) == {last}
    verifier = "ALTER ROLE \"intake\" PASSWORD 'SCRAM-SHA-256$x''y';"
    order = ["BEGIN;", "SELECT state;", "CREATE ROLE x;", verifier, last]
    assert [one for one in lines if one in order] == [*order[:4], "SELECT state;", last]
    silent = next(number for number, line in enumerate(lines) if "log_statement = 'none'" in line)
    assert lines.index("BEGIN;") < silent < lines.index(verifier)


@pytest.mark.parametrize(("text", "said"), [("x", "'x'"), ("", "''"), ("o'clock'", "'o''clock'''")])
def test_quotes_are_doubled(text, said):
    assert module.quoted(text) == said


def answering(monkeypatch, done):
    asked = []

    def run(command, **how):
        asked.append((command, how))
        if isinstance(done, Exception):
            raise done
        return done

    monkeypatch.setattr(module.subprocess, "run", run)
    return asked


def test_psql_gets_the_statements_by_its_input_and_stops_at_the_first_error(monkeypatch):
    asked = answering(monkeypatch, SimpleNamespace(returncode=0, stdout="site\n", stderr=""))
    assert module.run("SELECT 'secret'", "site") == "site\n"
    ((command, how),) = asked
    assert command[:4] == ["runuser", "-u", "postgres", "--"]
    assert {"--set=ON_ERROR_STOP=1", "--dbname=site", "--no-psqlrc"} < set(command)
    assert how["input"] == "SELECT 'secret'"
    assert not any("secret" in word for word in command)


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (SimpleNamespace(returncode=3, stdout="", stderr="ERROR:  no such role\n"), "no such role"),
        (SimpleNamespace(returncode=1, stdout="only here", stderr=""), "only here"),
        (FileNotFoundError("runuser"), "psql gave no answer: runuser"),
        (module.subprocess.TimeoutExpired("psql", 60), "psql gave no answer"),
    ],
)
def test_what_psql_refuses_is_said(monkeypatch, done, said):
    answering(monkeypatch, done)
    with pytest.raises(RuntimeError, match=said):
        module.run("SELECT")
