"""A letter to subscribers, as the office signs it: subject and text in both languages, for one site.

The file is one JSON document: `letter`, the signed text, and `signature`, the office's SSH signature over it in a
namespace of its own. Who could write to the mail host's folder can put another letter there, but not the office's word.
"""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from reference_site.forms import Tongue
from reference_site.signatures import CannotTell, signed

NAMESPACE = "azukari-letter"
LARGEST = 300_000  # bytes of a file
LONGEST_SUBJECT, LONGEST_TEXT = 200, 50_000  # characters


class NoLetter(Exception):
    """A file is no letter that may be sent; says why."""


@dataclass(frozen=True)
class Letter:
    """One letter.

    Attributes:
        site: the site's name.
        written: when, ISO 8601; tells two letters of the same words apart.
        subject, text: by language.
        only: the rows to which alone it goes, of a drill; empty: to all subscribers.
    """

    site: str
    written: str
    subject: Mapping[Tongue, str]
    text: Mapping[Tongue, str]
    only: tuple[str, ...] = field(default=())

    def to_bytes(self) -> bytes:
        """Return the one text of the letter, which is signed."""
        said = {"schema": 1, "site": self.site, "written": self.written, "subject": dict(self.subject)}
        said |= {"text": dict(self.text), "only": list(self.only)}
        return json.dumps(said, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"

    @property
    def name(self) -> str:
        """What the letter is known by: the beginning of its text's SHA-256."""
        return hashlib.sha256(self.to_bytes()).hexdigest()[:32]


def written(site: str, when: str, given: Mapping[str, Any], only: tuple[str, ...] = ()) -> Letter:
    """Return the letter that somebody has written.

    Args:
        site: the site's name.
        when: ISO 8601.
        given: `subject` and `text`, each by language.
        only: the rows to which alone it goes.

    Raises:
        NoLetter: something is missing, too long or not allowed; says what.
    """
    if set(given) != {"subject", "text"}:
        raise NoLetter(
            f"A letter has subject and text, and nothing else; found {', '.join(map(str, given)) or 'nothing'}."
        )
    for what, longest in (("subject", LONGEST_SUBJECT), ("text", LONGEST_TEXT)):
        said = given[what]
        if not isinstance(said, Mapping) or set(said) != set(get_args(Tongue)):
            raise NoLetter(
                f"The {what} is to stand there in {' and '.join(get_args(Tongue))}, and in no other language."
            )
        for tongue, words in said.items():
            if not isinstance(words, str) or not words.strip() or len(words) > longest:
                raise NoLetter(f"The {what} in {tongue} is empty or longer than {longest} characters.")
            allowed = "" if what == "subject" else "\n\t"
            if any(unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} and sign not in allowed for sign in words):
                raise NoLetter(f"The {what} in {tongue} contains characters that cannot be sent, such as a line's end.")
    return Letter(site, when, dict(given["subject"]), dict(given["text"]), only)


def to_file(letter: Letter, signature: bytes) -> bytes:
    """Return the file that carries a letter and the office's signature over it."""
    said = {"letter": letter.to_bytes().decode(), "signature": signature.decode("ascii")}
    return json.dumps(said, ensure_ascii=False, indent=1).encode() + b"\n"


def verified(file: bytes, site: str, office_key: str) -> Letter:
    """Return the letter of a file, once the office's signature over it is proven.

    Args:
        file: as `to_file` returns it.
        site: the site's name.
        office_key: the office's approval key, “TYPE BASE64”.

    Raises:
        NoLetter: it is not the office's letter for this site.
    """
    if len(file) > LARGEST:
        raise NoLetter(f"The letter has {len(file)} bytes; at most {LARGEST} are allowed.")
    try:
        carried = json.loads(file)
        text, signature = carried["letter"].encode(), carried["signature"].encode("ascii")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise NoLetter("The file is no signed letter; the office makes one: azukari office letter FILE") from None
    try:
        proven = signed(text, signature, office_key, NAMESPACE)
    except CannotTell as error:
        raise NoLetter(str(error)) from error
    if not proven:
        raise NoLetter("The letter is not signed by the office's approval key.")
    try:
        said = json.loads(text)
        given = {what: said[what] for what in ("subject", "text")}
        letter = written(said["site"], said["written"], given, tuple(said["only"]))
        exact = letter.to_bytes() == text
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NoLetter(f"The office signed what is no letter ({type(error).__name__}).") from error
    if not exact:
        raise NoLetter("The office signed a letter that is not written in its one form.")
    if letter.site != site:
        raise NoLetter(f"The letter is one of the site {letter.site}, not of {site}.")
    return letter
