"""`azukari office find`, `question`, `request` and `correct`: what a visitor asks for, as the office's signed word.

What is typed in or opened here stays in memory. The files that are written hold identifiers and sealed values alone.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from azukari.answers import files, resealing
from azukari.answers.files import Fault
from azukari.cli import options
from azukari.cli.console import new_console
from azukari.cli.office_answers import (
    NOT_ALL,
    AnswersFile,
    SealingKeys,
    collection_of,
    keys_for,
    print_fault,
    stay_in_memory,
)
from azukari.cli.options import SiteOption, chosen_site
from azukari.errors import InputError
from azukari.people.sealing_keys import holder
from azukari.rights import finding
from azukari.rights import question as questions
from azukari.rights import request as requests
from azukari.rights.request import Request
from azukari.site import Site
from reference_site.sealing import LONGEST

_Out = Annotated[Path, typer.Option("--out", metavar="NEWFILE", help="The new file for the contractor.")]
_Approval = Annotated[
    Path | None,
    typer.Option(
        "--approval-key",
        metavar="FILE",
        help="The office's private approval key, or its public half when an ssh-agent holds the private one.",
        show_default=False,
    ),
]


def find(file: AnswersFile, site: SiteOption = None, key: SealingKeys = None) -> int:
    """Find the answers of one person by the e-mail address, which is asked for: never an argument, never in a file.

    Prints identifier and day of each. Exit code 2: something did not open, so that it may be one of them.
    """
    stay_in_memory()
    loaded = chosen_site(site)
    _, collection = collection_of(loaded, file)
    if not finding.given_in(collection):
        raise InputError(f"{collection.name} asks for no e-mail address; find the answer with `azukari office read`.")
    keys = keys_for(loaded, file, collection, key)
    wanted = finding.address(_asked("E-mail address"))
    count = faults = 0
    for one in finding.by_address(files.values(file), collection, keys, wanted):
        if isinstance(one, Fault):
            faults += 1
            print_fault(one)
        else:
            count += 1
            print(f"{one.row}  {one.received}")
    new_console(stderr=True, soft_wrap=True).print(f"{count} answers give this address; {faults} things were not read.")
    return NOT_ALL if faults else 0


def question(
    form: Annotated[str, typer.Argument(help="The collection whose addresses the mail tier opens: mail_service.")],
    out: _Out,
    site: SiteOption = None,
    approval_key: _Approval = None,
) -> None:
    """Seal one person's address, which is asked for, for the mail tier, and sign the question what is registered.

    The mail host answers identifiers and days, by the contractor's hand; nobody on the way can read the address.
    """
    files.must_be_new(out)
    stay_in_memory()
    loaded = chosen_site(site)
    questions.must_be_the_mail_tiers(loaded, form)
    signing = options.approval_key(loaded, approval_key, "--approval-key")
    asked = questions.ask(loaded, form, _asked("E-mail address"), signing)
    files.write_new(out, asked.decode().splitlines())
    console = new_console(stderr=True, soft_wrap=True)
    console.print(f"The question, sealed and signed: {out}. It holds for a week, and is answered once.", markup=False)
    console.print(f"The contractor runs: azukari request find {out}", markup=False)


def request(
    kind: Annotated[Literal["access", "delete"], typer.Argument(help="What the visitor asks for.")],
    form: Annotated[str, typer.Argument(help="The form, by the name of the policy's collection, such as contact.")],
    row: Annotated[
        list[str], typer.Option("--id", metavar="ID", help="An answer, by `office find` or `request find`; repeatable.")
    ],
    out: _Out,
    site: SiteOption = None,
    approval_key: _Approval = None,
) -> None:
    """Sign a request to see or to delete answers, which names them by their identifiers alone."""
    loaded = chosen_site(site)
    opens = holder(loaded, form)
    if opens is None:
        raise InputError(f"The office reads no collection “{form}” by the policy of {loaded.name}.")
    if opens == "mail" and kind != "delete":
        raise InputError(
            f"Of {form} nothing is kept that the office could read: the address, which the person gave, and the days "
            "that `azukari request find` answers. It can be deleted; another address is registered anew."
        )
    _write(loaded, Request(kind, loaded.name, form, loaded.today().isoformat(), tuple(row)), out, approval_key)


def correct(
    file: AnswersFile,
    row: Annotated[str, typer.Option("--id", metavar="ID", help="The answer that is corrected.")],
    out: _Out,
    site: SiteOption = None,
    key: SealingKeys = None,
    approval_key: _Approval = None,
) -> None:
    """Seal corrected items anew, at their own places, and sign the request to put them there.

    Standard input gives them as one JSON object; an empty text takes an item out. They are in no argument.
    """
    stay_in_memory()
    loaded = chosen_site(site)
    _, collection = collection_of(loaded, file)
    statement = resealing.stated(loaded, collection.name)
    keys = keys_for(loaded, file, collection, key)
    try:
        items = json.loads(_asked("Items, as {“name”: “text”}"))
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, dict) or not items:
        raise InputError('One JSON object is expected on standard input, such as {"heading": "…"}; nothing was sealed.')
    changes = finding.corrected(files.values(file), row, items, collection, keys, statement.key)
    made = loaded.today().isoformat()
    _write(loaded, Request("correct", loaded.name, collection.name, made, (row,), tuple(changes)), out, approval_key)


def _write(site: Site, one: Request, out: Path, approval_key: Path | None) -> None:
    signature = requests.write(site, one, out, options.approval_key(site, approval_key, "--approval-key"))
    console = new_console(stderr=True, soft_wrap=True)
    console.print(f"{one.kind}, {len(one.records)} answers of {one.form}: {out}, signed in {signature}", markup=False)
    console.print(f"The contractor runs: azukari request {one.kind} {out}", markup=False)


def _asked(what: str) -> str:
    """Return what is typed on the terminal, unseen, or given by a pipe."""
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True, err=True))
    return sys.stdin.readline(LONGEST)
