"""The files of sealed values that go between contractor and office: JSON Lines, which the office alone opens.

Each begins with a header. One of answers says there how many values follow; one of values that were sealed anew ends
with a line that does. So a file that lost its end is known.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from azukari.errors import InputError
from reference_site.sealing import LONGEST

Kind = Literal["answers", "resealed"]
SCHEMA = 1
_LONGEST_LINE = LONGEST + 1_000  # bytes; a sealed value, and what is said of it
_ROW = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PURPOSE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SEALED = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){4}")  # as the database's own rule has it
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Header:
    """What a file says of itself.

    Attributes:
        kind: what is in it.
        site, form: whose values.
        made: when, in ISO 8601.
        since: of answers: the first day received that was asked for.
        key: of values sealed anew: the identifier of the key that they are sealed for now.
        answers, values: of answers: how many follow.
    """

    kind: Kind
    site: str
    form: str
    made: str
    since: str | None = None
    key: str | None = None
    answers: int | None = None
    values: int | None = None


@dataclass(frozen=True)
class Value:
    """A sealed value as it is kept; `received` is the day, by the database's word."""

    row: str
    purpose: str
    received: str
    sealed: str


@dataclass(frozen=True)
class Change:
    """A value that was sealed anew; `old` is the SHA-256, in hexadecimal, of the sealed value that it replaces."""

    row: str
    purpose: str
    old: str
    sealed: str


@dataclass(frozen=True)
class Fault:
    """What could not be read, and why; `row` is empty where the file itself is meant."""

    row: str
    purpose: str
    reason: str


def value(line: str) -> Value:
    """Return the value that a line holds.

    Raises:
        ValueError: the line is none; its text says nothing of what the line holds.
    """
    found = Value(*_members(line, ("id", "purpose", "received", "sealed")))
    _fits(_ROW, found.row, "identifier")
    _fits(_PURPOSE, found.purpose, "purpose")
    _fits(_SEALED, found.sealed, "sealed value")
    try:
        date.fromisoformat(found.received)
    except ValueError:
        raise ValueError("its day is none") from None
    return found


def parse_change(line: str) -> Change:
    """Return the value sealed anew that a line holds; raises as `value`."""
    found = Change(*_members(line, ("id", "purpose", "old", "sealed")))
    for pattern, text, what in (
        (_ROW, found.row, "identifier"),
        (_PURPOSE, found.purpose, "purpose"),
        (_DIGEST, found.old, "digest"),
        (_SEALED, found.sealed, "sealed value"),
    ):
        _fits(pattern, text, what)
    return found


def value_line(one: Value) -> str:
    """Return the line of a value."""
    return _line({"id": one.row, "purpose": one.purpose, "received": one.received, "sealed": one.sealed})


def change_line(one: Change) -> str:
    """Return the line of a value that was sealed anew."""
    return _line({"id": one.row, "purpose": one.purpose, "old": one.old, "sealed": one.sealed})


def header_line(header: Header) -> str:
    """Return the first line of a file."""
    return _line({"schema": SCHEMA} | {name: said for name, said in asdict(header).items() if said is not None})


def end_line(values: int) -> str:
    """Return the last line of a file of values that were sealed anew."""
    return _line({"values": values})


def header(path: Path, kind: Kind) -> Header:
    """Return what a file says of itself.

    Raises:
        InputError: it cannot be read, or is no file of this kind.
    """
    first = next(_lines(path), None)
    made_by = {"answers": "azukari site answers", "resealed": "azukari office reseal"}[kind]
    wrong = InputError(f"{path} is no file of {kind}; what `{made_by}` writes is expected.")
    try:
        said = json.loads(first or "")
        if said.pop("schema") != SCHEMA or said["kind"] != kind:
            raise wrong
        found = Header(**said)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise wrong from None
    words = (found.site, found.form, found.made, found.key if kind == "resealed" else "")
    numbers = (found.answers, found.values) if kind == "answers" else ()
    if not all(type(one) is str for one in words) or not all(type(one) is int for one in numbers):
        raise wrong
    return found


def values(path: Path) -> Iterator[Value | Fault]:
    """Return the values of a file of answers, and a fault for whatever in it is none, or is there twice.

    Raises:
        InputError: it is no file of answers.
    """
    promised = header(path, "answers").values
    seen: set[tuple[str, str]] = set()
    count = 0
    for number, line in enumerate(_lines(path), 1):
        if number == 1:
            continue
        count += 1
        try:
            one = value(line)
        except ValueError as error:
            yield Fault("", "", f"line {number} of {path} is no sealed value: {error}")
            continue
        if (one.row, one.purpose) in seen:
            yield Fault(one.row, one.purpose, f"it is in {path} more than once; line {number} is left out")
            continue
        seen.add((one.row, one.purpose))
        yield one
    if count != promised:
        yield Fault("", "", f"{path} promises {promised} values and holds {count}: it was cut off, or changed")


def changes(path: Path) -> Iterator[Change]:
    """Return the values of a file of values that were sealed anew.

    Raises:
        InputError: it is no such file, or anything in it is not as `azukari office reseal` writes it.
    """
    header(path, "resealed")
    seen: set[tuple[str, str]] = set()
    ended: int | None = None
    for number, line in enumerate(_lines(path), 1):
        if number == 1:
            continue
        if ended is not None:
            raise InputError(f"{path} goes on after its end, at line {number}; nothing was changed.")
        try:
            ended = _end(line)
            if ended is not None:
                continue
            one = parse_change(line)
        except ValueError as error:
            raise InputError(
                f"Line {number} of {path} is no value sealed anew: {error}; nothing was changed."
            ) from None
        if (one.row, one.purpose) in seen:
            raise InputError(f"{one.row}, {one.purpose} is in {path} more than once; nothing was changed.")
        seen.add((one.row, one.purpose))
        yield one
    if ended != len(seen):
        raise InputError(f"{path} was cut off or changed: its end does not fit; nothing was changed.")


def write_new(path: Path, lines: Iterable[str]) -> None:
    """Put a file that only its owner may read in place at once; one that is there already stays.

    Raises:
        InputError: there is such a file, or no such folder.
    """
    must_be_new(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            for line in lines:
                file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)  # unlike renaming, never over another file
        except FileExistsError:
            must_be_new(path)
            raise
    finally:
        Path(name).unlink(missing_ok=True)


def must_be_new(path: Path) -> None:
    """Refuse the name of a file that is there, or for which there is no folder.

    Raises:
        InputError: says which.
    """
    if os.path.lexists(path):
        raise InputError(f"{path} is there already and is never written over; name a new file.")
    if not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: there is no such folder.")


def _end(line: str) -> int | None:
    """Return the number of values that the last line promises; None where the line is another."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):  # no end, and no value either: that is said in our own words
        return None
    is_end = isinstance(said, dict) and set(said) == {"values"} and type(said["values"]) is int
    return int(said["values"]) if is_end else None


def _members(line: str, names: tuple[str, ...]) -> list[str]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("it is not whole JSON") from None
    if not isinstance(said, dict) or set(said) != set(names) or not all(isinstance(said[name], str) for name in names):
        raise ValueError(f"{', '.join(names)} are expected")
    return [said[name] for name in names]


def _fits(pattern: re.Pattern[str], text: str, what: str) -> None:
    if pattern.fullmatch(text) is None:
        raise ValueError(f"its {what} is none")


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document)  # ASCII


def _lines(path: Path) -> Iterator[str]:
    """Return a file's lines; a line that is too long is cut, so that it is no JSON."""
    try:
        with path.open("rb") as file:
            while line := file.readline(_LONGEST_LINE):
                yield line.decode("utf-8", "replace")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
