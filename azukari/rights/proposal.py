"""What two people sign before anything is disclosed: what, to whom, by which exception of section 4.

The file is written to be read, in one form only, so that what was read is what was signed. It names the ledger's last
line: what was signed for one place in the ledger is worth nothing at another.
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import get_type_hints

from azukari.errors import InputError

NAMESPACE = "azukari-disclosure"
# Section 4: “except in cases of legal disclosure requests, cases of illegal access, threats and other unlawful acts or
# other special reasons”. There is no fourth.
GROUNDS = {
    "legal-request": "a legal disclosure request",
    "unlawful-act": "illegal access, threats or another unlawful act",
    "special-reason": "another special reason",
}
ROW = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONGEST = 1_000  # characters of a text
_MOST = 10_000  # records
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Proposal:
    """One disclosure that is proposed.

    Attributes:
        site: the site's name.
        made: the day, ISO 8601.
        ground: a key of `GROUNDS`.
        basis: the law, the article and the request's own number, or the reason.
        recipient: who receives it.
        what: what is handed over, without naming anybody.
        records: identifiers of answers that are handed over; none where it is something else.
        previous: the digest of the ledger's line after which it stands.
    """

    site: str
    made: str
    ground: str
    basis: str
    recipient: str
    what: str
    records: tuple[str, ...]
    previous: str

    def to_bytes(self) -> bytes:
        """Return the one form of the file, which is what is signed."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode() + b"\n"


def checked(one: Proposal) -> Proposal:
    """Return a proposal that can be read and means what it says.

    Raises:
        InputError: says what is wrong.
    """
    if one.ground not in GROUNDS:
        raise InputError(f"“{one.ground}” is no exception of section 4; there are {', '.join(GROUNDS)}; name one.")
    for name, text in (("basis", one.basis), ("recipient", one.recipient), ("what", one.what)):
        if not text.strip() or len(text) > _LONGEST or _CONTROL.search(text):
            raise InputError(
                f"“{name}” is a line of 1 to {_LONGEST} characters without control characters; correct it."
            )
    for row in one.records:
        if not ROW.fullmatch(row):
            raise InputError(
                f"“{row[:60]}” is no identifier of an answer; `azukari office read` shows them; correct it."
            )
    if len(set(one.records)) < len(one.records) or len(one.records) > _MOST:
        raise InputError(f"Each record is named once, and at most {_MOST} in one disclosure; correct them.")
    return one


def parse(data: bytes, where: str) -> Proposal:
    """Return the proposal in a file.

    Args:
        data: the file's bytes.
        where: how to name the file in an error.

    Raises:
        InputError: it is none, or not in the form in which `azukari disclosure propose` writes it.
    """
    wrong = InputError(f"{where} is no proposal as `azukari disclosure propose` writes it; propose anew.")
    try:
        said = json.loads(data)
        one = Proposal(**{**said, "records": tuple(said["records"])})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise wrong from None
    texts = [getattr(one, name) for name, kind in get_type_hints(Proposal).items() if kind is str]
    if not all(type(text) is str for text in (*texts, *one.records)) or one.to_bytes() != data:
        raise wrong
    if not re.fullmatch(r"[0-9a-f]{64}", one.previous) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", one.made):
        raise wrong
    return checked(one)
