"""`azukari site send`: a letter that the office signed, to the subscribers of the E-mail Information Service."""

import time
from pathlib import Path
from typing import Annotated

import typer

from azukari.cli.console import new_console
from azukari.cli.options import SiteOption, chosen_site
from azukari.errors import InputError, NotJudged

_LOOKS, _SECONDS = 60, 5


def send(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `azukari office letter` wrote.")],
    site: SiteOption = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Send it; without this it is only said to how many it would go.")
    ] = (False),
) -> int:
    """Send a signed letter to every subscriber, one message to each; a letter that was sent is not sent again.

    The mail host opens one address at a time, and goes on where it was when it is stopped. Exit code 2: it was handed
    over, and is still being sent.
    """
    from azukari.drills import sending  # with all that logs in: the other verbs need not wait for it
    from azukari.people import letters
    from azukari.provision.release import forms
    from azukari.provision.session import session
    from reference_site.answers import MAIL_SERVICE

    declared = chosen_site(site)
    if MAIL_SERVICE not in forms(declared):
        raise InputError(f"The site {declared.name} has no E-mail Information Service, so nobody is written to.")
    try:
        carried = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    letter = letters.proven(declared, carried)
    if letter.only:
        raise InputError(f"{file} is the letter of a drill: it goes to the drill's own registration alone.")
    console = new_console(stderr=True, soft_wrap=True)
    with session(declared, limit=[declared.group("db")[0].name, sending.mail_host(declared)]) as at:
        before = sending.progress(at, letter)
        if before.get("done"):
            raise InputError(
                f"This letter was sent before, to {before['sent']}; the office signs another one to send anew."
            )
        console.print(f"“{letter.subject['ja']}” / “{letter.subject['en']}”", markup=False)
        console.print(f"It goes to {sending.subscribers(at)} subscribers; {before.get('sent', 0)} have it already.")
        if not yes:
            console.print("Nothing was sent; with --yes it is.")
            return 0
        sending.hand_over(at, letter, carried)
        for _ in range(_LOOKS):
            time.sleep(_SECONDS)
            now = sending.progress(at, letter)
            if now.get("done"):
                console.print(f"Sent to {now['sent']}; to {now['left']} it could not go.")
                return 0
    raise NotJudged(
        f"The mail host has it, and has sent it to {now.get('sent', 0)} so far; ask again with the same order."
    )
