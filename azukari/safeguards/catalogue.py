"""Reads `safeguards/*.yml` into a `Catalogue`."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from azukari.content import content
from azukari.errors import InputError, OwnFault
from azukari.safeguards.chain import breaches_by_safeguard
from azukari.safeguards.models import Citation, Clauses, Family, Safeguard, Subject, Text

FAMILIES: tuple[Family, ...] = get_args(Family)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is faster, where it is there


class CatalogueInvalid(InputError):
    """The catalogue itself is wrong: says in which file, and what."""


@dataclass(frozen=True)
class Catalogue:
    """All safeguards, in the catalogue's order, and the clauses that they cite."""

    safeguards: dict[str, Safeguard]
    clauses: Clauses
    digest: str

    def __iter__(self) -> Iterator[Safeguard]:
        return iter(self.safeguards.values())

    def in_force(self) -> list[Safeguard]:
        """Return the safeguards that are in force, in the catalogue's order."""
        return [safeguard for safeguard in self if safeguard.status == "in force"]

    def citations(self, safeguard: Safeguard) -> list[Citation]:
        """Return the clauses that a safeguard answers, the policy's first."""
        return [
            Citation(
                framework=name,
                clause=number,
                text=Text(ja=framework.clauses[number].ja, en=framework.clauses[number].en),
                sure=framework.clauses[number].sure,
            )
            for name, framework in self.clauses.frameworks.items()
            for number in safeguard.clauses.get(name, ())
        ]

    def subjects(self, safeguard: Safeguard) -> dict[str, Subject]:
        """Return where NIST, ISO and CIS treat what a safeguard is about, by subject."""
        return {name: self.clauses.mapping[name] for name in safeguard.clauses.get("mapping", ())}

    def answering(self, framework: str, number: str) -> list[Safeguard]:
        """Return the safeguards that answer one clause, such as `policy` `5`."""
        return [safeguard for safeguard in self if number in safeguard.clauses.get(framework, ())]


def load(folder: Path | None = None, breaches: Path | None = None) -> Catalogue:
    """Read the catalogue.

    Args:
        folder: where the YAML files lie; by default those that this installation carries.
        breaches: the folder of breaches; by default that of the checkout, where there is one.

    Raises:
        CatalogueInvalid: a file is missing or wrong; the message names it.
    """
    folder = folder or content("safeguards")
    found = breaches_by_safeguard(breaches if breaches is not None else _carried_breaches())
    clauses = _clauses(folder / "clauses.yml")
    safeguards: dict[str, Safeguard] = {}
    for family in FAMILIES:
        for safeguard in _family(folder / f"{family}.yml", family, found):
            if safeguard.id in safeguards:
                raise CatalogueInvalid(f"{family}.yml: {safeguard.id} stands twice in the catalogue.")
            _cites_what_exists(safeguard, clauses, f"{family}.yml")
            safeguards[safeguard.id] = safeguard
    return Catalogue(safeguards=safeguards, clauses=clauses, digest=digest(folder))


def _carried_breaches() -> Path | None:
    try:
        return content("tests/breaches")
    except OwnFault:  # an installed wheel may leave the tests out
        return None


def _read(path: Path) -> dict[str, Any]:
    try:
        value = yaml.load(path.read_text("utf-8"), Loader=_LOADER)  # noqa: S506  both are safe loaders
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CatalogueInvalid(f"{path.name}: cannot be read as YAML: {error}.") from error
    if not isinstance(value, dict):
        raise CatalogueInvalid(f"{path.name}: a mapping is expected at the top.")
    return value


def _clauses(path: Path) -> Clauses:
    try:
        return Clauses.model_validate(_read(path))
    except ValidationError as error:
        raise CatalogueInvalid(f"{path.name}: {_sentence(error)}") from error


def _family(path: Path, family: Family, breaches: dict[str, tuple[str, ...]]) -> Iterator[Safeguard]:
    document = _read(path)
    if document.get("family") != family or set(document) != {"family", "safeguards"}:
        raise CatalogueInvalid(f"{path.name}: expected “family: {family}” and a list “safeguards”, and nothing else.")
    for entry in document["safeguards"]:
        identifier = entry.get("id", "an entry without id") if isinstance(entry, dict) else repr(entry)
        for derived in ("family", "breaches"):
            if isinstance(entry, dict) and derived in entry:
                raise CatalogueInvalid(f"{path.name}: {identifier}: “{derived}” is derived and must not be written.")
        try:
            yield Safeguard.model_validate({**entry, "family": family, "breaches": breaches.get(identifier, ())})
        except (ValidationError, TypeError) as error:
            reason = _sentence(error) if isinstance(error, ValidationError) else "a mapping is expected."
            raise CatalogueInvalid(f"{path.name}: {identifier}: {reason}") from error


def _cites_what_exists(safeguard: Safeguard, clauses: Clauses, file: str) -> None:
    for framework, numbers in safeguard.clauses.items():
        known: set[str]
        if framework == "mapping":
            known = set(clauses.mapping)
        elif framework in clauses.frameworks:
            known = set(clauses.frameworks[framework].clauses)
        else:
            raise CatalogueInvalid(f"{file}: {safeguard.id} cites “{framework}”, which clauses.yml does not know.")
        for number in numbers:
            if number not in known:
                raise CatalogueInvalid(f"{file}: {safeguard.id} cites {framework} {number}, not known to clauses.yml.")


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place + ': ' if place else ''}{first['msg']}."


def digest(folder: Path | None = None) -> str:
    """Return the SHA-256 of a listing `sha256  name` of the catalogue's files.

    Args:
        folder: where they lie; by default those that this installation carries.
    """
    folder = folder or content("safeguards")
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.glob("*.yml"), key=lambda path: path.name)
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
