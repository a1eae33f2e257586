"""The mail tier's finder: the office's signed questions alone, each once, so many an hour; with a real PostgreSQL."""

import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from azukari.answers import stored
from azukari.content import content
from azukari.rights import question as carrier
from reference_site import finder as program
from reference_site.finder import Finder, Record, Refused, converse, create
from reference_site.letters_opened import CannotOpen, Keys, Secrets
from reference_site.questions import LARGEST, NAMESPACE, Question, sealed_address, to_file
from reference_site.sealing import Place, seal

KEY, OLDER, FOREIGN = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
SECRETS = Secrets(b"k" * 43)
ADDRESS = "Some.Body@Example.jp"
NOW = datetime(2026, 12, 1, 3, tzinfo=UTC)
ROWS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(1, 6)]
TABLE = """
SET client_min_messages = error;
DROP SCHEMA IF EXISTS site CASCADE;
CREATE SCHEMA site;
CREATE TABLE site.mail_service (id uuid NOT NULL, purpose text NOT NULL DEFAULT 'delivery', sealed text NOT NULL DEFAULT
  'a.b.c.d.e', received date NOT NULL DEFAULT CURRENT_DATE, person text,
  earlier uuid[], PRIMARY KEY (id, purpose));
CREATE TABLE site.erased (id uuid PRIMARY KEY, erased date NOT NULL);
CREATE TABLE site.spent (digest text PRIMARY KEY, day date NOT NULL);
"""


def pem(*keys):
    return b"".join(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for key in keys)


def function():
    """Return site.find as the role `database` makes it."""
    text = (content("roles") / "database" / "templates" / "site.sql.j2").read_text("utf-8")
    [found] = re.findall(r"CREATE OR REPLACE FUNCTION site\.find\(.*?\n\$\$;", text, re.DOTALL)
    assert "{" not in found
    return found


def folder_of(server):
    """Return the folder of the PostgreSQL's socket and log."""
    [folder] = [word.removeprefix("--host=") for word in server if word.startswith("--host=")]
    return Path(folder)


@pytest.fixture
def database(server):
    """A real one with somebody's two registrations, another's, and one that nobody has opened yet."""
    kept = zip(ROWS, [ADDRESS, ADDRESS.lower(), "other@example.jp", None], strict=False)
    rows = [(row, f"2026-11-{30 - at}", SECRETS.person(one) if one else None) for at, (row, one) in enumerate(kept)]
    subprocess.run(server, input=TABLE + function(), text=True, check=True, capture_output=True)

    def connect():
        return psycopg.connect(host=folder_of(server), user="postgres", dbname="postgres")

    with connect() as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO site.mail_service (id, received, person) VALUES (%s, %s, %s)", rows)
    return connect


@pytest.fixture
def state(tmp_path):
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def made(office_key, connect, state, an_hour=3, keys=(OLDER, KEY)):
    return Finder("lab", office_key, Keys(pem(*keys)), SECRETS, Record(state, an_hour), connect)


@pytest.fixture
def finder(office_key, database, state):
    return made(office_key, database, state)


def signature(text, key, namespace=NAMESPACE):
    told = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(key), "-n", namespace]
    return subprocess.run(told, input=text, capture_output=True, check=True).stdout


def asked(approval, address=ADDRESS, *, key=KEY, namespace=NAMESPACE, sealed=None, **other):
    number = str(uuid.uuid4())
    said = {"site": "lab", "form": "mail_service", "number": number, "asked": NOW.isoformat(timespec="seconds")}
    said |= {"sealed": sealed or sealed_address(address, number, key.public_key())}
    one = Question(**said | other)
    return to_file(one, signature(one.to_bytes(), approval, namespace))


FOUND = {"found": [[ROWS[1], "2026-11-29"], [ROWS[0], "2026-11-30"]], "unread": 1}


# --- what is answered -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [KEY, OLDER], ids=["this year's key", "an earlier one"])
@pytest.mark.parametrize("address", [ADDRESS, ADDRESS.upper()])
def test_a_person_is_found_by_the_address_with_identifiers_and_days(finder, approval, address, key):
    assert finder.answer(asked(approval, address, key=key), NOW) == FOUND


def test_who_is_not_registered_is_not_found_and_what_nobody_opened_is_told(finder, approval):
    assert finder.answer(asked(approval, "nobody@example.jp"), NOW) == {"found": [], "unread": 1}


def test_what_was_found_is_deleted_and_found_no_more(finder, approval, server):
    found = [row for row, _ in finder.answer(asked(approval), NOW)["found"]]
    assert len(stored.erase(server, "mail_service", found)) == 2
    assert finder.answer(asked(approval), NOW) == {"found": [], "unread": 1}
    assert finder.answer(asked(approval, "other@example.jp"), NOW)["found"] == [[ROWS[2], "2026-11-28"]]


def test_a_question_tells_nothing_of_the_address_not_even_its_length(approval):
    questions = [asked(approval, one) for one in ("a@b.jp", "a" * 64 + "@" + ".".join(["b" * 60] * 3))]
    assert len({len(json.loads(json.loads(one)["question"])["sealed"]) for one in questions}) == 1
    assert b"a@b.jp" not in questions[0]


# --- what is refused --------------------------------------------------------------------------------------------------

STORED = json.dumps({"email": ADDRESS, "tongue": "ja"}).encode()


def at(place, plain=STORED, key=KEY):
    return seal(plain, place, key.public_key())


def sealed_question(plain):
    number = ROWS[0]
    return {"number": number, "sealed": at(Place("mail_service", number, "finding"), plain)}


REFUSED = {
    "another site's": ({"site": "other"}, "of the site other"),
    "of another form": ({"form": "contact"}, "is about contact"),
    "a letter's namespace": ({"namespace": "azukari-letter"}, "not signed by the office"),
    "a request's namespace": ({"namespace": "azukari-request"}, "not signed by the office"),
    "too old": ({"asked": (NOW - timedelta(days=8)).isoformat()}, "more than 7 days ago"),
    "of the future": ({"asked": (NOW + timedelta(hours=2)).isoformat()}, "in the future"),
    "of no time": ({"asked": "today"}, "does not say when"),
    "of no number": ({"number": "../x"}, "no question"),
    "a number that is none": ({"number": 7}, "no question"),
    "for a foreign key": ({"key": FOREIGN}, r"not sealed for this host as a question is \(KeyError"),
    "another question's": ({"number": ROWS[4]}, r"not sealed for this host as a question is \(CannotUnseal"),
    "a value that is kept": (
        {"number": ROWS[0], "sealed": at(Place("mail_service", ROWS[0], "delivery"))},
        r"not sealed for this host as a question is \(CannotUnseal",
    ),
    "a value of another table": (
        {"number": ROWS[0], "sealed": at(Place("contact", ROWS[0], "finding"))},
        r"not sealed for this host as a question is \(CannotUnseal",
    ),
    "nothing sealed": ({"sealed": "a.b.c.d.e"}, "not sealed for this host"),
    "no address": (sealed_question(b'{"email": "nobody"}'), r"\(no address"),
    "an address too long": (sealed_question(json.dumps({"email": f"a@{'b.' * 130}jp"}).encode()), r"\(no address"),
    "a list": (sealed_question(b"[]"), r"\(no object"),
    "lists without end": (sealed_question(b"[" * 9_000), r"\(RecursionError"),
    "no JSON": (sealed_question(b"\xff"), "not sealed for this host"),
}


@pytest.mark.parametrize(("change", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_question_is_refused_and_uses_nothing_up(finder, approval, state, change, why):
    with pytest.raises(Refused, match=why) as refused:
        finder.answer(asked(approval, **change), NOW)
    assert ADDRESS.lower() not in str(refused.value).lower()
    assert not (state / "answered.json").exists()


def test_nobody_asks_but_the_office(finder, approval, state, tmp_path):
    foreign = tmp_path / "foreign"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", foreign], check=True)
    signed = asked(approval)
    carried = json.loads(signed)
    changed = {**carried, "question": carried["question"].replace(json.loads(carried["question"])["number"], ROWS[0])}
    unsigned = {**carried, "signature": ""}
    for file in (
        asked(foreign), json.dumps(changed).encode(), json.dumps(unsigned).encode(), carried["question"].encode(),
        b"", b"[]", b"\xff", b"[" * 5000, b"x" * (LARGEST + 1),
    ):  # fmt: skip
        with pytest.raises(Refused, match=r"not signed by the office|no signed question|more than"):
            finder.answer(file, NOW)
    assert not (state / "answered.json").exists()
    assert finder.answer(signed, NOW) == FOUND


def test_a_question_does_not_open_where_values_that_are_kept_do():
    keys = Keys(pem(KEY))
    question = sealed_address(ADDRESS, ROWS[0], KEY.public_key())
    assert keys.asked_for(ROWS[0], question) == ADDRESS
    with pytest.raises(CannotOpen):
        keys.open(ROWS[0], question)


# --- each once, and so many an hour -----------------------------------------------------------------------------------


def test_a_question_is_answered_once_also_by_a_finder_that_was_started_anew(office_key, approval, database, state):
    file = asked(approval)
    assert made(office_key, database, state).answer(file, NOW) == FOUND
    for later in (timedelta(0), timedelta(hours=5), timedelta(days=6), timedelta(hours=-1)):
        with pytest.raises(Refused, match="answered before; each is answered once"):
            made(office_key, database, state).answer(file, NOW + later)


def test_so_many_are_answered_an_hour_and_a_restart_gives_no_more(office_key, approval, database, state):
    minutes = timedelta(minutes=1)
    for number in range(3):
        made(office_key, database, state).answer(asked(approval), NOW + number * minutes)
    waiting = asked(approval)
    with pytest.raises(Refused, match=r"3 questions were answered within the hour.* from 2026-12-01 04:00 UTC on"):
        made(office_key, database, state).answer(waiting, NOW + 59 * minutes)
    assert made(office_key, database, state).answer(waiting, NOW + 60 * minutes) == FOUND  # it was not used up
    with pytest.raises(Refused, match="from 2026-12-01 04:01 UTC on"):
        made(office_key, database, state).answer(asked(approval), NOW + 60 * minutes)


def test_a_clock_that_is_set_back_gives_no_new_hour(finder, approval):
    for _ in range(3):
        finder.answer(asked(approval), NOW)
    with pytest.raises(Refused, match="within the hour"):
        finder.answer(asked(approval, asked=(NOW - timedelta(hours=5)).isoformat()), NOW - timedelta(hours=5))


@pytest.mark.parametrize("text", ["", "[]", '{"a": "b"}', "\ufffd{"])
def test_a_record_that_cannot_be_read_stops_all_answers(finder, approval, state, text):
    (state / "answered.json").write_text(text)
    with pytest.raises(Refused, match="record of answered questions cannot be read"):
        finder.answer(asked(approval), NOW)
    assert (state / "answered.json").read_text() == text


def test_without_the_database_a_question_is_not_used_up(office_key, approval, database, state):
    file = asked(approval)

    def away():
        raise psycopg.OperationalError(ADDRESS)

    with pytest.raises(psycopg.Error):
        made(office_key, away, state).answer(file, NOW)
    assert made(office_key, database, state).answer(file, NOW) == FOUND


def test_two_at_the_same_time_are_not_one_more_than_allowed(office_key, approval, database, state):
    questions, answers = [asked(approval) for _ in range(8)], []

    def ask(file):
        try:
            answers.append(made(office_key, database, state).answer(file, NOW))
        except Refused:
            answers.append(None)

    threads = [threading.Thread(target=ask, args=[file]) for file in questions]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (answers.count(FOUND), answers.count(None)) == (3, 5)


# --- the conversation -------------------------------------------------------------------------------------------------


def talk(finder, file):
    own, other = socket.socketpair()
    with own, other:
        own.sendall(file)
        own.shutdown(socket.SHUT_WR)
        converse(finder, other)
        other.shutdown(socket.SHUT_WR)
        with own.makefile("rb") as said:
            return json.loads(said.read())


def test_neither_log_nor_state_nor_refusal_holds_an_address_or_a_hash(
    office_key, approval, database, state, caplog, server
):
    caplog.set_level(logging.DEBUG)
    today = datetime.now(UTC).isoformat(timespec="seconds")

    def away():
        raise psycopg.OperationalError(f"{ADDRESS} {SECRETS.person(ADDRESS)}")

    file = asked(approval, asked=today)
    said = [talk(made(office_key, away, state), file), *(talk(made(office_key, database, state), file) for _ in "ab")]
    said.append(talk(made(office_key, database, state, keys=(OLDER,)), asked(approval, asked=today)))
    assert said[0] == {"refused": "The database is away (OperationalError, SQLSTATE None); ask again later."}
    assert said[1] == FOUND
    assert "answered before" in said[2]["refused"]
    assert "not sealed for this host" in said[3]["refused"]
    log = (folder_of(server) / "log").read_text("utf-8")
    written = [caplog.text, json.dumps(said), *(one.read_text() for one in state.iterdir()), log]
    assert len(caplog.messages) == 4
    for mark in (ADDRESS.lower(), SECRETS.person(ADDRESS)):
        assert not any(mark in one.lower() for one in written)


def test_it_is_all_as_systemd_starts_it_and_the_contractor_asks(office_key, approval, server, database, tmp_path):
    """The program in a process of its own, with the socket as systemd hands it over, asked as `request find` does."""
    state, credentials = tmp_path / "state", tmp_path / "credentials"
    state.mkdir()
    credentials.mkdir()
    database().close()
    for name, value in (("delivery.key", pem(KEY)), ("letters.secret", b"k" * 43), ("database.password", b"p")):
        (credentials / name).write_bytes(value)
    told = {"site": "lab", "office_key": office_key, "questions_an_hour": 1, "database": {"user": "finder"}}
    (tmp_path / "finder.json").write_text(json.dumps(told))
    start = (
        "import os, sys, pathlib\n"
        "from reference_site import finder\n"
        f"finder.CONFIGURATION = pathlib.Path({str(tmp_path / 'finder.json')!r})\n"
        # no TLS and no password of its own: that is the lab's to show
        f"way = dict(host={str(folder_of(server))!r}, user='postgres', dbname='postgres')\n"
        "finder.parameters = lambda _told, _folder: way\n"
        "os.dup2(int(sys.argv[1]), 3)\n"
        "finder.main()\n"
    )
    path = str(tmp_path / "socket")
    text = carrier.CARRY.replace("/run/azukari-finder.socket", path)
    environment = os.environ | {"CREDENTIALS_DIRECTORY": str(credentials), "STATE_DIRECTORY": str(state)}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    said = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        for _ in range(2):
            one = subprocess.Popen(
                [sys.executable, "-c", start, str(listening.fileno())], env=environment, pass_fds=[listening.fileno()]
            )
            asking = text.format(question=asked(approval, asked=now))
            ran = subprocess.run(
                [sys.executable, "-I", "-"], input=asking, text=True, capture_output=True, check=True, timeout=60
            )
            said.append(json.loads(ran.stdout))
            assert one.wait(30) == 0
    assert said[0] == FOUND
    assert "1 questions were answered within the hour" in said[1]["refused"]


def test_it_is_made_of_what_the_host_has(tmp_path, office_key):
    for name, value in (("delivery.key", pem(KEY)), ("letters.secret", b"k" * 43), ("database.password", b"p")):
        (tmp_path / name).write_bytes(value)
    told = {"site": "lab", "office_key": office_key, "questions_an_hour": 10}
    (tmp_path / "finder.json").write_text(json.dumps(told | {"database": {"user": "finder"}}))
    found = create(tmp_path / "finder.json", tmp_path, tmp_path)
    assert (found.site, found.office_key) == ("lab", office_key)
    (tmp_path / "letters.secret").write_bytes(b"short")
    with pytest.raises(ValueError, match="at least 32"):
        create(tmp_path / "finder.json", tmp_path, tmp_path)
    assert str(program.CONFIGURATION) == "/etc/azukari/letters/finder.json"
