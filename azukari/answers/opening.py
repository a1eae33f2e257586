"""The office opens what visitors wrote: with its own keys, in memory, and without asking any server."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from azukari.answers.files import Fault, Value
from azukari.errors import InputError
from azukari.site.models import Collection
from reference_site.sealing import CannotSeal, CannotUnseal, Place, PrivateKey, key_id, sealed_for, unseal

Keys = Mapping[str, PrivateKey]


@dataclass
class Answer:
    """What one visitor wrote, as far as it could be opened.

    Attributes:
        row: its identifier.
        received: the day, by the database's word.
        items: what was given, by item, in the policy's order.
    """

    row: str
    received: str
    items: dict[str, str] = field(default_factory=dict)


def needed(found: Iterable[Value | Fault], folder: Path, form: str) -> list[Path]:
    """Return the files of the office's keys for which values say that they are sealed.

    Those of other keys are not opened, so that nobody is asked for a passphrase that is not needed.

    Raises:
        InputError: there is no key of the form's at all.
    """
    at_hand = {path.stem.removeprefix(f"{form}-"): path for path in sorted(folder.glob(f"{form}-*.pem"))}
    if not at_hand:
        raise InputError(
            f"There is no key {folder}/{form}-….pem on this machine; name the office's key with --key FILE."
        )
    wanted = {_said_key(one) for one in found if isinstance(one, Value)}
    return [path for identifier, path in at_hand.items() if identifier in wanted]


def load_keys(paths: Iterable[Path], ask: Callable[[Path], str] | None) -> dict[str, PrivateKey]:
    """Return private keys by their identifiers.

    Args:
        paths: PEM files.
        ask: returns the passphrase of an encrypted one; what opened an earlier one is tried first. None: nobody can be
            asked.

    Raises:
        InputError: a file cannot be read, is another kind of key, or does not open with its passphrase.
    """
    found: dict[str, PrivateKey] = {}
    known: list[bytes] = []
    for path in paths:
        key = _load(path, known, ask)
        wrong = InputError(f"{path} is no key that opens sealed values: P-256, or RSA of 3072 bits, is expected.")
        if not isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey):
            raise wrong
        try:
            found[key_id(key.public_key())] = key
        except CannotSeal:
            raise wrong from None
    return found


def _load(path: Path, known: list[bytes], ask: Callable[[Path], str] | None) -> object:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"The key {path} cannot be read: {error.strerror or error}.") from error
    try:
        return load_pem_private_key(data, password=None)
    except TypeError:  # cryptography's way to say that it is encrypted
        pass
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(f"{path} is no private key in PEM.") from None
    for passphrase in known:
        try:
            return load_pem_private_key(data, password=passphrase)
        except ValueError:
            continue
    if ask is None:
        raise InputError(f"The key {path} is encrypted, and there is nobody to ask for its passphrase.")
    given = ask(path).encode()
    try:
        key = load_pem_private_key(data, password=given)
    except (ValueError, TypeError):  # TypeError: an empty one
        raise InputError(f"The key {path} does not open with this passphrase.") from None
    known.append(given)
    return key


def opened(one: Value, form: str, keys: Keys) -> bytes:
    """Return what was sealed.

    Raises:
        CannotUnseal: says why it does not open here.
    """
    own = keys.get(sealed_for(one.sealed))
    if own is None:
        raise CannotUnseal(f"it is sealed for the key {sealed_for(one.sealed)}, which is not at hand")
    return unseal(one.sealed, Place(form, one.row, one.purpose), own)


def answers(found: Iterable[Value | Fault], collection: Collection, keys: Keys) -> Iterator[Answer | Fault]:
    """Open values and put those of one answer together, as they come one after the other; one answer at a time.

    Args:
        found: the values of a form, and what was wrong with the file.
        collection: the form's, of the policy.
        keys: the office's, by identifier.

    Returns:
        Each answer of which something opened, and a fault for everything that did not.
    """
    current: Answer | None = None
    for one in found:
        if isinstance(one, Fault):
            yield one
            continue
        if current is None or current.row != one.row:
            if current is not None and current.items:
                yield _in_order(current, collection)
            current = Answer(one.row, one.received)
        try:
            _add(current, one, collection, keys)
        except CannotUnseal as error:
            yield Fault(one.row, one.purpose, str(error).rstrip("."))
    if current is not None and current.items:
        yield _in_order(current, collection)


def _add(answer: Answer, one: Value, collection: Collection, keys: Keys) -> None:
    """Add what a value holds to its answer: what the policy declares for the purpose, and nothing else.

    Whoever took over the website could seal anything: sealing proves no sender.
    """
    if one.purpose not in collection.purposes:
        raise CannotUnseal(
            f"the policy declares no purpose “{one.purpose}” for {collection.name}, so it was not opened"
        )
    try:
        plain = json.loads(opened(one, collection.name, keys))
    except (ValueError, RecursionError):
        plain = None
    if not isinstance(plain, dict) or not all(isinstance(text, str) for text in plain.values()):
        raise CannotUnseal("it opens to something else than items")
    declared = {item.name for item in collection.items if one.purpose in item.purposes}
    for name in declared & set(plain):
        answer.items.setdefault(name, plain[name])
    if unknown := set(plain) - declared:  # not named: their names, too, are whoever's who sealed them
        raise CannotUnseal(f"{len(unknown)} of its items are not declared by the policy for this purpose, and left out")
    if other := [name for name in declared & set(plain) if answer.items[name] != plain[name]]:
        raise CannotUnseal(f"it says something else than another purpose's value of this answer: {', '.join(other)}")


def _in_order(answer: Answer, collection: Collection) -> Answer:
    items = {item.name: answer.items[item.name] for item in collection.items if item.name in answer.items}
    return Answer(answer.row, answer.received, items)


def _said_key(one: Value) -> str:
    try:
        return sealed_for(one.sealed)
    except CannotUnseal:
        return ""
