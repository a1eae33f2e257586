"""The website's forms as the policy declares them, and what they accept: the declared items, and nothing else."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "paragraphs", "email", "choice"]
Problem = Literal["missing", "twice", "unknown", "too_long", "not_text", "one_line", "not_an_address", "not_a_choice"]
Tongue = Literal["ja", "en"]

LONGEST_NAME = 64  # characters of a field's name that are worth repeating to the sender
_LONGEST: dict[Kind, int] = {"text": 200, "paragraphs": 10_000, "email": 254, "choice": 64}  # 254: RFC 5321, 4.5.3.1.3
_LOST = "\ufffd"  # stands where bytes were that are not UTF-8
# What browsers take for an address: https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address
ADDRESS = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
    r"@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+"
)
# The only kinds that an item's name decides; an item with choices is a choice, any other a line of text.
_KINDS: dict[str, Kind] = {"email": "email", "comments": "paragraphs"}


@dataclass(frozen=True)
class Choice:
    """One answer of a field that offers some."""

    name: str
    title: Mapping[Tongue, str]


@dataclass(frozen=True)
class Field:
    """One field of a form: an item of the policy.

    Attributes:
        name: the item's.
        title: in both languages.
        required: whether a form without it is refused.
        kind: what is accepted in it.
        choices: of a choice, those that are offered.
        purposes: what it may be opened for, as the policy declares.
    """

    name: str
    title: Mapping[Tongue, str]
    required: bool
    kind: Kind
    choices: tuple[Choice, ...] = ()
    purposes: tuple[str, ...] = ()

    @property
    def longest(self) -> int:
        """The most characters that are accepted."""
        return _LONGEST[self.kind]

    def problem(self, value: str) -> Problem | None:
        """Return what is wrong with a value that was given; None when nothing is."""
        if len(value) > self.longest:
            return "too_long"
        if any(unicodedata.category(sign) in {"Cc", "Cs"} and sign not in "\n\t" for sign in value) or _LOST in value:
            return "not_text"
        if self.kind != "paragraphs" and len(value.splitlines()) > 1:  # so that no header can be written into a mail
            return "one_line"
        if self.kind == "email" and ADDRESS.fullmatch(value) is None:
            return "not_an_address"
        if self.kind == "choice" and value not in {choice.name for choice in self.choices}:
            return "not_a_choice"
        return None


class Refused(Exception):
    """A form that was not accepted.

    Args:
        problems: (name of the field, what is wrong), in the form's order; an unknown name is cut.
    """

    def __init__(self, problems: tuple[tuple[str, Problem], ...]) -> None:
        super().__init__(problems)
        self.problems = problems


@dataclass(frozen=True)
class Form:
    """One form: a collection of the policy.

    Attributes:
        name: the collection's.
        title: in both languages.
        fields: in the policy's order.
    """

    name: str
    title: Mapping[Tongue, str]
    fields: tuple[Field, ...]

    def accept(self, sent: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Return what a visitor has given, by item; what was left empty is not there.

        Args:
            sent: names and values as the browser sent them, without what belongs to the page (the token).

        Raises:
            Refused: names every field that cannot be taken, so that the visitor corrects all at once.
        """
        given: dict[str, list[str]] = {}
        for name, value in sent:
            given.setdefault(name, []).append(_plain(value))
        known = {field.name for field in self.fields}
        problems: list[tuple[str, Problem]] = []
        accepted: dict[str, str] = {}
        for field in self.fields:
            values = given.get(field.name, [""])
            value = values[0]
            wrong = "twice" if len(values) > 1 else field.problem(value) if value else _absent(field)
            if wrong is not None:
                problems.append((field.name, wrong))
            elif value:
                accepted[field.name] = value
        problems += [(name[:LONGEST_NAME], "unknown") for name in given if name not in known]
        if problems:
            raise Refused(tuple(problems))
        return accepted


def form(collection: Mapping[str, Any]) -> Form:
    """Return the form for a collection, as policy.yml declares it.

    Args:
        collection: an entry of the policy's `collections`.
    """
    fields = tuple(_field(item) for item in collection["items"])
    return Form(collection["name"], collection["title"], fields)


def _field(item: Mapping[str, Any]) -> Field:
    choices = tuple(Choice(each["name"], each["title"]) for each in item.get("choices") or ())
    kind = "choice" if choices else _KINDS.get(item["name"], "text")
    purposes = tuple(item.get("purposes") or ())
    return Field(item["name"], item["title"], item["required"], kind, choices, purposes)


def _absent(field: Field) -> Problem | None:
    return "missing" if field.required else None


def _plain(value: str) -> str:
    """Return a value as it is judged and kept: lines ended by LF, no blanks around it.

    Never normalised: Unicode's normal forms replace signs that names are written with (U+FA19, 神, by U+795E).
    """
    return value.replace("\r\n", "\n").replace("\r", "\n").strip()
