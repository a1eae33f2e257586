"""What is handed to the database is sealed, each purpose by itself; what goes wrong says nothing of the answer."""

import hashlib
import json
import subprocess
import threading
import uuid
from datetime import date

import psycopg
import pytest

from reference_site import intake as intake_module
from reference_site.forms import form
from reference_site.intake import CONFIRM, KEEP, UNSUBSCRIBE, DailyKeys, SealedIntake
from reference_site.recipients import NAMESPACE, KeyStatement
from reference_site.sealing import CannotUnseal, Place, unseal
from reference_site.web import Erased, Unavailable
from tests.unit.reference_site.conftest import POLICY

ROW = "6f1c8c5e-5d0e-4f6a-9a53-0c2f6f6a1b2c"
ANSWER = {"comments": "意見です", "email": "a@example.jp", "gender": "female"}
DAY = date(2026, 11, 26)


class Database:
    """Hands out connections that do what they are told, in order; a stand-in for PostgreSQL, which the lab has."""

    def __init__(self, *happens):
        self.happens, self.opened, self.closed, self.asked, self.committed = list(happens), 0, 0, [], 0
        self.says = True

    def connect(self):
        self._happen()
        self.opened += 1
        return Connection(self)

    def _happen(self):
        what = self.happens.pop(0) if self.happens else None
        if what is not None:
            raise what


class Connection:
    def __init__(self, database):
        self.database, self.open = database, True

    def execute(self, query, parameters):
        assert self.open
        self.database.asked.append((query, parameters))
        self.database._happen()
        return self

    def fetchone(self):
        return (self.database.says,)

    def commit(self):
        assert self.open
        self.database._happen()
        self.database.committed += 1

    def close(self):
        self.open = False
        self.database.closed += 1


GONE = psycopg.OperationalError("server closed the connection; 意見です")
TIMEOUT = psycopg.errors.QueryCanceled("canceling statement: 意見です")
REFUSED = psycopg.errors.CheckViolation("Failing row contains (意見です, a@example.jp)")
OK = None


@pytest.fixture
def days():
    return [DAY]


@pytest.fixture
def keys(told, office_key, days):
    return DailyKeys(told[0] / "sealing", "lab", {"contact": "office"}, office_key, today=lambda: days[-1])


@pytest.fixture
def intake_on(contact, keys):
    return lambda database: SealedIntake({"contact": form(contact)}, keys, database.connect)


def opened(parameters, key):
    """Return what the office would read of what the database was given."""
    name, row, sealed = parameters[0], parameters[1], parameters[2].obj
    return {purpose: json.loads(unseal(each, Place(name, str(row), purpose), key)) for purpose, each in sealed.items()}


def test_each_purpose_gets_its_own_items_alone(intake_on, holder_key):
    database = Database()
    intake_on(database).keep("contact", ROW, ANSWER, "ja")
    ((query, parameters),) = database.asked
    assert (query, parameters[:2], database.committed) == (KEEP, ("contact", uuid.UUID(ROW)), 1)
    assert opened(parameters, holder_key) == {
        "reply": {"comments": "意見です", "email": "a@example.jp"},
        "reference": {"comments": "意見です"},
        "policymaking": {"gender": "female"},
    }
    assert list(parameters[2].obj) == ["reply", "reference", "policymaking"]
    assert parameters[3].obj == {"gender": "female"}


def test_what_was_erased_meanwhile_is_not_kept_again(intake_on):
    database = Database()
    database.says = None
    with pytest.raises(Erased):
        intake_on(database).keep("contact", ROW, ANSWER, "ja")


def test_what_was_chosen_is_told_for_counting_and_nothing_else(intake_on):
    database = Database()
    intake = intake_on(database)
    intake.keep("contact", ROW, {"comments": "意見です"}, "ja")
    intake.keep("contact", ROW, ANSWER, "ja")
    assert [parameters[3].obj for _, parameters in database.asked] == [{}, {"gender": "female"}]


def test_a_purpose_for_which_nothing_was_given_is_left_out(intake_on, holder_key):
    database = Database()
    intake_on(database).keep("contact", ROW, {"comments": "x"}, "ja")
    assert set(opened(database.asked[0][1], holder_key)) == {"reply", "reference"}


def test_a_value_opens_at_no_other_purpose_or_row(intake_on, holder_key):
    database = Database()
    intake_on(database).keep("contact", ROW, ANSWER, "ja")
    sealed = database.asked[0][1][2].obj
    for place in (Place("contact", ROW, "policymaking"), Place("contact", str(uuid.uuid4()), "reply")):
        with pytest.raises(CannotUnseal, match="sealed for the place"):
            unseal(sealed["reply"], place, holder_key)


def test_no_plain_value_is_handed_over(intake_on):
    database = Database()
    intake_on(database).keep("contact", ROW, ANSWER, "ja")
    given = json.dumps(database.asked[0][1][2].obj, ensure_ascii=False)
    assert not any(value in given for value in ANSWER.values())


def test_a_connection_is_kept_for_a_thread(intake_on):
    database = Database()
    intake = intake_on(database)
    for _ in range(3):
        intake.keep("contact", ROW, ANSWER, "ja")
    assert (database.opened, database.closed, database.committed) == (1, 0, 3)
    other = threading.Thread(target=intake.keep, args=("contact", ROW, ANSWER, "ja"))
    other.start()
    other.join()
    assert (database.opened, database.committed) == (2, 4)


@pytest.mark.parametrize(
    "broken", [[GONE], [OK, GONE], [psycopg.errors.AdminShutdown("terminating")]], ids=["call", "commit", "shutdown"]
)
def test_a_kept_connection_that_broke_is_replaced_and_the_call_repeated(intake_on, broken):
    database = Database(OK, OK, OK, *broken)
    intake = intake_on(database)
    intake.keep("contact", str(uuid.uuid4()), {"comments": "before"}, "ja")
    intake.keep("contact", ROW, ANSWER, "ja")
    assert (database.opened, database.closed, database.committed) == (2, 1, 2)
    assert database.asked[1] == database.asked[2]
    intake.keep("contact", str(uuid.uuid4()), {"comments": "after"}, "ja")
    assert database.opened == 2


@pytest.mark.parametrize(
    ("happens", "calls"),
    [
        ([GONE], 0),
        ([OK, GONE], 1),
        ([OK, OK, GONE], 1),
        ([OK, TIMEOUT], 1),
        ([OK, REFUSED], 1),
        ([OK, OK, OK, GONE, GONE], 2),
        ([OK, OK, OK, GONE, OK, GONE], 3),
        ([OK, OK, OK, TIMEOUT], 2),
        ([OK, OK, OK, REFUSED], 2),
    ],
    ids=[
        "no connection",
        "a fresh one broken",
        "a fresh one broken at the commit",
        "a fresh one's timeout",
        "refused",
        "a kept one broken and no other",
        "two broken",
        "a kept one's timeout",
        "a kept one's refusal",
    ],
)
def test_what_is_not_known_to_be_kept_is_unavailable_and_the_log_says_nothing_of_it(intake_on, caplog, happens, calls):
    database = Database(*happens)
    intake = intake_on(database)
    if len(happens) > 3:
        intake.keep("contact", ROW, ANSWER, "ja")
    with pytest.raises(Unavailable) as caught:
        intake.keep("contact", ROW, ANSWER, "ja")
    assert caught.value.__suppress_context__
    assert len(database.asked) == calls
    wrong = next(each for each in reversed(happens) if each is not None)
    assert caplog.messages == [f"An answer was not kept: {type(wrong).__name__}, SQLSTATE {wrong.sqlstate}."]
    assert not any(record.exc_info for record in caplog.records)
    assert database.opened == database.closed  # nothing half done is used again
    intake.keep("contact", ROW, ANSWER, "ja")


def test_the_offices_word_is_looked_at_once_a_day(intake_on, days, monkeypatch):
    looks = []
    real = intake_module.recipient
    monkeypatch.setattr(intake_module, "recipient", lambda *given: looks.append(given[-1]) or real(*given))
    intake = intake_on(Database())
    for _ in range(3):
        intake.keep("contact", ROW, ANSWER, "ja")
    days.append(date(2026, 11, 27))
    for _ in range(3):
        intake.keep("contact", ROW, ANSWER, "ja")
    assert looks == [DAY, date(2026, 11, 27)]


def test_on_a_day_without_a_key_nothing_is_kept_until_there_is_one(intake_on, days, caplog):
    database = Database()
    intake = intake_on(database)
    intake.keep("contact", ROW, ANSWER, "ja")
    days.append(date(3000, 1, 1))
    with pytest.raises(Unavailable):
        intake.keep("contact", ROW, ANSWER, "ja")
    (said,) = caplog.messages
    assert "holds from 2020-01-01 to 2999-12-31; today is 3000-01-01" in said
    assert not any(value in caplog.text for value in ANSWER.values())
    days.append(DAY)
    intake.keep("contact", ROW, ANSWER, "ja")
    assert database.committed == 2


def test_a_field_that_would_not_be_kept_is_refused_at_the_start(contact, keys):
    items = [item | {"purposes": []} if item["name"] == "heading" else item for item in contact["items"]]
    with pytest.raises(ValueError, match="contact/heading is kept for no purpose"):
        SealedIntake({"contact": form(contact | {"items": items})}, keys, Database().connect)


MAILING = next(each for each in POLICY["collections"] if each["name"] == "mail_service")
SECRET = "x" * 43


@pytest.fixture
def list_on(told, approval, office_key, holder_key):
    statements = told[0] / "sealing"
    statement = KeyStatement(
        "lab", "mail_service", "mail", holder_key.public_key(), date(2020, 1, 1), date(2999, 12, 31)
    )
    (statements / "mail_service.json").write_bytes(statement.to_bytes())
    sign = ["ssh-keygen", "-Y", "sign", "-q", "-f", approval, "-n", NAMESPACE, statements / "mail_service.json"]
    subprocess.run(sign, check=True)
    keys = DailyKeys(statements, "lab", {"mail_service": "mail"}, office_key, today=lambda: DAY)
    return lambda database: SealedIntake({"mail_service": form(MAILING)}, keys, database.connect)


def test_of_a_registration_the_address_and_the_language_are_kept_and_nothing_else(list_on, holder_key):
    database = Database()
    list_on(database).keep("mail_service", ROW, {"email": "a@example.jp", "gender": "female", "region": "kanto"}, "en")
    assert opened(database.asked[0][1], holder_key) == {"delivery": {"email": "a@example.jp", "tongue": "en"}}


def test_the_database_is_told_the_hash_of_a_letters_secret_alone(list_on):
    database = Database()
    assert list_on(database).confirm(SECRET)
    list_on(database).unsubscribe(SECRET)
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    assert database.asked == [(CONFIRM, (digest,)), (UNSUBSCRIBE, (digest,))]
    assert database.committed == 2
    database.says = False
    assert not list_on(database).confirm(SECRET)


def test_what_is_not_known_to_be_done_is_unavailable(list_on, caplog):
    for act in ("confirm", "unsubscribe"):
        with pytest.raises(Unavailable):
            getattr(list_on(Database(GONE)), act)(SECRET)
    assert len(caplog.messages) == 2
    assert SECRET not in caplog.text
    assert "意見" not in caplog.text
