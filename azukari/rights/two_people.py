"""Whose signatures a text bears: two different people's of the office's own, declared, current, over this very text."""

import datetime
from collections.abc import Mapping, Sequence

from azukari.errors import InputError
from azukari.site import Discloser, Site, fingerprint, sshsig

NEEDED = 2


def own_key(site: Site, name: str, key: str) -> Discloser:
    """Return the person that a name means, where a key is that person's.

    Args:
        site: the site.
        name: one of the contract's `disclosers`.
        key: “TYPE BASE64”.

    Raises:
        InputError: nobody of that name may sign disclosures, or the key is not that person's.
    """
    person = next((one for one in site.contract.disclosers if one.name == name), None)
    if person is None:
        known = ", ".join(one.name for one in site.contract.disclosers) or "nobody yet"
        raise InputError(
            f"“{name}” may sign no disclosure: contract.yml declares as disclosers {known}; nothing was done."
        )
    if key not in site.person_keys(person):
        raise InputError(
            f"The key {fingerprint(key)} is none of {name}'s in contract.yml, but {_owner(site, key)}; nothing was "
            "done."
        )
    return person


def signers(
    site: Site, text: bytes, namespace: str, signatures: Mapping[str, bytes], day: datetime.date
) -> Sequence[str]:
    """Return the names of those whose signatures a text bears, where two different people have signed it.

    Args:
        site: the site, whose contract declares them.
        text: what was signed.
        namespace: what the signatures are for.
        signatures: in OpenSSH's armour, by the name of their place.
        day: on which they must be current, in the site's time zone.

    Raises:
        InputError: one signature is not as it must be, or fewer than two people signed; says which, and why.
    """
    owners = {key: one for one in site.contract.disclosers for key in site.person_keys(one)}
    found: dict[str, str] = {}
    for where, signature in signatures.items():
        try:
            key = sshsig.signer(signature)
        except ValueError:
            raise InputError(f"{where} is no SSH signature; sign again with `azukari disclosure sign`.") from None
        person = owners.get(key)
        if person is None:
            raise InputError(
                f"{where} is made with the key {fingerprint(key)}, which is {_owner(site, key)}; it counts for nothing."
            )
        if not sshsig.verifies(text, namespace, signature, key):
            raise InputError(
                f"{where} is {person.name}'s signature, but not over this proposal: it was changed after it was "
                "signed, or another one was; sign it anew."
            )
        if not person.current(day):
            raise InputError(
                f"{where} is the signature of {person.name}, who may sign from {person.since} to {person.until} and "
                f"not on {day}; have somebody else sign."
            )
        if (first := found.setdefault(person.name, where)) != where:
            raise InputError(f"{where} and {first} are both {person.name}'s; a second person has to sign.")
    if len(found) < NEEDED:
        who = f"{next(iter(found))} alone" if found else "nobody"
        raise InputError(f"It is signed by {who}; a disclosure needs the signatures of two different people.")
    return sorted(found)


def _owner(site: Site, key: str) -> str:
    """Say whose a key is, of all whom the contract declares."""
    for one in (*site.contract.disclosers, *site.contract.people):
        if key in site.person_keys(one):
            return f"a key of {one.name}" + ("" if one in site.contract.disclosers else ", who may sign no disclosure")
    return "nobody's"
