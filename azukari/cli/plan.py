"""`azukari plan`: what an apply would change."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from azukari import evidence
from azukari.cli.console import new_console
from azukari.cli.options import SiteOption, chosen_site, must_be_writable
from azukari.cli.progress import Lines
from azukari.content import content
from azukari.errors import InputError
from azukari.evidence import signer
from azukari.provision import apply as provisioning
from azukari.provision.session import session as working_on
from azukari.site import holders_dir

Limit = Annotated[str | None, typer.Option("--limit", metavar="HOSTS", help="Hosts or groups, separated by commas.")]
Tags = Annotated[str | None, typer.Option("--tags", metavar="ROLES", help="Roles, separated by commas.")]
Domains = Annotated[
    str | None,
    typer.Option("--domain", metavar="DOMAINS", help="Trust domains; default: those whose keys are at hand."),
]
Plain = Annotated[
    bool, typer.Option("--plain", help="Stock Ansible instead of mitogen's strategy: slower, for comparison.")
]
CHANGES = 4


def words(given: str | None, option: str) -> list[str]:
    """Return the words of a list separated by commas; none where the option was not given.

    Raises:
        InputError: the option was given and is empty, as a variable that was never set would make it.
    """
    found = [word.strip() for word in (given or "").split(",") if word.strip()]
    if given is not None and not found:
        raise InputError(f"{option} is empty; name something, or leave the option out to mean all.")
    return found


def roles(given: str | None) -> list[str]:
    """Return the words of `--tags`.

    Raises:
        InputError: one of them is no role.
    """
    found = words(given, "--tags")
    known = sorted(path.name for path in content("roles").iterdir() if path.is_dir())
    if unknown := [word for word in found if word not in known]:
        raise InputError(f"--tags “{unknown[0]}” is no role; the roles are {', '.join(known)}.")
    return found


def command(
    site: SiteOption = None,
    limit: Limit = None,
    tags: Tags = None,
    domain: Domains = None,
    plain: Plain = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show each difference.")] = False,
    as_json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the plan as JSON; - for standard output.")
    ] = None,
) -> int:
    """Show what `apply` would change, on all hosts at once; changes nothing, and leaves signed evidence.

    Exit code 0: nothing; 4: changes; 1: a host had rolled a change back.
    """
    console = new_console(stderr=True)
    declared = chosen_site(site)
    must_be_writable(as_json)
    started = datetime.now(UTC)
    key = holders_dir(declared) / "contractor" / "evidence.pem"
    signing = signer.load(key) if key.exists() else None  # else it is the keeper of a domain who looks
    hosts, domains, chosen = words(limit, "--limit"), words(domain, "--domain"), roles(tags)
    with working_on(declared, hosts, domains) as at:
        result = provisioning.plan(at, Lines(console, verbose=diff), tags=chosen, plain=plain)
    for domain_name, why in result.left.items():
        console.print(f"Left out: {domain_name} ({why}).")
    for host in result.new:
        console.print(f"{host}: freshly installed. What `apply` will change there cannot be foreseen task by task.")
    for host, why in result.unforeseen.items():
        console.print(
            f"{host}: an earlier apply was cut short there; what comes after this cannot be foreseen: {escape(why)}"
        )
    whole = not (limit or tags or domain)
    record = evidence.of_plan(
        declared.name,
        at.hosts,
        result.changes,
        started,
        whole=whole,
        rolled_back=result.rolled_back,
        new=[*result.new, *result.unforeseen],
        left=result.left,
    )
    left = "No evidence was left: the contractor's key, which signs it, is not at hand here."
    if signing is not None:
        left = f"Evidence: {evidence.write(record, declared, signing)}"
    _write(as_json, result)
    console.print(f"{len(result.changes)} changes on {len(at.hosts)} hosts. {left}")
    for sentence in result.rolled_back:
        console.print(f"[bold red]Rolled back:[/] {escape(sentence)}")
    if result.rolled_back:
        return 1
    return CHANGES if result.changes or result.new or result.unforeseen else 0


def _write(to: Path | None, result: provisioning.Result) -> None:
    if to is None:
        return
    changes = [{"host": host, "task": task} for host, task in sorted(result.changes)]
    text = json.dumps(
        {"changes": changes, "new": result.new, "left": result.left, "rolled_back": result.rolled_back}, indent=1
    )
    if str(to) == "-":
        print(text)
    else:
        to.write_text(text + "\n")
