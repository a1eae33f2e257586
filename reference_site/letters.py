"""The mail tier's service: sends whoever registers the letter to confirm it by, and subscribers the office's letters.

It asks the database again and again, opens one address at a time, and hands each message to Postfix. A row is marked
once Postfix has taken its message: where it is stopped between the two, that one message is sent again, with the same
Message-ID, and none is lost. Nothing is written anywhere of an address or of a secret, but in Postfix's queue.
"""

import contextlib
import json
import logging
import os
import smtplib
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from reference_site.answers import hashed
from reference_site.database import parameters
from reference_site.letters_message import Sender
from reference_site.letters_opened import CannotOpen, Keys, Reader, Secrets
from reference_site.letters_signed import Letter, NoLetter, verified

CONFIGURATION = Path("/etc/azukari/letters/letters.json")
HANDED_IN = Path("/var/spool/azukari-letters")  # the letters to subscribers, each in a file of its own
KEY, SECRET = "delivery.key", "letters.secret"
PAUSE, LONGEST_PAUSE = 3.0, 60.0  # seconds between two looks, and at most while something is away
PAGE = 50  # rows
_FIRST = UUID(int=0)
_SECONDS = 60  # for each step of handing a message in
_PERMANENT = range(500, 600)
_LOG = logging.getLogger("azukari-letters")


class Away(Exception):
    """Postfix does not take messages now; says why."""


class Refused(Exception):
    """Postfix will never take a message for this reader."""


class _Local(smtplib.SMTP):
    """SMTP through a socket in the file system."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        connection.connect(host)
        return connection


def hand_in(submit: str, sender: str, reader: str, message: bytes) -> None:
    """Hand a message to Postfix; when this returns, it is in its queue.

    Args:
        submit: Postfix's socket.
        sender: of the envelope.
        reader: the one address.
        message: the whole message.

    Raises:
        Away: it was not taken now.
        Refused: it will not be taken for this address.
    """
    try:
        with contextlib.closing(_Local(submit, local_hostname="localhost", timeout=_SECONDS)) as post:
            post.sendmail(sender, [reader], message)
            with contextlib.suppress(smtplib.SMTPException, OSError):  # it is taken, however they part
                post.quit()
    except smtplib.SMTPRecipientsRefused as error:
        [(code, _)] = error.recipients.values()
        raise (Refused if code in _PERMANENT else Away)(f"the reader is refused with {code}") from None
    except smtplib.SMTPResponseException as error:
        raise Away(f"Postfix answers {error.smtp_code}") from None  # its words may repeat the address
    except (smtplib.SMTPException, OSError) as error:
        raise Away(f"Postfix gives no answer ({type(error).__name__})") from None


class Rows:
    """What the database lets the mail tier do.

    Args:
        connect: opens a connection, or raises psycopg.Error.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]]) -> None:
        self._connect = connect
        self._own: psycopg.Connection[Any] | None = None

    def due(self) -> Iterator[tuple[str, str]]:
        """Give the registrations that wait for their letter: row, sealed address."""
        return self._pages("SELECT id, sealed FROM site.due(%s, %s)", _FIRST)

    def subscribers(self, after: str) -> Iterator[tuple[str, str]]:
        """Give the subscribers behind a row, in the order of their rows; behind none: all."""
        return self._pages("SELECT id, sealed FROM site.subscribers(%s, %s)", UUID(after) if after else _FIRST)

    def note(self, row: str, person: str, confirm: str, leave: str) -> bool:
        """Note whose a registration is, and its letters' hashes; False: it is gone, and no letter is to be sent."""
        [(wanted,)] = self._asked("SELECT site.note(%s, %s, %s, %s)", (UUID(row), person, confirm, leave))
        return bool(wanted)

    def lettered(self, row: str) -> None:
        """Note that a registration's letter has left."""
        self._asked("SELECT site.lettered(%s)", (UUID(row),))

    def _pages(self, query: str, after: UUID) -> Iterator[tuple[str, str]]:
        while rows := self._asked(query, (after, PAGE)):
            for row, sealed in rows:
                yield str(row), sealed
            after = rows[-1][0]

    def _asked(self, query: str, given: tuple[Any, ...]) -> list[Any]:
        connection, self._own = self._own or self._connect(), None
        try:
            rows = connection.execute(query, given).fetchall()
            connection.commit()
        except BaseException:
            connection.close()
            raise
        self._own = connection
        return rows


@dataclass(frozen=True)
class Progress:
    """How far a letter has come: behind which row it goes on; how many got it; to how many it could not go."""

    after: str = ""
    sent: int = 0
    left: int = 0
    done: bool = False


class Service:
    """Does what is to be done.

    Args:
        rows: the database.
        keys: open addresses.
        secrets: make what letters carry.
        sender: writes messages.
        post: hands a message in: to whom, what; raises Away or Refused.
        letters: reads a letter that was handed in, or raises NoLetter.
        state: the folder for the progress of letters.
        handed_in: the folder of letters.
    """

    def __init__(
        self,
        rows: Rows,
        keys: Keys,
        secrets: Secrets,
        sender: Sender,
        post: Callable[[str, bytes], None],
        letters: Callable[[bytes], Letter],
        state: Path,
        handed_in: Path = HANDED_IN,
    ) -> None:
        self._rows, self._keys, self._secrets, self._sender = rows, keys, secrets, sender
        self._post, self._letters, self._state, self._handed_in = post, letters, state, handed_in
        self._said: set[str] = set()
        self._not_sent: set[tuple[str, int]] = set()  # files that are no letters: looked at again when they change

    def round(self) -> None:
        """Send what is due now.

        Raises:
            psycopg.Error: the database is away.
            Away: Postfix is.
        """
        self.ask_all()
        for path in sorted(self._handed_in.glob("*.json")):
            if not self.progress(path.stem).done and (path.name, path.stat().st_mtime_ns) not in self._not_sent:
                self._send(path)

    def ask_all(self) -> None:
        """Send each registration that waits its letter; what cannot be opened stays, until its days are over."""
        closed = 0
        for row, sealed in self._rows.due():
            try:
                self._ask(row, self._keys.open(row, sealed))
            except (CannotOpen, Refused):
                closed += 1
        if closed:
            self._say(f"{closed} registrations cannot be opened or sent a letter.")

    def _ask(self, row: str, reader: Reader) -> None:
        person = self._secrets.person(reader.address)
        confirm, leave = self._secrets.confirm(row), self._secrets.leave(person)
        if self._rows.note(row, person, hashed(confirm), hashed(leave)):
            self._post(reader.address, self._sender.asks(reader, confirm, leave, self._secrets.message("confirm", row)))
            self._rows.lettered(row)

    def progress(self, name: str) -> Progress:
        """Return how far a letter has come."""
        try:
            said: Mapping[str, Any] = json.loads((self._state / f"{name}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Progress()
        return Progress(**said)

    def _send(self, path: Path) -> None:
        """Send a letter to all subscribers behind the last one that got it."""
        looked_at = path.name, path.stat().st_mtime_ns
        try:
            letter = self._letters(path.read_bytes())
            wrong = "" if letter.name == path.stem else "the letter in it has another name."
        except (NoLetter, OSError) as error:
            wrong = str(error)
        if wrong:
            self._not_sent.add(looked_at)
            _LOG.error("%s is not sent: %s", path.name, wrong)
            return
        now = self.progress(letter.name)
        for number, (row, sealed) in enumerate(self._rows.subscribers(now.after), 1):
            sent = not letter.only or row in letter.only
            try:
                if sent:
                    self._carry(letter, row, self._keys.open(row, sealed))
                now = Progress(row, now.sent + sent, now.left)
            except (CannotOpen, Refused):
                now = Progress(row, now.sent, now.left + 1)
            self._note(letter.name, now)
            if number % PAGE == 0:
                self.ask_all()  # who registers meanwhile does not wait for all of them
        self._note(letter.name, Progress(now.after, now.sent, now.left, done=True))

    def _carry(self, letter: Letter, row: str, reader: Reader) -> None:
        number = self._secrets.message(letter.name, row)
        leave = self._secrets.leave(self._secrets.person(reader.address))
        self._post(reader.address, self._sender.carries(letter, reader, leave, number))

    def _note(self, name: str, progress: Progress) -> None:
        beside = self._state / f"{name}.new"
        with beside.open("w", encoding="utf-8") as file:
            json.dump(asdict(progress), file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._state / f"{name}.json")

    def _say(self, sentence: str) -> None:
        """Log a sentence once."""
        if sentence not in self._said:
            self._said.add(sentence)
            _LOG.error("%s", sentence)


def create(configuration: Path, credentials: Path, state: Path) -> Service:
    """Return the service of this host.

    Args:
        configuration: what it is told, JSON.
        credentials: the folder with its keys and its password.
        state: the folder that it may write.

    Raises:
        OSError: a file cannot be read.
        KeyError: the configuration lacks something.
        ValueError: the configuration is no JSON, or a key is none.
    """
    told: Mapping[str, Any] = json.loads(configuration.read_text(encoding="utf-8"))
    sender = Sender(told["name"], told["domain"], told["title"], told["office"])
    database = parameters(told["database"], credentials)
    return Service(
        Rows(lambda: psycopg.connect(**database)),
        Keys((credentials / KEY).read_bytes()),
        Secrets((credentials / SECRET).read_bytes()),
        sender,
        lambda reader, message: hand_in(told["submit"], sender.envelope, reader, message),
        lambda file: verified(file, told["site"], told["office_key"]),
        state,
    )


def main() -> None:
    """Send what is due, until the service is stopped; what is away is waited for, however long."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    folders = (Path(os.environ[name]) for name in ("CREDENTIALS_DIRECTORY", "STATE_DIRECTORY"))
    service, pause = create(CONFIGURATION, *folders), PAUSE
    while True:
        try:
            service.round()
        except psycopg.Error as error:
            # Not its text: PostgreSQL's messages repeat values.
            _LOG.error("The database is away: %s, SQLSTATE %s.", type(error).__name__, error.sqlstate)
            pause = min(pause * 2, LONGEST_PAUSE)
        except Away as error:
            _LOG.error("Messages wait: %s.", error)
            pause = min(pause * 2, LONGEST_PAUSE)
        else:
            pause = PAUSE
        time.sleep(pause)


if __name__ == "__main__":
    main()
