"""The office finds and corrects what one person sent: in memory, with its own keys, and without asking any server."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from azukari.answers.files import Change, Fault, Value
from azukari.answers.opening import Answer, Keys, answers, opened
from azukari.answers.resealing import digest
from azukari.errors import InputError
from azukari.site.models import Collection
from reference_site.forms import form
from reference_site.sealing import CannotUnseal, Place, PublicKey, seal


@dataclass(frozen=True)
class Found:
    """One answer that gives an address; `received` is the day."""

    row: str
    received: str


def address(text: str) -> tuple[str, str]:
    """Return local part and domain of an e-mail address as they are compared: in full, without case.

    Raises:
        InputError: it is no address; what it is instead is not repeated.
    """
    local, at, domain = text.strip().rpartition("@")
    if not (local and at and domain):
        raise InputError("What was given is no e-mail address; give it in full, such as somebody@example.jp.")
    return local.casefold(), domain.casefold()


def given_in(collection: Collection) -> list[str]:
    """Return the items of a form in which visitors give an e-mail address."""
    return [field.name for field in form(collection.model_dump(mode="json")).fields if field.kind == "email"]


def by_address(
    found: Iterable[Value | Fault], collection: Collection, keys: Keys, wanted: tuple[str, str]
) -> Iterator[Found | Fault]:
    """Return the answers that give an address, and a fault for whatever does not open: it may be one of them."""
    items = given_in(collection)
    for one in answers(found, collection, keys):
        if isinstance(one, Fault):
            yield one
        elif any(_same(one, item, wanted) for item in items):
            yield Found(one.row, one.received)


def _same(answer: Answer, item: str, wanted: tuple[str, str]) -> bool:
    local, at, domain = answer.items.get(item, "").strip().rpartition("@")
    return bool(at) and (local.casefold(), domain.casefold()) == wanted


def _must_fit(items: Mapping[str, str], collection: Collection) -> None:
    """Refuse what the form would not take."""
    allowed = {field.name: field for field in form(collection.model_dump(mode="json")).fields}
    for name, text in items.items():
        if name not in allowed:
            raise InputError(
                f"{collection.name} has no item “{name[:40]}”; it has {', '.join(allowed)}. Nothing was sealed."
            )
        if not isinstance(text, str):
            raise InputError(f"“{name}” is given as no text; write a text in quotes. Nothing was sealed.")
        if (allowed[name].required and not text) or (text and allowed[name].problem(text)):
            raise InputError(f"“{name}” cannot be what was given; the form would refuse it too. Nothing was sealed.")


def corrected(
    found: Iterable[Value | Fault],
    row: str,
    items: Mapping[str, str],
    collection: Collection,
    keys: Keys,
    key: PublicKey,
) -> list[Change]:
    """Return one answer's values with other items in them, sealed for the stated key at their own places.

    Args:
        found: the values of the form.
        row: the answer's identifier.
        items: what the items are from now on, by name; an empty text takes an item out.
        collection: the form's, of the policy.
        keys: the office's private keys.
        key: the stated one's public half.

    Raises:
        InputError: no such answer, an item that it cannot have, or a value of it does not open; nothing is sealed.
    """
    _must_fit(items, collection)
    own = [one for one in found if isinstance(one, Value) and one.row == row]
    changes, served = [], set()
    for one in own:
        try:
            before = json.loads(opened(one, collection.name, keys))
        except (CannotUnseal, ValueError) as error:
            raise InputError(f"{row}, {one.purpose} does not open, so it is not corrected: {error}") from error
        serves = {item.name for item in collection.items if one.purpose in item.purposes} & set(items)
        served |= serves
        after = {name: text for name, text in {**before, **{name: items[name] for name in serves}}.items() if text}
        if after != before:
            plain = json.dumps(after, ensure_ascii=False, sort_keys=True).encode()
            changes.append(
                Change(row, one.purpose, digest(one.sealed), seal(plain, Place(collection.name, row, one.purpose), key))
            )
    if not own:
        raise InputError(f"There is no answer {row} in this file.")
    if lacking := sorted(set(items) - served):
        raise InputError(
            f"The answer {row} has no value for a purpose of {', '.join(lacking)}, so nothing can be put there; the "
            "visitor sends it by the form. Nothing was sealed."
        )
    if not changes:
        raise InputError(f"The answer {row} says so already; nothing was sealed.")
    return changes
