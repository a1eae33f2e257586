"""The policy: what it names is declared, and declared once."""

from collections.abc import Iterable

from azukari.site.fields import DUTIES
from azukari.site.models import Collection, Item, Policy
from azukari.site.parts import POLICY, Parts
from azukari.site.yaml_lines import Where
from reference_site.answers import MAIL_SERVICE, PATHS

_NO_ITEMS = ("token", "notice", "main")
_READERS = ("office", *DUTIES)
# What the website collects: by itself, and by its forms, which are sealed for the office and for the mail tier.
_COLLECTIONS = ("access", *PATHS)
_OPENED_BY = {"contact": ("office",), MAIL_SERVICE: ()}
# Where the website has something else already: pages, and what lies below.
_HOMES = ("/", "/en/")
_BELOW = ("/error/", "/assets/", *(path for paths in PATHS.values() for path in paths.values()))


def apply(parts: Parts, policy: Policy) -> None:
    """Apply the rules about the policy."""
    purposes = set(policy.purposes)
    _once(parts, "collection", ("policy", "collections"), (collection.name for collection in policy.collections))
    _once(parts, "dropped information", ("policy", "dropped"), (one.name for one in policy.dropped))
    _once(parts, "cookie", ("policy", "cookies"), (cookie.name for cookie in policy.cookies))
    for index, collection in enumerate(policy.collections):
        where: Where = ("policy", "collections", index)
        _collection(parts, where, collection, purposes)
    for lang, path in (("ja", policy.url.ja), ("en", policy.url.en)):
        if path in _HOMES or path.startswith(_BELOW) or (lang == "en" and path == policy.url.ja):
            message = f"the path “{path}” is another page's already; allowed is any other; choose one for the policy."
            parts.add(POLICY, ("policy", "url", lang), message)
    for index, cookie in enumerate(policy.cookies):
        _purpose(parts, ("policy", "cookies", index, "purpose"), cookie.purpose, purposes)
    _unused(parts, policy, purposes)


def _collection(parts: Parts, where: Where, collection: Collection, purposes: set[str]) -> None:
    _once(parts, f"item of “{collection.name}”", (*where, "items"), (item.name for item in collection.items))
    for number, item in enumerate(collection.items):
        if item.name in _NO_ITEMS:
            message = f"the item “{item.name}” has a name that the forms' pages need; allowed is any other; rename it."
            parts.add(POLICY, (*where, "items", number, "name"), message)
        at: Where = (*where, "items", number, "choices")
        _once(parts, f"choice of “{item.name}”", at, (choice.name for choice in item.choices))
        _purposes_of(parts, (*where, "items", number, "purposes"), collection, item, purposes)
    if collection.name not in _COLLECTIONS:
        message = (
            f"the website has no place for the collection “{collection.name}”; there are {', '.join(_COLLECTIONS)}; "
            "correct the name."
        )
        parts.add(POLICY, (*where, "name"), message)
    for number, reader in enumerate(collection.readers):
        allowed = _OPENED_BY.get(collection.name, _READERS)
        if reader not in allowed:
            known = f"allowed are {', '.join(allowed)}; correct it" if allowed else "nobody reads it; remove it"
            unknown = "is unknown" if reader not in _READERS else f"cannot open what is kept of {collection.name}"
            parts.add(POLICY, (*where, "readers", number), f"the reader “{reader}” {unknown}; {known}.")
    _mailing(parts, where, collection)
    if parts.declared.names and collection.store not in parts.declared.names:
        message = (
            f"the store “{collection.store}” is no host or group of this site; there are {parts.known()}; correct it."
        )
        parts.add(POLICY, (*where, "store"), message)


def _mailing(parts: Parts, where: Where, collection: Collection) -> None:
    if collection.name != MAIL_SERVICE:
        if collection.retention.until is not None:
            message = (
                f"nobody can unsubscribe from “{collection.name}”, so it would be kept for ever; allowed is a number "
                "of days; write days: instead of until:."
            )
            parts.add(POLICY, (*where, "retention"), message)
        return
    email = next((number for number, item in enumerate(collection.items) if item.name == "email"), None)
    if email is None or not collection.items[email].required:
        at: Where = (*where, "items") if email is None else (*where, "items", email, "required")
        message = (
            f"letters of “{collection.name}” need an address; the item “email” is there and required; write it so."
        )
        parts.add(POLICY, at, message)


def _purposes_of(parts: Parts, where: Where, collection: Collection, item: Item, purposes: set[str]) -> None:
    for number, purpose in enumerate(item.purposes):
        _purpose(parts, (*where, number), purpose, purposes)
        if purpose in item.purposes[:number]:
            message = (
                f"the purpose “{purpose}” of the item “{item.name}” of “{collection.name}” stands here twice; "
                "once is enough; remove one."
            )
            parts.add(POLICY, (*where, number), message)


def _purpose(parts: Parts, where: Where, purpose: str, purposes: set[str]) -> None:
    if purpose not in purposes:
        message = f"the purpose “{purpose}” is not declared; declared are {', '.join(sorted(purposes))}; correct it."
        parts.add(POLICY, where, message)


def _unused(parts: Parts, policy: Policy, purposes: set[str]) -> None:
    used = {purpose for collection in policy.collections for purpose in collection.purposes}
    used |= {cookie.purpose for cookie in policy.cookies}
    if parts.documents[POLICY].kept or not used <= purposes:
        return  # a refused entry, or a purpose that is told as unknown, may have meant the one that seems unused
    for purpose in sorted(purposes - used):
        message = (
            f"the purpose “{purpose}” is declared, but named by no item and no cookie; "
            "allowed are those that one names; name it there, or remove it."
        )
        parts.add(POLICY, ("policy", "purposes", purpose), message)


def _once(parts: Parts, what: str, where: Where, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            message = f"the {what} “{name}” is declared a second time; names differ; rename or remove one."
            parts.add(POLICY, (*where, number, "name"), message)
        seen.add(name)
