"""How the database's catalogues are asked, and what an answer that is none proves."""

from types import SimpleNamespace

import pytest

from azukari.verify import database
from azukari.verify.authoring import NotEvaluated


class Asked:
    """A host whose psql and find give what they are told to."""

    def __init__(self, lines=None, psql=(0, ""), find=(0, "1795712530.4 /etc/postgresql/17/main/a file.conf\n")):
        lines = [f'["{name}"]' for name in database.QUESTIONS] if lines is None else lines
        stdout = "".join(f"{line}\n" for line in lines)
        self.answers = {
            database.PSQL[0]: SimpleNamespace(exit_code=psql[0], stdout=stdout, stderr=psql[1]),
            "find": SimpleNamespace(exit_code=find[0], stdout=find[1], stderr="find: no such folder"),
        }
        self.commands = []

    def command(self, argv):
        self.commands.append(argv)
        return self.answers[argv[0]]


def test_the_answers_are_put_together():
    host = Asked()
    found = database.catalogues(host)
    assert found.pop("files") == {"/etc/postgresql/17/main/a file.conf": 1795712530.4}
    assert found == {name: [name] for name in database.QUESTIONS}
    (psql,) = (argv for argv in host.commands if argv[0] == database.PSQL[0])
    assert {"--no-psqlrc", "--set=ON_ERROR_STOP=1", "--dbname=site"} < set(psql)
    assert len([one for one in psql if one.startswith("-cSELECT ")]) == len(database.QUESTIONS)


def test_what_there_is_none_of_is_nothing():
    assert database.catalogues(Asked(["", *["[]"] * (len(database.QUESTIONS) - 1)]))["roles"] is None


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (Asked(psql=(2, "psql: error: connection refused")), "connection refused"),
        (Asked(lines=["[]"], psql=(3, "ERROR:  permission denied")), "permission denied"),
        (Asked(lines=["[]"]), "does not answer"),
        (Asked(lines=[]), "does not answer"),
        (Asked(find=(1, "")), "no such folder"),
    ],
    ids=["no server", "a question refused", "one answer", "no answer", "no files"],
)
def test_a_database_that_does_not_answer_proves_nothing(host, said):
    with pytest.raises(NotEvaluated, match=said):
        database.catalogues(host)
