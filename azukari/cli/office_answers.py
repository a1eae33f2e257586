"""`azukari office read` and `office reseal`: what visitors sent is opened here, in memory, and no host is asked."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from azukari.answers import files, memory, opening, resealing
from azukari.answers.files import Fault, Header, Value
from azukari.answers.opening import Answer
from azukari.cli.console import new_console, shown
from azukari.cli.options import SiteOption, chosen_site
from azukari.errors import InputError, NotJudged
from azukari.site import Site, holders_dir
from azukari.site.models import Collection
from reference_site.sealing import PrivateKey, key_id

NOT_ALL = 2  # exit code: something could not be opened

AnswersFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="What the contractor fetched by `azukari site answers`.")
]
SealingKeys = Annotated[
    list[Path] | None,
    typer.Option(
        "--key", metavar="FILE", help="A private sealing key; repeatable; default: all in the office's folder."
    ),
]


def read(
    file: AnswersFile,
    site: SiteOption = None,
    key: SealingKeys = None,
    language: Annotated[Literal["ja", "en"], typer.Option("--language", "--lang", help="Of the titles.")] = "ja",
    row: Annotated[str | None, typer.Option("--id", metavar="ID", help="Only the answer with this identifier.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for a program.")] = False,
) -> int:
    """Open what visitors sent and show it, on the terminal or to a pipe, never into a file.

    What does not open is named with the reason, and the rest is shown. Exit code 2: something did not open.
    """
    memory.refuse_file(sys.stdout)
    stay_in_memory()
    loaded = chosen_site(site)
    _, collection = collection_of(loaded, file)
    keys = keys_for(loaded, file, collection, key)
    count = faults = 0
    for one in opening.answers(only(files.values(file), row), collection, keys):
        if isinstance(one, Fault):
            faults += 1
            print_fault(one)
            if as_json:
                print(json.dumps({"id": one.row, "purpose": one.purpose, "not_read": one.reason}))
        else:
            count += 1
            print(_as_json(one) if as_json else _as_text(one, collection, language))
    if row is not None and not count and not faults:
        raise InputError(f"There is no answer {row} in {file}.")
    new_console(stderr=True, soft_wrap=True).print(f"{count} answers; {faults} things were not read.")
    return NOT_ALL if faults else 0


def reseal(
    file: AnswersFile,
    out: Annotated[Path, typer.Option("--out", metavar="NEWFILE", help="The new file for the contractor.")],
    site: SiteOption = None,
    key: SealingKeys = None,
) -> int:
    """Seal what is sealed for earlier keys for the key that is stated now; the contractor puts it back.

    What does not open is named with the reason, and stays as it is. Exit code 2: something did not open.
    """
    files.must_be_new(out)
    stay_in_memory()
    loaded = chosen_site(site)
    header, collection = collection_of(loaded, file)
    statement = resealing.stated(loaded, header.form)
    keys = keys_for(loaded, file, collection, key)
    current = key_id(statement.key)
    changed = faults = 0

    def lines() -> Iterator[str]:
        nonlocal changed, faults
        made = datetime.now(UTC).isoformat(timespec="seconds")
        yield files.header_line(Header("resealed", loaded.name, header.form, made, key=current))
        for one in resealing.resealed(files.values(file), header.form, keys, statement.key):
            if isinstance(one, Fault):
                faults += 1
                print_fault(one)
            else:
                changed += 1
                yield files.change_line(one)
        if not changed:
            raise _NothingChanged
        yield files.end_line(changed)

    console = new_console(stderr=True, soft_wrap=True)
    try:
        files.write_new(out, lines())
    except _NothingChanged:
        if faults:
            raise NotJudged(
                f"Nothing was sealed anew, and {faults} things were not read; no file was written."
            ) from None
        console.print(f"All values are sealed for the stated key {current}; no file was written.")
        return 0
    console.print(f"{changed} values sealed anew for the key {current}: {out}", markup=False)
    console.print(f"{faults} things were not read.")
    return NOT_ALL if faults else 0


class _NothingChanged(Exception):
    """There is nothing to put back."""


def stay_in_memory() -> None:
    """Keep what is opened in this process's memory, or say that it cannot be kept there."""
    if not memory.never_dumped():
        new_console(stderr=True).print("This system cannot keep a process from being dumped; have it write no cores.")


def collection_of(site: Site, file: Path) -> tuple[Header, Collection]:
    """Return a file's header and its form as the policy declares it."""
    header = files.header(file, "answers")
    if header.site != site.name:
        raise InputError(f"{file} is of the site “{header.site}”, not of {site.name}; name that one with --site.")
    for one in site.policy.collections:
        if one.name == header.form and "office" in one.readers:
            return header, one
    raise InputError(f"{file} is of “{header.form}”, which the office does not read by the policy of {site.name}.")


def keys_for(site: Site, file: Path, collection: Collection, named: list[Path] | None) -> dict[str, PrivateKey]:
    """Return the office's keys that a file's values need, or those that were named."""
    folder = holders_dir(site) / "office" / "sealing"
    paths = named or opening.needed(files.values(file), folder, collection.name)
    return opening.load_keys(paths, _passphrase if sys.stdin.isatty() else None)


def _passphrase(path: Path) -> str:
    return str(typer.prompt(f"Passphrase of {path.name}", default="", hide_input=True, show_default=False, err=True))


def only(found: Iterator[Value | Fault], row: str | None) -> Iterator[Value | Fault]:
    """Return the values of one answer, and what is wrong with the file itself; None: all."""
    return found if row is None else (one for one in found if one.row in {row, ""})


def print_fault(fault: Fault) -> None:
    """Name what was not read, and why."""
    where = f"{fault.row}, {fault.purpose}: " if fault.row else ""
    print(shown(f"NOT READ: {where}{fault.reason}."), file=sys.stderr)


def _as_json(answer: Answer) -> str:
    return json.dumps({"id": answer.row, "received": answer.received, "items": answer.items})  # ASCII


def _as_text(answer: Answer, collection: Collection, language: Literal["ja", "en"]) -> str:
    """Return an answer for people: each line that a visitor wrote is set in, so that none passes for ours."""
    lines = [f"{answer.received}  {answer.row}"]
    for item in collection.items:
        if item.name in answer.items:
            text = answer.items[item.name]
            chosen = {choice.name: getattr(choice.title, language) for choice in item.choices}
            lines.append(f"  {shown(getattr(item.title, language))}")
            lines += [f"    {shown(line)}" for line in chosen.get(text, text).split("\n")]
    return "\n".join([*lines, ""])
