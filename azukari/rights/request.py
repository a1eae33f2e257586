"""What the office asks for a visitor: to see, correct or delete what was sent by a form; signed, and nothing readable.

A request names answers by their identifiers. Corrected values are sealed anew for the office's own key, at the same
place. The office's approval key signs the file (`FILE.sig`), in a namespace of its own.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from azukari.answers.files import Change, change_line, must_be_new, parse_change, write_new
from azukari.errors import InputError
from azukari.rights.proposal import ROW
from azukari.site import Site, sshsig
from azukari.site.keys import public_key

Kind = Literal["access", "correct", "delete"]
NAMESPACE = "azukari-request"
SCHEMA = 1
MOST = 10_000  # answers in one request


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        kind: what is asked for.
        site, form: whose answers.
        made: the day, ISO 8601.
        records: the answers' identifiers.
        changes: of a correction: the values that come in the place of others.
    """

    kind: Kind
    site: str
    form: str
    made: str
    records: tuple[str, ...]
    changes: tuple[Change, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the one form of the file, which is what is signed."""
        said = asdict(self) | {"schema": SCHEMA, "changes": [json.loads(change_line(one)) for one in self.changes]}
        return json.dumps(said, ensure_ascii=False, indent=1).encode() + b"\n"


def write(site: Site, one: Request, out: Path, approval_key: Path) -> Path:
    """Sign a request as the office, and write it with its signature; return the signature's file.

    Args:
        site: the site.
        one: the request.
        out: the new file.
        approval_key: the office's private approval key, or its public half when an ssh-agent holds the private one.

    Raises:
        InputError: no identifier or a wrong one, not the office's key, or there is such a file; nothing was written.
    """
    _must_name(one.records)
    place = _signature(out)
    must_be_new(out)
    must_be_new(place)
    signature = sshsig.sign(one.to_bytes(), NAMESPACE, approval_key)
    if not sshsig.verifies(one.to_bytes(), NAMESPACE, signature, public_key(site.path, site.contract.office.key)):
        raise InputError(
            f"The key {approval_key} is not the office's: the contract names {site.contract.office.key}; nothing was "
            "written."
        )
    write_new(out, one.to_bytes().decode().splitlines())
    write_new(place, signature.decode().splitlines())
    return place


def read(site: Site, file: Path, kind: Kind) -> Request:
    """Return the request in a file, where the office signed it.

    Args:
        site: the site.
        file: the request; its signature lies beside it.
        kind: what it must ask for.

    Raises:
        InputError: it cannot be read, is none, of another site or kind, or the office did not sign it as it is.
    """
    try:
        text = file.read_bytes()
        signature = _signature(file).read_bytes()
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read: {error.strerror or error}.") from error
    if not sshsig.verifies(text, NAMESPACE, signature, public_key(site.path, site.contract.office.key)):
        raise InputError(
            f"{_signature(file)} is not the signature of the office's key over {file}: it was changed, or somebody "
            "else signed it. Nothing was done."
        )
    one = _parsed(text, file)
    if one.site != site.name:
        raise InputError(f"{file} is of the site “{one.site}”, not of {site.name}. Nothing was done.")
    if one.kind != kind:
        raise InputError(f"{file} asks for “{one.kind}”: azukari request {one.kind} {file}. Nothing was done.")
    return one


def _parsed(text: bytes, file: Path) -> Request:
    wrong = InputError(f"{file} is no request as the office's azukari writes it. Nothing was done.")
    try:
        said = json.loads(text)
        if said.pop("schema") != SCHEMA or said["kind"] not in get_args(Kind):
            raise wrong
        changes = tuple(parse_change(json.dumps(one)) for one in said.pop("changes"))
        one = Request(**{**said, "records": tuple(said["records"]), "changes": changes})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise wrong from None
    if one.to_bytes() != text or not all(type(word) is str for word in (one.site, one.form, one.made)):
        raise wrong
    _must_name(one.records)
    if bool(one.changes) != (one.kind == "correct") or {change.row for change in one.changes} - set(one.records):
        raise wrong
    return one


def _must_name(records: Iterable[str]) -> None:
    named = list(records)
    for row in named:
        if not isinstance(row, str) or not ROW.fullmatch(row):
            raise InputError(f"“{str(row)[:60]}” is no identifier of an answer; `azukari office find` shows them.")
    if not named or len(named) > MOST or len(set(named)) < len(named):
        raise InputError(f"A request names 1 to {MOST} answers, each once; found {len(named)}.")


def _signature(file: Path) -> Path:
    return file.with_name(f"{file.name}.sig")
