"""`azukari apply`: brings the servers to the declared state."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from azukari.cli.console import new_console
from azukari.cli.options import SiteOption, chosen_site
from azukari.cli.plan import Domains, Limit, Plain, Tags, roles, words
from azukari.cli.progress import Lines
from azukari.errors import InputError
from azukari.provision import apply as provisioning
from azukari.provision.session import session as working_on
from azukari.site import approval


def command(
    site: SiteOption = None,
    limit: Limit = None,
    tags: Tags = None,
    domain: Domains = None,
    plain: Plain = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show each difference.")] = False,
    root_password_file: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="Root's password of freshly installed servers, where they have no key.",
        ),
    ] = None,
) -> int:
    """Bring the servers to the declared state: all are asked first, then changed one at a time, until a failure.

    A change that could lock people out is undone by the host itself unless a new login from outside succeeds in time.
    Exit code 1: a task failed or a change was rolled back; 2: something stood in the way, and nothing was changed.
    """
    console = new_console(stderr=True)
    declared = chosen_site(site)
    hosts, domains, chosen = words(limit, "--limit"), words(domain, "--domain"), roles(tags)
    state = approval(declared)
    if state.state != "approved":
        console.print(
            f"[yellow]The site is not approved as it stands ({state.state}); "
            "`verify` says so until the office runs `azukari site approve`.[/]"
        )
    password = _password(root_password_file) if root_password_file else None
    lines = Lines(console, verbose=diff)
    with working_on(declared, hosts, domains, password) as at:
        result = provisioning.apply(at, lines, tags=chosen, plain=plain)
    for domain_name, why in result.left.items():
        console.print(f"Left out: {domain_name} ({why}).")
    lines.step(
        f"{len(result.changes)} changes on {len({host for host, _ in result.changes})} of {len(at.hosts)} hosts."
    )
    for sentence in result.rolled_back:
        console.print(f"[bold red]Rolled back before this run:[/] {escape(sentence)} It is in force again now.")
    return 1 if result.rolled_back else 0


def _password(file: Path) -> str:
    try:
        found = file.read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Root's password cannot be read from {file}: allowed is a text file of one line.") from error
    if not found or "\n" in found:
        raise InputError(f"{file} holds no password; allowed is one line, the password of root.")
    return found
