"""Turns what a model refuses into sentences: what was found; what is allowed; what to do."""

import copy
import datetime
import types
import typing
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from azukari.site.yaml_lines import Document, Where

Model = TypeVar("Model", bound=BaseModel)


def validate(document: Document, model: type[Model]) -> Model | None:
    """Make a model of a document's value; what it refuses is added to the document's problems.

    Entries of lists that are refused are left out of the returned model, so that the rest can still be looked at.

    Returns:
        The model, or None when it was refused as a whole.
    """
    if document.problems:
        return None
    if not isinstance(document.value, dict):
        keys = ", ".join(_keys(model))
        message = f"is {kind(document.value)}; allowed is a mapping with the key {keys}; begin with “{keys}:”."
        document.add((), message)
        return None
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        refused = error.errors(include_url=False)
    for details in refused:
        if details["type"] == "too_short" and details["input"]:
            continue  # only because its entries were refused, each with a problem of its own
        where = tuple(part for part in details["loc"] if part != "[key]")
        document.add(where, _sentence(model, details, where))
    rest = _without(document, [details["loc"] for details in refused])
    if rest is None:
        return None
    try:
        return model.model_validate(rest)
    except ValidationError:  # the rest alone is not lawful, for example an empty list
        document.kept.clear()
        return None


def kind(value: Any) -> str:
    """Describe a value as a user sees it."""
    if isinstance(value, str):
        return f"the text “{value if len(value) <= 60 else value[:57] + '…'}”"
    if isinstance(value, bool):
        return f"the truth value {'true' if value else 'false'}"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, datetime.date):
        return f"the date {value}"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "empty" if value is None else "a mapping"


def _without(document: Document, refused: list[tuple[int | str, ...]]) -> Any:
    """Return a copy of the value without the refused entries of lists; None when something else was refused."""
    lists: dict[Where, set[int]] = {}
    for where in refused:
        at = next((index for index, part in enumerate(where) if isinstance(part, int)), None)
        if at is None:
            return None
        lists.setdefault(where[:at], set()).add(typing.cast("int", where[at]))
    rest = copy.deepcopy(document.value)
    for where, numbers in lists.items():
        entries = rest
        for part in where:
            entries = entries[part]
        document.kept[where] = [number for number in range(len(entries)) if number not in numbers]
        entries[:] = [entry for number, entry in enumerate(entries) if number not in numbers]
    return rest


def _sentence(root: type[BaseModel], details: ErrorDetails, where: Where) -> str:
    problem = details["type"]
    owner, allowed = _locate(root, where)
    if problem == "missing":
        words = f"; allowed is {allowed}" if allowed else ""
        return f"“{where[-1]}” is missing in {_name(where[:-1])}{words}; add it."
    if problem == "extra_forbidden":
        keys = ", ".join(_keys(owner)) if owner else ""
        return f"“{where[-1]}” is no key of {_name(where[:-1])}; allowed are {keys}; correct or remove it."
    if problem == "value_error" and "; " in details["msg"]:  # a model's own sentence
        return details["msg"].removeprefix("Value error, ")
    if "[key]" in details["loc"]:
        return f"the key “{where[-1]}” does not fit; allowed are small letters, digits and _; correct it."
    return f"{_name(where)} is {kind(details['input'])}; allowed is {allowed or _by_type(details)}; correct it."


def _by_type(details: ErrorDetails) -> str:
    return {
        "model_type": "a mapping",
        "dict_type": "a mapping",
        "tuple_type": "a list",
        "too_short": "a list with at least one entry",
        "string_type": "text",
    }.get(details["type"], details["msg"][0].lower() + details["msg"][1:])


def _name(where: Where) -> str:
    words = [part for part in where if isinstance(part, str)]
    name = f"“{words[-1]}”" if words else "this file"
    last = where[-1] if where else None
    return f"entry {last + 1} of {name}" if isinstance(last, int) else name


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _locate(root: type[BaseModel], where: Where) -> tuple[type[BaseModel] | None, str]:
    """Find the model that owns the last part of `where`, and the words for what is allowed there, if any."""
    owner: type[BaseModel] | None = None
    annotation: Any = root
    allowed = ""
    for part in where:
        model = _model(annotation)
        if isinstance(part, int) or model is None:
            # One entry of a list or mapping: its own type says what is allowed.
            inner = [argument for argument in typing.get_args(_bare(annotation)) if argument is not Ellipsis]
            annotation = inner[-1] if inner else Any
            owner, allowed = _model(annotation), _description(annotation)
            continue
        owner = model
        field = next((field for name, field in model.model_fields.items() if part in (field.alias, name)), None)
        annotation = field.annotation if field else Any
        allowed = (field.description if field else None) or _description(annotation)
    return owner, allowed


def _bare(annotation: Any) -> Any:
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return _bare(next(argument for argument in typing.get_args(annotation) if argument is not type(None)))
    return annotation


def _model(annotation: Any) -> type[BaseModel] | None:
    bare = _bare(annotation)
    return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None


def _description(annotation: Any) -> str:
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return next(filter(None, map(_description, typing.get_args(annotation))), "")
    if typing.get_origin(annotation) is not typing.Annotated:
        return ""
    return next((m.description for m in annotation.__metadata__ if isinstance(m, FieldInfo) and m.description), "")
