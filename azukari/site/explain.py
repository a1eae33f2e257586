"""Turns what a model refuses into sentences: what was found; what is allowed; what to do."""

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
    """Make a model of a document's value; what it refuses is added to the document's problems."""
    if document.problems:
        return None
    if not isinstance(document.value, dict):
        keys = ", ".join(_keys(model))
        document.add((), f"is {kind(document.value)}; allowed is a mapping with the key {keys}; begin with “{keys}:”.")
        return None
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            where = tuple(part for part in details["loc"] if part != "[key]")
            document.add(where, _sentence(model, details, where))
    return None


def kind(value: Any) -> str:
    """Describe a value as a user sees it."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"the truth value {'true' if value else 'false'}"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        shown = value if len(value) <= 60 else value[:57] + "…"
        return f"the text “{shown}”"
    if isinstance(value, datetime.date):
        return f"the date {value}"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "a mapping"


def _sentence(root: type[BaseModel], details: ErrorDetails, where: Where) -> str:
    name = _name(where)
    problem = details["type"]
    if problem == "missing":
        owner, field = _locate(root, where)
        allowed = f"; allowed is {field}" if (field := _allowed(field)) else ""
        return f"“{where[-1]}” is missing in {_title(owner, where[:-1])}{allowed}; add it."
    if problem == "extra_forbidden":
        owner, _ = _locate(root, where)
        keys = ", ".join(_keys(owner)) if owner else ""
        return f"“{where[-1]}” is no key of {_title(owner, where[:-1])}; allowed are {keys}; correct or remove it."
    if problem == "value_error" and "; " in details["msg"]:  # a whole mapping's own sentence
        return details["msg"].removeprefix("Value error, ")
    if "[key]" in details["loc"]:
        return (
            f"the key “{where[-1]}” does not fit; allowed is a short name of small letters, digits and _; correct it."
        )
    _, found = _locate(root, where)
    return f"{name} is {kind(details['input'])}; allowed is {_allowed(found) or _by_type(details)}; correct it."


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
    number = where[-1] if where and isinstance(where[-1], int) else None
    name = f"“{words[-1]}”" if words else "the file"
    return name if number is None else f"entry {number + 1} of {name}"


def _title(owner: type[BaseModel] | None, where: Where) -> str:
    return f"{_name(where)}" if where else "this file"


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _allowed(field: FieldInfo | str | None) -> str:
    if isinstance(field, FieldInfo):
        return field.description or ""
    return field or ""


def _locate(root: type[BaseModel], where: Where) -> tuple[type[BaseModel] | None, FieldInfo | str | None]:
    """Find the model that owns the last part of `where`, and the field or the words for what is allowed there."""
    owner: type[BaseModel] | None = None
    annotation: Any = root
    found: FieldInfo | str | None = None
    for part in where:
        model = _model(annotation)
        if isinstance(part, int) or model is None:
            # One entry of a list or dictionary: its own type says what is allowed.
            inner = [argument for argument in typing.get_args(_bare(annotation)) if argument is not Ellipsis]
            annotation = inner[-1] if inner else Any
            owner, found = _model(annotation), _description(annotation)
            continue
        owner = model
        found = next((f for name, f in model.model_fields.items() if part in (f.alias, name)), None)
        annotation = found.annotation if isinstance(found, FieldInfo) else Any
    return owner, found


def _bare(annotation: Any) -> Any:
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return next(argument for argument in typing.get_args(annotation) if argument is not type(None))
    return annotation


def _model(annotation: Any) -> type[BaseModel] | None:
    bare = _bare(annotation)
    return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None


def _description(annotation: Any) -> str:
    if typing.get_origin(annotation) is not typing.Annotated:
        return ""
    return next((m.description for m in annotation.__metadata__ if isinstance(m, FieldInfo) and m.description), "")
