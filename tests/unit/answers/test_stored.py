"""What the database is told: by a real PostgreSQL where there is one, and by programs that fail in its place."""

import dataclasses
import secrets
import subprocess
import sys
import uuid
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sealed_answers import FORM, WHOLE, sealed_answer

from azukari.answers import files, resealing, stored
from azukari.answers.files import Change
from azukari.cli import site_answers
from azukari.errors import InputError, NotJudged, SafeguardFails
from azukari.site import load

TABLE = """
DROP SCHEMA IF EXISTS site CASCADE;
CREATE SCHEMA site;
CREATE TABLE site.contact (id uuid NOT NULL, purpose text NOT NULL, sealed text NOT NULL,
  received date NOT NULL DEFAULT CURRENT_DATE, PRIMARY KEY (id, purpose));
CREATE TABLE site.mail_service (LIKE site.contact INCLUDING ALL);
ALTER TABLE site.mail_service ADD COLUMN earlier uuid[];
CREATE TABLE site.erased (id uuid PRIMARY KEY, erased date NOT NULL);
CREATE TABLE site.spent (digest text PRIMARY KEY, day date NOT NULL);
"""
KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
NEW = ec.generate_private_key(ec.SECP256R1())
ROWS = [f"00000000-0000-4000-8000-{number:012}" for number in range(5)]


@pytest.fixture
def database(server):
    """Return a way to ask the database, whose table is empty."""

    def ask(statements: str) -> str:
        done = subprocess.run(server, input=statements, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    ask(f"SET client_min_messages = error; {TABLE}")
    return ask


def keep(database, values):
    for one in values:
        insert(database, one.row, one.purpose, f"'{one.sealed}'", one.received)


def insert(database, row, purpose, sealed, day="2026-04-01"):
    database(f"INSERT INTO site.contact VALUES ('{row}', '{purpose}', {sealed}, '{day}');")  # noqa: S608


def replace(database, row, sealed):
    database(f"UPDATE site.contact SET sealed = '{sealed}' WHERE id = '{row}';")  # noqa: S608


def replace_value(one, sealed):
    return dataclasses.replace(one, sealed=sealed)


def rows(database) -> set[str]:
    return set(database("SELECT id, purpose, received, sealed FROM site.contact;").splitlines())


def test_what_is_kept_comes_out_as_it_is(server, database, site, tmp_path):
    days = ["2026-04-02", "2026-04-01", "2026-04-03"]
    kept = [sealed_answer(site, KEY, WHOLE, row, day) for row, day in zip(ROWS[:3], days, strict=True)]
    keep(database, [one for answer in kept for one in answer])
    header = stored.export(server, site, FORM, tmp_path / "all")
    assert (header.site, header.form, header.answers, header.values) == (site.name, FORM, 3, 9)
    assert list(files.values(tmp_path / "all")) == [*kept[1], *kept[0], *kept[2]]
    assert (tmp_path / "all").stat().st_mode & 0o777 == 0o600
    header = stored.export(server, site, FORM, tmp_path / "some", date(2026, 4, 2))
    assert (header.since, header.answers, header.values) == ("2026-04-02", 2, 6)
    assert list(files.values(tmp_path / "some")) == [*kept[0], *kept[2]]


def test_an_empty_table_is_a_file_with_none(server, database, site, tmp_path):
    assert stored.export(server, site, FORM, tmp_path / "none").values == 0
    assert list(files.values(tmp_path / "none")) == []


@pytest.mark.parametrize(
    ("purpose", "sealed"), [("reply", "plain text"), ('re\\"ply\x02\n', "a.b.c.d.e"), ("返信", "a.b.c.d.e")]
)
def test_what_is_no_sealed_value_is_not_fetched(server, database, site, tmp_path, purpose, sealed):
    insert(database, ROWS[0], purpose, f"'{sealed}'")
    with pytest.raises(SafeguardFails, match=r"keeps something in site\.contact that is no sealed value") as said:
        stored.export(server, site, FORM, tmp_path / "out")
    assert "plain text" not in said.value.message
    assert list(tmp_path.glob("*out*")) == []


def test_a_value_beyond_all_measure_is_cut_and_does_not_stop_the_rest(server, database, site, tmp_path):
    keep(database, sealed_answer(site, KEY, WHOLE, ROWS[1], "2026-04-01"))
    insert(database, ROWS[0], "reply", "'a.b.c.d.' || repeat('e', 3000000)")
    stored.export(server, site, FORM, tmp_path / "out")
    found = list(files.values(tmp_path / "out"))
    assert len(found) == 4
    assert len(found[0].sealed) == 1_000_001


def test_only_what_is_still_the_same_is_replaced_and_nothing_comes_back(server, database, site):
    old = [one for row in ROWS for one in sealed_answer(site, KEY, {"comments": "x"}, row)]
    new = [one for row in ROWS for one in sealed_answer(site, NEW.public_key(), {"comments": "x"}, row)]
    changes = [
        Change(before.row, before.purpose, resealing.digest(before.sealed), after.sealed)
        for before, after in zip(old, new, strict=True)
    ]
    keep(database, old[:4])  # the last was deleted meanwhile
    replace(database, ROWS[2], "a.b.c.d.e")
    replace(database, ROWS[3], new[3].sealed)
    found = stored.put(server, FORM, changes)
    assert found == stored.Outcome(replaced=2, gone=1, there=1, different=[(ROWS[2], "policymaking")])
    expected = [new[0].sealed, new[1].sealed, "a.b.c.d.e", new[3].sealed]
    assert rows(database) == {
        f"{one.row}|{one.purpose}|{one.received}|{sealed}" for one, sealed in zip(old[:4], expected, strict=True)
    }
    assert stored.put(server, FORM, changes).there == 3  # done again, it changes nothing


def test_a_purpose_that_is_not_kept_is_gone_and_not_added(server, database, site):
    [one] = sealed_answer(site, KEY, {"comments": "x"}, ROWS[0])
    keep(database, [one])
    before = rows(database)
    assert stored.put(server, FORM, [Change(one.row, "reply", resealing.digest(one.sealed), "a.b.c.d.e")]).gone == 1
    assert rows(database) == before


@pytest.mark.parametrize("stops", ["the changes", "the database"])
def test_nothing_is_changed_where_it_stops_half_way(server, database, site, stops):
    old = [one for row in ROWS[:2] for one in sealed_answer(site, KEY, {"comments": "x"}, row)]
    keep(database, old)
    before = rows(database)

    def changes():
        for one in old:
            yield Change(one.row, one.purpose, resealing.digest(one.sealed), "a.b.c.d.e")
        if stops == "the changes":
            raise InputError("wrong")
        yield Change(ROWS[0], old[0].purpose, "0" * 64, "a.b.c.d.e")  # a second one of the same place

    with pytest.raises(InputError if stops == "the changes" else NotJudged):
        stored.put(server, FORM, changes())
    assert rows(database) == before


def test_all_or_none_are_corrected(server, database, site):
    old = [one for row in ROWS[:3] for one in sealed_answer(site, KEY, {"comments": "x"}, row)]
    new = [one for row in ROWS[:3] for one in sealed_answer(site, NEW.public_key(), {"comments": "y"}, row)]
    changes = [
        Change(before.row, before.purpose, resealing.digest(before.sealed), after.sealed)
        for before, after in zip(old, new, strict=True)
    ]
    keep(database, old[:2])
    before = rows(database)
    assert stored.put(server, FORM, changes, whole=True).gone == 1
    assert rows(database) == before
    keep(database, [replace_value(old[2], "a.b.c.d.e")])
    before = rows(database)
    assert stored.put(server, FORM, changes, whole=True).different == [(ROWS[2], old[2].purpose)]
    assert rows(database) == before
    assert stored.put(server, FORM, changes[:2], whole=True).replaced == 2
    assert stored.put(server, FORM, changes[:2], whole=True).there == 2  # done again, it changes nothing
    assert {line.split("|")[3] for line in rows(database)} == {new[0].sealed, new[1].sealed, "a.b.c.d.e"}


def test_only_the_named_answers_are_fetched(server, database, site, tmp_path):
    kept = [sealed_answer(site, KEY, WHOLE, row) for row in ROWS[:3]]
    keep(database, [one for answer in kept for one in answer])
    header = stored.fetch(server, site, FORM, [ROWS[2], ROWS[4]], tmp_path / "out")
    assert (header.answers, header.values) == (1, 3)
    assert list(files.values(tmp_path / "out")) == kept[2]


def holding(server, pattern: bytes) -> list[str]:
    """Return the files of the database in which something is found, its log of writes included."""
    [folder] = [Path(one.removeprefix("--host=")) for one in server if one.startswith("--host=")]
    return [str(path) for path in (folder / "data").rglob("*") if path.is_file() and pattern in path.read_bytes()]


def test_what_is_erased_lies_in_no_file_of_the_database(server, database, site):
    names = [str(uuid.uuid4()) for _ in range(6)]
    long = {"comments": "".join(secrets.token_hex(4) for _ in range(900))}  # kept beside the table
    kept = [one for row in names for one in sealed_answer(site, KEY, WHOLE if row != names[1] else long, row)]
    keep(database, kept)
    database("ANALYZE site.contact; CHECKPOINT;")
    marks = {
        row: [uuid.UUID(row).bytes, row.encode(), *(one.sealed[-48:].encode() for one in kept if one.row == row)]
        for row in names
    }
    assert len(holding(server, marks[names[0]][0])) >= 3  # table, index, log of writes
    assert all(holding(server, mark) for row in names for mark in marks[row] if mark != row.encode())
    database(f"UPDATE site.contact SET received = received - 1 WHERE id = '{names[0]}';")  # noqa: S608  a dead row more
    gone = stored.erase(server, FORM, [*names[:2], ROWS[0]])
    assert {(row, sealed) for row, _, sealed in gone} == {(one.row, one.sealed) for one in kept if one.row in names[:2]}
    assert {row: holding(server, mark) for row in names[:2] for mark in marks[row] if holding(server, mark)} == {}
    assert {line.split("|")[0] for line in rows(database)} == set(names[2:])
    assert stored.erase(server, FORM, names[:2]) == []  # done again, there is nothing left to delete


def test_who_unsubscribed_waits_until_the_ledger_has_them_and_leaves_nothing(server, database):
    names = [str(uuid.uuid4()) for _ in range(3)]
    assert stored.unsubscribed(server) == []
    for row in names:
        database(f"INSERT INTO site.erased VALUES ('{row}', '2026-04-01');")  # noqa: S608
    assert stored.unsubscribed(server) == sorted(names)
    stored.entered(server, names[:2])
    assert stored.unsubscribed(server) == names[2:]
    assert stored.erase(server, "mail_service", names[:2]) == []  # nothing of them was left but what PostgreSQL keeps
    assert {row: holding(server, uuid.UUID(row).bytes) for row in names[:2]} == {row: [] for row in names[:2]}
    assert holding(server, uuid.UUID(names[2]).bytes)


def test_what_is_asked_about_answers_names_them_in_no_statement(server, database, site):
    keep(database, sealed_answer(site, KEY, WHOLE, ROWS[0]))
    there = "SELECT DISTINCT id FROM site.contact JOIN pg_temp.asked USING (id);"
    assert stored.about(server, ROWS[:2], there) == [ROWS[0]]
    with pytest.raises(NotJudged, match="gave no whole answer"):
        stored.about(server, ROWS[:1], "DELETE FROM site.contact; SELECT 1 / 0;")
    assert rows(database)


def test_erasing_stops_nowhere_half_way(server, database, site):
    keep(database, [one for row in ROWS[:2] for one in sealed_answer(site, KEY, WHOLE, row)])
    before = rows(database)
    with pytest.raises(NotJudged, match="gave no whole answer"):
        stored.erase(server, FORM, [ROWS[0], "no identifier"])
    assert rows(database) == before


# --- programs in the database's place ---------------------------------------------------------------------------------


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys; sys.exit('no way in')", "gave no whole answer: no way in"),
        ("import sys; sys.stdin.read()", "said nothing of what it keeps"),
        ('import sys; sys.stdin.read(); print(\'{"answers": 1, "values": 2}\')', "promised 2 values and gave 0"),
        ('import sys; sys.stdin.read(); print(\'{"answers": 1, "values": 0}\'); sys.exit(3)', "psql ended with 3"),
    ],
)
def test_an_answer_that_is_not_whole_leaves_no_file(site, tmp_path, text, said):
    with pytest.raises(NotJudged, match=said):
        stored.export(program(text), site, FORM, tmp_path / "out")
    assert list(tmp_path.glob("*out*")) == []


def test_a_database_that_goes_away_while_it_is_told_is_a_sentence():
    many = (Change(ROWS[0], "reply", "0" * 64, "a.b.c.d." + "e" * 10_000) for _ in range(1_000))
    with pytest.raises(NotJudged, match="gave no whole answer: gone"):
        stored.put(program("import sys; sys.exit('gone')"), FORM, many)


@pytest.mark.parametrize(
    ("form", "said"),
    [("nothing", "has no form “nothing”; those that it has: contact"), ("access", "has no form “access”")],
)
def test_an_unknown_form_is_a_sentence(site, form, said):
    with pytest.raises(InputError, match=said):
        stored.database_host(site, form)


def test_the_host_is_the_one_of_the_group(site, monkeypatch):
    assert stored.database_host(site, FORM) == site.group("db")[0].name
    monkeypatch.setattr(type(site), "group", lambda _site, name: () if name == "db" else ("app",))
    with pytest.raises(InputError, match="has no host of the group db"):
        stored.database_host(load(site.path), FORM)


def test_addresses_for_letters_are_fetched_for_nobody(site):
    with pytest.raises(InputError, match="mail_service is not sealed for the office"):
        stored.must_be_the_offices(site, "mail_service")
    stored.must_be_the_offices(site, FORM)
    with pytest.raises(InputError, match="mail_service is not sealed for the office"):
        site_answers.answers("mail_service", site.path / "out", site=site.path)
