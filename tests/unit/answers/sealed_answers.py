"""Answers, sealed for an office as the website does it, and files of them."""

import json
import uuid
from datetime import date
from pathlib import Path

from azukari.answers import files
from azukari.answers.files import Header, Value
from azukari.site import Site
from reference_site.forms import form
from reference_site.intake import _by_purpose
from reference_site.sealing import Place, PublicKey, seal

FORM = "contact"
# Signs that do something to a terminal, or to the order in which it shows others.
CONTROLS = "\x00\x07\x08\x0d\x1b\x7f\x85\x9b\u200e\u200f\u061c\u2028\u2029\u202e\u2066\u2069"
WHOLE = {
    "comments": "道路の件です。\nSecond line",
    "heading": "道路",
    "email": "visitor@example.jp",
    "gender": "female",
    "country": "日本",
}


def collection(site: Site):
    (found,) = (one for one in site.policy.collections if one.name == FORM)
    return found


def sealed_answer(site: Site, key: PublicKey, answer: dict[str, str], row: str = "", day: str = "") -> list[Value]:
    """Return an answer as the website seals it and the database keeps it, in the order in which it is fetched."""
    row = row or str(uuid.uuid4())
    by_purpose = _by_purpose(form(collection(site).model_dump(mode="json")), answer, "ja")
    return [
        Value(row, purpose, day or date(2026, 4, 1).isoformat(), seal(plain, Place(FORM, row, purpose), key))
        for purpose, plain in sorted(by_purpose.items())
    ]


def written(path: Path, site: Site, sealed: list[Value], promised: int | None = None) -> Path:
    """Write a file of answers as `site answers` does; with `promised`, one that says another number of values."""
    count = len(sealed) if promised is None else promised
    answers = len({one.row for one in sealed})
    header = Header("answers", site.name, FORM, "2026-04-02T00:00:00+00:00", answers=answers, values=count)
    files.write_new(path, [files.header_line(header), *map(files.value_line, sealed)])
    return path


def a_value(plain: object, row: str, purpose: str, key: PublicKey) -> Value:
    """Return a value that whoever has the public key could have sealed."""
    text = plain if isinstance(plain, bytes) else json.dumps(plain).encode()
    return Value(row, purpose, "2026-04-01", seal(text, Place(FORM, row, purpose), key))
