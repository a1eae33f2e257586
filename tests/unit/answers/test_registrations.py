"""Who registers more than once, and who leaves: by the database's own programs, in a real PostgreSQL."""

import uuid

import pytest

from azukari.answers import stored
from reference_site.answers import MAIL_SERVICE, hashed

FIRST, SECOND, THIRD, OTHER = (f"0000000{number}-0000-4000-8000-000000000000" for number in range(1, 5))
PERSON, SOMEBODY = "a" * 64, "b" * 64
WAY_OUT = hashed("the person's letters")


def register(database, row):
    """Hand a registration in, as the website does; t: it is new, f: it is there, empty: it was erased."""
    return database(f"SELECT site.keep('mail_service', '{row}', '{{\"delivery\": \"a.b.c.d.e\"}}');")


def ask(database, row, person=PERSON, way_out=WAY_OUT):
    """Note whose a registration is, and that its letter has left, as the mail tier does."""
    noted = database(f"SELECT site.note('{row}', '{person}', '{hashed(row)}', '{way_out}');")
    assert noted == ["t"]
    database(f"SELECT site.lettered('{row}');")


def confirm(database, row):
    return database(f"SELECT site.confirm('{hashed(row)}');")


def subscribed(database, *rows, person=PERSON, way_out=WAY_OUT):
    """Register, be asked and confirm, once for each row."""
    for row in rows:
        assert register(database, row) == ["t"]
        ask(database, row, person, way_out)
        assert confirm(database, row) == ["t"]


def listed(database):
    return database("SELECT id FROM site.mail_service ORDER BY id;")


def test_a_registration_takes_the_place_of_the_persons_others_and_is_one(database):
    subscribed(database, OTHER, person=SOMEBODY, way_out=hashed("another's"))
    subscribed(database, FIRST, SECOND)
    assert listed(database) == [SECOND, OTHER]
    assert confirm(database, SECOND) == ["t"]  # who presses twice
    assert confirm(database, FIRST) == ["f"]
    assert database("SELECT earlier FROM site.mail_service WHERE earlier IS NOT NULL;") == [f"{{{FIRST}}}"]


def test_who_leaves_by_any_letter_is_remembered_by_every_registration_there_ever_was(database, server):
    subscribed(database, OTHER, person=SOMEBODY, way_out=hashed("another's"))
    subscribed(database, FIRST, SECOND, THIRD)
    database(f"SELECT site.unsubscribe('{WAY_OUT}');")  # the same in the letters to the first as in those to the third
    assert listed(database) == [OTHER]
    assert stored.unsubscribed(server) == [FIRST, SECOND, THIRD]


def test_whom_the_office_has_erased_is_remembered_so_too(database, server):
    subscribed(database, FIRST, SECOND)
    assert [row for row, _, _ in stored.erase(server, MAIL_SERVICE, [SECOND])] == [SECOND]
    assert stored.unsubscribed(server) == [FIRST]  # it waits for the ledger, which has the second from the request


def test_a_restored_registration_of_before_goes_with_the_ledger(database, server):
    subscribed(database, FIRST)
    database("CREATE TABLE public.copy AS TABLE site.mail_service;")
    subscribed(database, SECOND)
    database(f"SELECT site.unsubscribe('{WAY_OUT}');")
    ledger = stored.unsubscribed(server)
    stored.entered(server, ledger)
    database("INSERT INTO site.mail_service SELECT * FROM public.copy;")
    assert listed(database) == [FIRST]
    stored.erase(server, MAIL_SERVICE, ledger)
    assert listed(database) == []


@pytest.mark.parametrize("erased", ["unsubscribed", "by the office"])
def test_what_was_erased_is_not_taken_again_under_its_identifier(database, server, erased):
    subscribed(database, FIRST)
    if erased == "unsubscribed":
        database(f"SELECT site.unsubscribe('{WAY_OUT}');")
        stored.entered(server, stored.unsubscribed(server))
    else:
        stored.erase(server, MAIL_SERVICE, [FIRST])
    assert register(database, FIRST) == []  # null: the visitor is told, and sends it from another page
    assert register(database, SECOND) == ["t"]
    assert listed(database) == [SECOND]
    database("SELECT site.forget();")
    assert register(database, FIRST) == []
    database("UPDATE site.spent SET day = day - 3; SELECT site.forget();")  # no page is as old
    assert database("SELECT count(*) FROM site.spent;") == ["0"]


def test_an_answer_that_the_office_has_erased_is_not_taken_again_either(database, server):
    contact = f"SELECT site.keep('contact', '{FIRST}', '{{\"reply\": \"a.b.c.d.e\"}}');"
    assert database(contact) == ["t"]
    stored.erase(server, "contact", [FIRST])
    assert database(contact) == []


def test_what_is_not_taken_again_is_known_by_digests_alone(database, server):
    row = str(uuid.uuid4())
    subscribed(database, row)
    stored.erase(server, MAIL_SERVICE, [row])
    [digest] = database("SELECT digest FROM site.spent;")
    assert len(digest) == 64
    assert row not in digest
