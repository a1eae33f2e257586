"""Values sealed for an earlier key of the office's become values for the one that it states now, at the same place.

The office does it, in memory; the contractor judges what it can before it puts them back.
"""

import hashlib
from collections.abc import Iterable, Iterator

from azukari.answers.files import Change, Fault, Value
from azukari.answers.opening import Keys, opened
from azukari.errors import InputError
from azukari.people.sealing_keys import FOLDER
from azukari.site import Site
from azukari.site.keys import public_key
from reference_site.recipients import KeyStatement, NoRecipient, recipient
from reference_site.sealing import CannotUnseal, Place, PublicKey, key_id, seal, sealed_at, sealed_for


def stated(site: Site, form: str) -> KeyStatement:
    """Return the office's statement that holds today for a form.

    Raises:
        InputError: there is none.
    """
    office = public_key(site.path, site.contract.office.key)
    try:
        return recipient(site.path / FOLDER, site.name, form, "office", office, site.today())
    except NoRecipient as error:
        raise InputError(f"Nothing can be sealed anew: {error}") from error


def resealed(found: Iterable[Value | Fault], form: str, keys: Keys, key: PublicKey) -> Iterator[Change | Fault]:
    """Seal anew what is sealed for another key than the one that is stated.

    Args:
        found: the values of a form, and what was wrong with their file.
        form: the form.
        keys: the office's private keys, by identifier.
        key: the stated one's public half.

    Returns:
        Each value that was sealed anew, and a fault for each that does not open; none for those of the stated key.
    """
    current = key_id(key)
    for one in found:
        if isinstance(one, Fault):
            yield one
            continue
        try:
            if sealed_for(one.sealed) == current:
                continue
            plain = opened(one, form, keys)
        except CannotUnseal as error:
            yield Fault(one.row, one.purpose, str(error).rstrip("."))
            continue
        yield Change(one.row, one.purpose, digest(one.sealed), seal(plain, Place(form, one.row, one.purpose), key))


def digest(sealed: str) -> str:
    """Return the SHA-256 of a sealed value, in hexadecimal, by which it is recognised where it is kept."""
    return hashlib.sha256(sealed.encode()).hexdigest()


def judged(changes: Iterable[Change], form: str, key: str) -> Iterator[Change]:
    """Return the changes as they come, as long as each says that it is sealed for a key, at its own place.

    Args:
        changes: what the office sealed anew.
        form: the form.
        key: the stated key's identifier.

    Raises:
        InputError: one is not; nothing may be changed then.
    """
    for one in changes:
        try:
            said_key, said_place = sealed_for(one.sealed), sealed_at(one.sealed)
        except CannotUnseal as error:
            raise InputError(f"{one.row}, {one.purpose}: {error} Nothing was changed.") from None
        if said_key != key:
            raise InputError(
                f"{one.row}, {one.purpose} is sealed for the key {said_key}; the office states {key}. "
                "Nothing was changed."
            )
        if said_place != f"{form}/{one.row}/{one.purpose}":
            raise InputError(f"{one.row}, {one.purpose} is sealed for the place {said_place}. Nothing was changed.")
        yield one
