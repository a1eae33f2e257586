"""The mail tier's finder: which registrations are one person's, answered to a question that the office signed.

One connection, one question, one answer: systemd starts it when somebody connects to its socket, which is root's alone.
It opens the address in the question, makes the keyed hash by which the database knows whose a registration is, and
answers identifiers and days. The address never leaves it; the hash does as a parameter of its one statement, which the
database writes nowhere. It answers so many questions an hour, and each once; what it notes of them is their numbers,
made by chance, and when.
"""

import contextlib
import fcntl
import json
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from reference_site.database import parameters
from reference_site.letters_opened import CannotOpen, Keys, Secrets
from reference_site.questions import LARGEST, NoQuestion, must_be_young, verified

CONFIGURATION = Path("/etc/azukari/letters/finder.json")
KEY, SECRET = "delivery.key", "letters.secret"
HOUR = timedelta(hours=1)
_LISTENING = 3  # the first file that systemd hands over; sd_listen_fds(3)
_SECONDS = 20  # for each step of the conversation
_LOG = logging.getLogger("azukari-finder")

Found = Mapping[str, Any]


class Refused(Exception):
    """A question is not answered; says why, and nothing of what it asks."""


class Record:
    """The questions that were answered, with the time of each: on the disk before the answer is looked for.

    Args:
        state: the folder that may be written.
        an_hour: how many questions are answered in an hour.
    """

    def __init__(self, state: Path, an_hour: int) -> None:
        self._file, self._lock, self._an_hour = state / "answered.json", state / "lock", an_hour

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep another finder out, should there be one."""
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def judge(self, number: str, now: datetime) -> dict[str, float]:
        """Return what was answered before, where one more question may be.

        Raises:
            Refused: this one was answered, or too many were within the hour.
        """
        answered = self._read()
        if number in answered:
            raise Refused("This question was answered before; each is answered once. The office asks anew.")
        # What says that it was answered in the future counts: a clock that was set back gives no new hour.
        recent = sorted(when for when in answered.values() if when > (now - HOUR).timestamp())
        if len(recent) >= self._an_hour:
            free = datetime.fromtimestamp(recent[-self._an_hour], UTC) + HOUR
            raise Refused(
                f"{self._an_hour} questions were answered within the hour, which is the limit; "
                f"the next one is from {free:%Y-%m-%d %H:%M} UTC on. This one can be handed in again then."
            )
        return answered

    def note(self, answered: Mapping[str, float], number: str, now: datetime) -> None:
        """Note that a question is answered; when this returns, it is on the disk."""
        beside = self._file.with_suffix(".new")
        with beside.open("w", encoding="utf-8") as file:
            json.dump({**answered, number: now.timestamp()}, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._file)
        folder = os.open(self._file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _read(self) -> dict[str, float]:
        try:
            said = json.loads(self._file.read_text(encoding="utf-8"))
            return {str(number): float(when) for number, when in said.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError):
            raise Refused("The record of answered questions cannot be read, so none is answered.") from None


@dataclass(frozen=True)
class Finder:
    """Answers questions.

    Attributes:
        site: the site's name.
        office_key: the office's approval key, “TYPE BASE64”.
        keys: open addresses.
        secrets: make the keyed hash.
        record: what was answered.
        connect: opens a connection to the database, or raises psycopg.Error.
    """

    site: str
    office_key: str
    keys: Keys
    secrets: Secrets
    record: Record
    connect: Callable[[], psycopg.Connection[Any]]

    def answer(self, file: bytes, now: datetime) -> Found:
        """Return `found`, identifiers and days of what is registered with the address asked for, and `unread`.

        `unread` are the registrations of which nobody knows yet whose they are, as their letter has not been written.

        Raises:
            Refused: it is not the office's question, was answered, or comes too soon.
            psycopg.Error: the database is away; where it was from the beginning, the question is not used up.
        """
        try:
            question = verified(file, self.site, self.office_key)
            must_be_young(question, now)
            person = self.secrets.person(self.keys.asked_for(question.number, question.sealed))
        except NoQuestion as error:
            raise Refused(str(error)) from None
        except CannotOpen as error:
            raise Refused(
                f"What the question asks for is not sealed for this host as a question is ({error})."
            ) from None
        with self.record.alone():
            answered = self.record.judge(question.number, now)
            with self.connect() as connection:
                self.record.note(answered, question.number, now)
                [(found,)] = connection.execute("SELECT site.find(%s)", (person,)).fetchall()
        return {"found": found["found"], "unread": found["unread"]}


def create(configuration: Path, credentials: Path, state: Path) -> Finder:
    """Return the finder of this host.

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
    database = parameters(told["database"], credentials)
    return Finder(
        told["site"],
        told["office_key"],
        Keys((credentials / KEY).read_bytes()),
        Secrets((credentials / SECRET).read_bytes()),
        Record(state, told["questions_an_hour"]),
        lambda: psycopg.connect(**database),
    )


def converse(finder: Finder, client: socket.socket) -> None:
    """Read one question and answer it: a JSON document with what was found, or why it was `refused`."""
    client.settimeout(_SECONDS)
    with client.makefile("rb") as asked:
        file = asked.read(LARGEST + 1)
    try:
        said: Found = finder.answer(file, datetime.now(UTC))
        _LOG.info("A question was answered.")
    except Refused as error:
        said = {"refused": str(error)}
        _LOG.warning("A question was refused: %s", error)
    except psycopg.Error as error:
        # Not its text: PostgreSQL's messages repeat values.
        said = {
            "refused": f"The database is away ({type(error).__name__}, SQLSTATE {error.sqlstate}); ask again later."
        }
        _LOG.error("The database is away: %s, SQLSTATE %s.", type(error).__name__, error.sqlstate)
    client.sendall(json.dumps(said).encode())


def main() -> None:
    """Answer the one who has connected."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    folders = (Path(os.environ[name]) for name in ("CREDENTIALS_DIRECTORY", "STATE_DIRECTORY"))
    with socket.socket(fileno=_LISTENING) as listening:
        listening.settimeout(_SECONDS)
        client, _ = listening.accept()  # before anything can fail: who still waits would have systemd start it again
        with client:
            converse(create(CONFIGURATION, *folders), client)


if __name__ == "__main__":
    main()
