"""`azukari office`: what the office does on its own machine, off the servers."""

import datetime
import sys
from pathlib import Path
from typing import Annotated

import typer

from azukari.cli import office_answers, office_reply, office_requests, options
from azukari.cli.console import new_console
from azukari.cli.options import SiteOption, chosen_site
from azukari.errors import InputError
from azukari.people import letters, sealing_keys
from reference_site.sealing import key_id

app = typer.Typer(no_args_is_help=True, help="What the office does on its own machine: its sealing keys, and reading.")
app.command()(office_answers.read)
app.command()(office_reply.reply)
app.command()(office_answers.reseal)
app.command()(office_requests.find)
app.command()(office_requests.question)
app.command()(office_requests.request)
app.command()(office_requests.correct)


@app.command()
def letter(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The letter: YAML with subject and text, in ja and en.")],
    site: SiteOption = None,
    approval_key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="The office's private approval key, or its public half."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="NEWFILE", help="The signed letter; default: FILE.signed.")
    ] = None,
) -> None:
    """Sign a letter to the subscribers of the E-mail Information Service; the contractor sends it by `site send`."""
    loaded = chosen_site(site)
    target = out or file.with_name(f"{file.name}.signed")
    if target.exists():
        raise InputError(f"{target} exists already; give another --out.")
    signed = letters.sign(loaded, letters.read(file), options.approval_key(loaded, approval_key))
    target.write_bytes(signed)
    new_console(soft_wrap=True).print(f"The letter, signed by the office: {target}", markup=False)


@app.command()
def key(
    collection: Annotated[str, typer.Argument(help="The collection of the policy whose answers are sealed.")],
    site: SiteOption = None,
    approval_key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="The office's private approval key, or its public half."),
    ] = None,
    until: Annotated[
        datetime.datetime | None,
        typer.Option(
            "--until", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Its last day; default: the contract's end."
        ),
    ] = None,
) -> None:
    """Make a key for which visitors' answers are sealed, and the office's signed statement of it.

    The private half stays with the office; an earlier one stays too, and opens what was sealed for it. Addresses of the
    E-mail Information Service are sealed for the mail tier's newest key: that one is stated, and none is made.
    """
    loaded = chosen_site(site)
    signing = options.approval_key(loaded, approval_key)
    passphrase = ""
    if sys.stdin.isatty() and sealing_keys.holder(loaded, collection) == "office":
        asked = "Passphrase of the new key (empty: none)"
        passphrase = typer.prompt(asked, default="", hide_input=True, confirmation_prompt=True, show_default=False)
    last = until.date() if until else loaded.contract.end
    private, statement = sealing_keys.make(loaded, collection, signing, last, passphrase)
    console = new_console(soft_wrap=True)
    console.print(f"The key {key_id(statement.key)} for {collection}, from {statement.start} to {statement.until}.")
    if private:
        console.print(f"Private half, {'encrypted' if passphrase else 'not encrypted'}: {private}", markup=False)
    else:
        console.print("Private half: the mail tier's, among the secrets of production.")
    console.print(f"Signed statement: {loaded.path / sealing_keys.FOLDER / collection}.json", markup=False)
    console.print("The site has changed with it: the office approves it with `azukari site approve`.")
