"""`azukari office`: what the office does on its own machine, off the servers."""

import datetime
import sys
from pathlib import Path
from typing import Annotated

import typer

from azukari.cli.console import new_console
from azukari.cli.options import SiteOption, chosen_site
from azukari.errors import InputError
from azukari.people import sealing_keys
from azukari.site import holders_dir
from reference_site.sealing import key_id

app = typer.Typer(no_args_is_help=True, help="What the office does on its own machine: its sealing keys.")


@app.callback()
def _office() -> None:
    """Keep `key` a verb of its own: typer would make a single one the whole command."""


@app.command()
def key(
    collection: Annotated[str, typer.Argument(help="The collection of the policy that the office reads.")],
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

    The private half stays with the office; an earlier one stays too, and opens what was sealed for it.
    """
    loaded = chosen_site(site)
    signing = approval_key or holders_dir(loaded) / "office" / "approval"
    if not signing.exists():
        raise InputError(
            f"The office's approval key {signing} is not on this machine; the office runs this on its own, with --key."
        )
    passphrase = ""
    if sys.stdin.isatty():
        asked = "Passphrase of the new key (empty: none)"
        passphrase = typer.prompt(asked, default="", hide_input=True, confirmation_prompt=True, show_default=False)
    last = until.date() if until else loaded.contract.end
    private, statement = sealing_keys.make(loaded, collection, signing, last, passphrase)
    console = new_console(soft_wrap=True)
    console.print(f"The key {key_id(statement.key)} for {collection}, from {statement.start} to {statement.until}.")
    console.print(f"Private half, {'encrypted' if passphrase else 'not encrypted'}: {private}", markup=False)
    console.print(f"Signed statement: {loaded.path / sealing_keys.FOLDER / collection}.json", markup=False)
    console.print("The site has changed with it: the office approves it with `azukari site approve`.")
