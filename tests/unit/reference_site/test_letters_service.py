"""The mail tier's letters: one address opened at a time, each row's letter sent, and nothing of a reader elsewhere."""

import base64
import hashlib
import json
import socket
import threading
import uuid
from email import message_from_bytes
from email.header import decode_header, make_header

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from reference_site.letters import Away, Progress, Refused, Service, hand_in
from reference_site.letters_message import Sender
from reference_site.letters_opened import CannotOpen, Keys, Reader, Secrets
from reference_site.letters_signed import written
from reference_site.sealing import Place, seal

KEY, OLDER, FOREIGN = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
SECRETS = Secrets(b"k" * 43)
TITLE, OFFICE = {"ja": "試験サイト", "en": "Test site"}, {"ja": "広報室", "en": "Public Relations Office"}
SENDER = Sender("www.lab.test", "lab.test", TITLE, OFFICE)
WORDS = {
    "subject": {"ja": "お知らせ " * 20, "en": "News"},
    "text": {"ja": "本文です。\n二行目", "en": "The text.\nMore."},
}


def pem(*keys):
    return b"".join(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for key in keys)


def sealed(row, said, key=KEY, purpose="delivery"):
    plain = said if isinstance(said, bytes) else json.dumps(said).encode()
    return seal(plain, Place("mail_service", row, purpose), key.public_key())


def address(email="a@example.jp", tongue="ja"):
    return {"email": email, "tongue": tongue}


class Rows:
    """Stands for the database's functions, which the lab's tests have."""

    def __init__(self, **waiting):
        self.waiting, self.listed, self.noted, self.sent, self.refused, self.down = (
            dict(waiting),
            {},
            {},
            [],
            set(),
            False,
        )

    def _be_there(self):
        if self.down:
            raise psycopg.OperationalError("a@example.jp")

    def due(self):
        self._be_there()
        return iter(sorted(self.waiting.items()))

    def subscribers(self, after):
        self._be_there()
        return iter([(row, value) for row, value in sorted(self.listed.items()) if row > after])

    def note(self, row, person, confirm, leave):
        self._be_there()
        self.noted[row] = (person, confirm, leave)
        if row in self.refused:
            del self.waiting[row]
        return row not in self.refused

    def lettered(self, row):
        self._be_there()
        self.sent.append(row)
        del self.waiting[row]


class Post:
    def __init__(self):
        self.taken, self.raises = [], {}

    def __call__(self, reader, message):
        if reader in self.raises:
            raise self.raises[reader]
        self.taken.append((reader, message))


@pytest.fixture
def rows():
    return Rows()


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def service(rows, post, tmp_path):
    for name in ("state", "handed-in"):
        (tmp_path / name).mkdir()
    letters = {LETTER.name: LETTER, ONLY.name: ONLY}

    def read(file):
        return letters[file.decode()]

    return Service(rows, Keys(pem(KEY)), SECRETS, SENDER, post, read, tmp_path / "state", tmp_path / "handed-in")


ROWS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(1, 9)]
LETTER = written("lab", "2026-11-27T00:00:00+00:00", WORDS)
ONLY = written("lab", "2026-11-27T00:00:01+00:00", WORDS, (ROWS[2],))


def register(rows, *said):
    rows.waiting |= {row: sealed(row, one) for row, one in zip(ROWS, said, strict=False)}


def enlist(rows, number):
    rows.listed = {row: sealed(row, address(f"r{at}@example.jp")) for at, row in enumerate(ROWS[:number])}


def hand_over(tmp_path, letter):
    (tmp_path / "handed-in" / f"{letter.name}.json").write_text(letter.name)


def body(message):
    return message_from_bytes(message).get_payload(decode=True).decode()


def link(message, at):
    [found] = [line for line in body(message).splitlines() if f"/{at}/?letter=" in line]
    return found


# --- registrations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tongue", "path", "words"), [("ja", "/mail-service/", "24時間"), ("en", "/en/mail-service/", "24 hours")]
)
def test_who_registers_is_sent_the_secret_of_which_the_database_has_the_hash(service, rows, post, tongue, path, words):
    register(rows, address("Some.Body@Example.jp", tongue))
    service.round()
    [(reader, message)] = post.taken
    assert reader == "Some.Body@Example.jp"
    assert words in body(message)
    found = link(message, "confirm")
    assert found.startswith(f"https://www.lab.test{path}confirm/?letter=")
    person, confirm, leave = rows.noted[ROWS[0]]
    assert confirm == hashlib.sha256(found.partition("letter=")[2].encode()).hexdigest()
    assert leave == hashlib.sha256(link(message, "unsubscribe").partition("letter=")[2].encode()).hexdigest()
    assert len({person, confirm, leave}) == 3
    assert all(len(one) == 64 for one in (person, confirm, leave))
    assert rows.sent == [ROWS[0]]


def test_one_person_is_known_again_and_nobody_else(service, rows):
    register(rows, address("a@example.jp"), address("A@Example.JP", "en"), address("b@example.jp"))
    service.round()
    persons = [rows.noted[row][0] for row in ROWS[:3]]
    assert persons[0] == persons[1] != persons[2]
    assert hashlib.sha256(b"a@example.jp").hexdigest() not in persons
    assert len({rows.noted[row][1] for row in ROWS[:3]}) == 3


def test_all_letters_to_a_person_have_the_same_way_out_however_often_one_registers(service, rows, post, tmp_path):
    register(rows, address("a@example.jp"))
    service.round()
    rows.listed = {ROWS[4]: sealed(ROWS[4], address("A@example.jp"))}  # another registration of the same person
    hand_over(tmp_path, LETTER)
    service.round()
    first, second = (link(message, "unsubscribe").partition("letter=")[2] for _, message in post.taken)
    assert first == second
    assert hashlib.sha256(first.encode()).hexdigest() == rows.noted[ROWS[0]][2]


def test_who_had_enough_letters_today_gets_no_other(service, rows, post):
    register(rows, address())
    rows.refused = {ROWS[0]}
    service.round()
    assert (post.taken, rows.sent) == ([], [])


def test_a_letter_is_marked_once_postfix_has_it_and_is_the_same_when_sent_again(service, rows, post):
    register(rows, address())
    rows.lettered = lambda _row: (_ for _ in ()).throw(psycopg.OperationalError())
    for _ in range(2):
        with pytest.raises(psycopg.Error):
            service.round()
    first, second = (message_from_bytes(message) for _, message in post.taken)
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_payload() == second.get_payload()


def test_while_postfix_is_away_registrations_wait(service, rows, post):
    register(rows, address())
    post.raises = {"a@example.jp": Away("gone")}
    with pytest.raises(Away):
        service.round()
    assert list(rows.waiting) == [ROWS[0]]
    post.raises = {}
    service.round()
    assert rows.sent == [ROWS[0]]


CLOSED = {
    "for a foreign key": lambda row: sealed(row, address(), FOREIGN),
    "for another row": lambda _row: sealed(ROWS[7], address()),
    "for another purpose": lambda row: sealed(row, address(), purpose="reference"),
    "no sealed value": lambda _row: "a.b.c.d.e",
    "no JSON": lambda row: sealed(row, b"\xff"),
    "a list": lambda row: sealed(row, []),
    "lists without end": lambda row: sealed(row, b"[" * 100_000),
    "no language": lambda row: sealed(row, {"email": "a@example.jp"}),
    "another language": lambda row: sealed(row, address(tongue="fr")),
    "no address": lambda row: sealed(row, address("nobody")),
    "a number": lambda row: sealed(row, address(7)),
    "a header": lambda row: sealed(row, address("a@example.jp\r\nBcc: b@example.jp")),
    "a header at its end": lambda row: sealed(row, address("a@example.jp\n")),
    "two addresses": lambda row: sealed(row, address("a@example.jp, b@example.jp")),
    "an address too long": lambda row: sealed(row, address("a" * 60 + "@" + ".".join(["b" * 60] * 4))),
}


@pytest.mark.parametrize("value", CLOSED.values(), ids=CLOSED)
def test_what_is_no_address_of_this_row_gets_into_no_message_and_holds_nobody_up(service, rows, post, caplog, value):
    rows.waiting = {ROWS[0]: value(ROWS[0]), ROWS[1]: sealed(ROWS[1], address("b@example.jp"))}
    for _ in range(2):
        service.round()
    assert [reader for reader, _ in post.taken] == ["b@example.jp"]
    assert list(rows.waiting) == [ROWS[0]]
    assert caplog.messages == ["1 registrations cannot be opened or sent a letter."]


def test_keys_of_earlier_years_open_too():
    keys = Keys(pem(OLDER, KEY))
    for key in (KEY, OLDER):
        assert keys.open(ROWS[0], sealed(ROWS[0], address(), key)) == Reader("a@example.jp", "ja")
    with pytest.raises(CannotOpen):
        Keys(pem(OLDER)).open(ROWS[0], sealed(ROWS[0], address()))
    with pytest.raises(ValueError, match="no key"):
        Keys(b"")
    with pytest.raises(ValueError, match="at least 32"):
        Secrets(b"short")


# --- letters to subscribers -------------------------------------------------------------------------------------------


def test_each_subscriber_gets_one_message_with_a_way_out_of_their_own(service, rows, post, tmp_path):
    enlist(rows, 3)
    hand_over(tmp_path, LETTER)
    for _ in range(2):
        service.round()
    assert [reader for reader, _ in post.taken] == [f"r{at}@example.jp" for at in range(3)]
    messages = [message_from_bytes(message) for _, message in post.taken]
    assert len({one["Message-ID"] for one in messages}) == 3
    for one, (reader, raw) in zip(messages, post.taken, strict=True):
        way = f"https://www.lab.test/mail-service/unsubscribe/?letter={SECRETS.leave(SECRETS.person(reader))}"
        assert one["List-Unsubscribe"] == f"<{way}>"
        assert one["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert link(raw, "unsubscribe") == way
        assert str(make_header(decode_header(one["Subject"]))) == WORDS["subject"]["ja"]
        assert body(raw).startswith("本文です。\r\n二行目\r\n")
    assert service.progress(LETTER.name) == Progress(ROWS[2], 3, 0, done=True)


def test_who_had_it_gets_it_not_again_after_a_stop(service, rows, post, tmp_path):
    enlist(rows, 4)
    hand_over(tmp_path, LETTER)
    post.raises = {"r2@example.jp": Away("stopped")}
    with pytest.raises(Away):
        service.round()
    post.raises = {}
    service.round()
    assert [reader for reader, _ in post.taken] == [f"r{at}@example.jp" for at in range(4)]


def test_a_reader_whom_postfix_refuses_stops_nobody(service, rows, post, tmp_path):
    enlist(rows, 3)
    rows.listed[ROWS[0]] = "a.b.c.d.e"
    hand_over(tmp_path, LETTER)
    post.raises = {"r1@example.jp": Refused("for good")}
    service.round()
    assert [reader for reader, _ in post.taken] == ["r2@example.jp"]
    assert service.progress(LETTER.name) == Progress(ROWS[2], 1, 2, done=True)


def test_a_drills_letter_goes_to_its_own_registration_alone(service, rows, post, tmp_path):
    enlist(rows, 4)
    hand_over(tmp_path, ONLY)
    service.round()
    assert [reader for reader, _ in post.taken] == ["r2@example.jp"]


def test_nothing_is_written_but_how_far_it_came(service, rows, tmp_path):
    enlist(rows, 2)
    hand_over(tmp_path, LETTER)
    service.round()
    [file] = (tmp_path / "state").iterdir()
    assert json.loads(file.read_text()) == {"after": ROWS[1], "sent": 2, "left": 0, "done": True}


def test_a_file_with_another_letter_in_it_is_not_sent(service, rows, post, tmp_path, caplog):
    enlist(rows, 1)
    (tmp_path / "handed-in" / "other.json").write_text(LETTER.name)
    for _ in range(2):
        service.round()
    assert not post.taken
    assert caplog.messages == ["other.json is not sent: the letter in it has another name."]


@pytest.mark.parametrize("message", [
    SENDER.asks(Reader("a@example.jp", "ja"), "s" * 43, "l" * 43, "n"),
    SENDER.carries(LETTER, Reader("a@example.jp", "ja"), "s" * 43, "n"),
])  # fmt: skip
def test_a_message_is_plain_ascii_in_short_lines(message):
    assert message.isascii()
    assert max(map(len, message.split(b"\r\n"))) <= 998
    assert b"\n" not in message.replace(b"\r\n", b"")
    head = message.split(b"\r\n\r\n")[0].decode()
    names = [line.partition(":")[0] for line in head.split("\r\n") if not line.startswith(" ")]
    assert len(names) == len(set(names))
    assert {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version"} <= set(names)
    assert {"List-Unsubscribe", "List-Unsubscribe-Post"} <= set(names)
    base64.b64decode(message.split(b"\r\n\r\n")[1])


# --- handing in -------------------------------------------------------------------------------------------------------


class Submit(threading.Thread):
    """Speaks as Postfix's smtpd does through its socket in the file system, to one client."""

    def __init__(self, path, answers):
        super().__init__(daemon=True)
        self.answers, self.said = answers, []
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(path))
        self.listening.listen(1)
        self.start()

    def run(self):
        client, _ = self.listening.accept()
        with client, client.makefile("rb") as said:
            client.sendall(b"220 here\r\n")
            for line in said:
                self.said.append(line)
                word = line[:4].upper().strip().decode()
                usual = "354 go on" if word == "DATA" else "250 yes"
                client.sendall(self.answers.get(word, usual).encode() + b"\r\n")
                if word == "DATA" and "DATA" not in self.answers:
                    while (line := said.readline()) != b".\r\n":
                        self.said.append(line)
                    client.sendall(self.answers.get(".", "250 taken").encode() + b"\r\n")
                if word == "QUIT":
                    return


MESSAGE = SENDER.asks(Reader("a@example.jp", "en"), "s" * 43, "l" * 43, "n")


def handed(tmp_path, **answers):
    submit = Submit(tmp_path / "submit", answers)
    hand_in(str(tmp_path / "submit"), SENDER.envelope, "a@example.jp", MESSAGE)
    return submit


def test_a_message_is_handed_in_through_the_socket(tmp_path):
    submit = handed(tmp_path)
    said = b"".join(submit.said)
    assert b"mail FROM:<bounces@lab.test>" in said
    assert b"rcpt TO:<a@example.jp>" in said
    assert MESSAGE in said


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"RCPT": "550 a@example.jp is nobody"}, Refused),
        ({"RCPT": "450 a@example.jp later"}, Away),
        ({"MAIL": "451 later a@example.jp"}, Away),
        ({".": "451 no room for a@example.jp"}, Away),
        ({"EHLO": "421 closing", "HELO": "421 closing"}, Away),
    ],
)
def test_what_postfix_does_not_take_is_told_without_its_words(tmp_path, answers, error):
    with pytest.raises(error) as found:
        handed(tmp_path, **answers)
    assert "example.jp" not in str(found.value)
    assert found.value.__suppress_context__


def test_without_postfix_messages_wait(tmp_path):
    with pytest.raises(Away, match="FileNotFoundError"):
        hand_in(str(tmp_path / "nothing"), SENDER.envelope, "a@example.jp", MESSAGE)


def test_what_is_known_of_a_message_tells_nothing_of_its_row():
    number = SECRETS.message("confirm", str(uuid.UUID(int=5)))
    assert len(number) == 32
    assert number != SECRETS.message("letter", str(uuid.UUID(int=5)))
