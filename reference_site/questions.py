"""A question of the office's: which registrations are one person's, by an address that the mail tier alone can open.

The file is one JSON document, as a letter's is: `question`, the signed text, and `signature`, the office's SSH
signature over it in a namespace of its own. The address in it is sealed for the mail tier's key, at the question's own
number and for a purpose of its own: it can be taken for no value that is kept, and none of those for it.
"""

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from reference_site.answers import FINDING, MAIL_SERVICE
from reference_site.sealing import Place, PublicKey, seal
from reference_site.signatures import CannotTell, signed

NAMESPACE = "azukari-question"
LARGEST = 20_000  # bytes of a file
LASTS, AHEAD = timedelta(days=7), timedelta(hours=1)  # how old it may be; and how far the office's clock may be ahead
_SCHEMA = 1
_LENGTH = 600  # bytes of what is sealed, whatever the address: its length would tell something of it
_NUMBER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class NoQuestion(Exception):
    """A file is no question that may be answered; says why."""


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        site, form: whose registrations.
        number: made by chance; each is answered once.
        asked: when, ISO 8601, UTC.
        sealed: the address.
    """

    site: str
    form: str
    number: str
    asked: str
    sealed: str

    def to_bytes(self) -> bytes:
        """Return the one text of the question, which is signed."""
        said = asdict(self) | {"schema": _SCHEMA}
        return json.dumps(said, sort_keys=True, indent=1).encode() + b"\n"


def sealed_address(address: str, number: str, key: PublicKey) -> str:
    """Return an address as a question carries it: always of the same length.

    Args:
        address: the whole of it.
        number: the question's.
        key: the mail tier's, as the office states it.
    """
    plain = json.dumps({"email": address}).encode().ljust(_LENGTH)
    return seal(plain, Place(MAIL_SERVICE, number, FINDING), key)


def to_file(question: Question, signature: bytes) -> bytes:
    """Return the file that carries a question and the office's signature over it."""
    said = {"question": question.to_bytes().decode(), "signature": signature.decode("ascii")}
    return json.dumps(said, indent=1).encode() + b"\n"


def verified(file: bytes, site: str, office_key: str) -> Question:
    """Return the question of a file, once the office's signature over it is proven.

    Args:
        file: as `to_file` returns it.
        site: the site's name.
        office_key: the office's approval key, “TYPE BASE64”.

    Raises:
        NoQuestion: it is not the office's question for this site.
    """
    if len(file) > LARGEST:
        raise NoQuestion(f"The question has more than {LARGEST} bytes.")
    try:
        carried = json.loads(file)
        text, signature = carried["question"].encode(), carried["signature"].encode("ascii")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise NoQuestion("The file is no signed question as `azukari office question` makes one.") from None
    try:
        proven = signed(text, signature, office_key, NAMESPACE)
    except CannotTell as error:
        raise NoQuestion(str(error)) from error
    if not proven:
        raise NoQuestion("The question is not signed by the office's approval key, or was changed since.")
    try:
        said = json.loads(text)
        fits = said.pop("schema") == _SCHEMA and all(isinstance(one, str) for one in said.values())
        question = Question(**said)
        exact = fits and question.to_bytes() == text and _NUMBER.fullmatch(question.number) is not None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        exact = False
    if not exact:
        raise NoQuestion("The office signed what is no question as its azukari writes it.")
    if (question.site, question.form) != (site, MAIL_SERVICE):
        raise NoQuestion(
            f"The question is about {question.form} of the site {question.site}, not {MAIL_SERVICE} of {site}."
        )
    return question


def must_be_young(question: Question, now: datetime) -> None:
    """Refuse a question that is too old to be answered, or of a time that has not come.

    Raises:
        NoQuestion: says which.
    """
    try:
        asked = datetime.fromisoformat(question.asked).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NoQuestion("The question does not say when it was asked.") from None
    if now - asked > LASTS:
        raise NoQuestion(f"The question was asked more than {LASTS.days} days ago; the office asks anew.")
    if asked - now > AHEAD:
        raise NoQuestion("The question says that it was asked in the future; compare the office's clock, and ask anew.")
