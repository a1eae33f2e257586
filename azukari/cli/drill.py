"""`azukari drill`: what writes on purpose, in a declared window, and cleans up; leaves signed evidence."""

import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from azukari import evidence
from azukari.cli.console import new_console
from azukari.cli.options import SiteOption, chosen_site
from azukari.drills import canary as canary_drill
from azukari.drills import letters as letters_drill
from azukari.drills import mail as mail_drill
from azukari.drills.outcome import Outcome, Say
from azukari.errors import InputError
from azukari.evidence import signer
from azukari.provision.release import forms, policy_digest
from azukari.provision.session import Session
from azukari.provision.session import session as working_on
from azukari.rights import erasure_drill
from azukari.site import Site, holders_dir
from reference_site.answers import MAIL_SERVICE

_ADDRESS = re.compile(r"[A-Za-z0-9._+]{1,64}@(?:[a-z0-9][a-z0-9-]*\.)+[a-z]{2,}")

app = typer.Typer(no_args_is_help=True, help="Drills: write on purpose, see what comes of it, clean up, sign.")


@app.command()
def canary(site: SiteOption = None) -> int:
    """Send marks through the public form, kill each service, look for the marks and try every key on every host.

    The form is away for some seconds. Exit code 0: all as promised; 1: something was not.
    """
    declared = chosen_site(site)
    if canary_drill.FORM not in forms(declared):
        raise InputError(f"The site has no form “{canary_drill.FORM}”, through which the drill sends its marks.")
    return _done(declared, canary_drill.NAME, canary_drill.run)


@app.command()
def mail(
    site: SiteOption = None,
    to: Annotated[
        str, typer.Option("--to", metavar="ADDRESS", help="A mailbox outside that you can read; not needed in a lab.")
    ] = "",
    saved: Annotated[
        Path | None,
        typer.Option(
            "--saved",
            metavar="FILE",
            help="Where you will save what arrived, with all headers, within 15 minutes; not needed in a lab.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Send one message and look at it where it arrives: TLS, SPF, DKIM with the published key, DMARC.

    Exit code 0: all as promised; 1: something was not.
    """
    declared = chosen_site(site)
    if not declared.lab and not (to and saved):
        raise InputError("On a real site this drill needs --to ADDRESS and --saved FILE: a mailbox, and what arrived.")
    _must_be_an_address(to)
    return _done(declared, mail_drill.NAME, lambda at, say: mail_drill.run(at, say, to, saved))


@app.command()
def letters(
    site: SiteOption = None,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="ADDRESS",
            help="A mailbox outside that you can read, and that takes NAME+ANYTHING@; not needed in a lab.",
        ),
    ] = "",
    saved: Annotated[
        Path | None,
        typer.Option(
            "--saved",
            metavar="FOLDER",
            help="Where you will save each message that arrives, with all headers; not needed in a lab.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Register for letters, confirm, be written to, leave; look for the address and try every key on every host.

    In a lab the mail tier and the database are also stopped for some seconds. Exit code 0: all as promised; 1:
    something was not.
    """
    declared = chosen_site(site)
    if MAIL_SERVICE not in forms(declared):
        raise InputError("The site has no hosts of the group mail, or no form “mail_service”: nobody can register.")
    if not declared.lab and not (to and saved and saved.is_dir()):
        raise InputError("On a real site this drill needs --to ADDRESS and --saved FOLDER: a mailbox, what arrives.")
    _must_be_an_address(to)
    return _done(declared, letters_drill.NAME, lambda at, say: letters_drill.run(at, say, to, saved))


@app.command()
def erasure(
    site: SiteOption = None,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="ADDRESS", help="A mailbox outside that takes NAME+ANYTHING@; not needed in a lab."
        ),
    ] = "",
) -> int:
    """Send, copy, erase, restore the copy beside and replay the erasure ledger: nobody who was erased comes back.

    Exit code 0: all as promised; 1: something was not.
    """
    declared = chosen_site(site)
    if erasure_drill.FORM not in forms(declared):
        raise InputError(f"The site has no form “{erasure_drill.FORM}”, through which the drill sends its answers.")
    if not declared.lab and MAIL_SERVICE in forms(declared) and not to:
        raise InputError("On a real site this drill needs --to ADDRESS: a mailbox for the registration that it makes.")
    _must_be_an_address(to)
    signing = signer.load(holders_dir(declared) / "contractor" / "evidence.pem")
    return _done(declared, erasure_drill.NAME, lambda at, say: erasure_drill.run(at, say, signing, to))


def _must_be_an_address(to: str) -> None:
    if to and not _ADDRESS.fullmatch(to):  # it becomes part of a command
        raise InputError(f"“{to}” is no e-mail address; give one such as somebody@example.jp.")


def _done(declared: Site, name: str, run: Callable[[Session, Say], Outcome]) -> int:
    """Do a drill, and sign what came of it."""
    console = new_console(stderr=True)
    signing = signer.load(holders_dir(declared) / "contractor" / "evidence.pem")
    with working_on(declared) as at:
        outcome = run(at, lambda line: console.print(escape(line)))
    steps = [
        {name: value for name, value in asdict(step).items() if name != "tried" or value} for step in outcome.steps
    ]
    record = evidence.of_drill(
        declared.name,
        name,
        outcome.hosts,
        steps,
        outcome.started,
        datetime.now(UTC),
        policy=policy_digest(declared),
        left=outcome.left,
    )
    folder = evidence.write(record, declared, signing)
    console.print(f"{'Passed' if outcome.passed else '[bold red]Not passed[/]'}. Evidence: {folder}")
    return 0 if outcome.passed else 1
