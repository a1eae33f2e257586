"""`azukari disclosure`: nothing goes to a third party (section 4 of the policy) but by two people and with a ledger."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text as Words

from azukari.cli.console import new_console, shown
from azukari.cli.options import SiteOption, chosen_site
from azukari.errors import InputError, SafeguardFails
from azukari.evidence import signer
from azukari.people.chain import LedgerBroken
from azukari.rights import disclosure
from azukari.rights.proposal import GROUNDS, Proposal
from azukari.site import holders_dir

app = typer.Typer(
    no_args_is_help=True,
    short_help="Disclose to a third party, by two people of the office and with a ledger.",
    help="Section 4 of the policy: what was acquired goes to no third party, except by this. Proposed in a file, "
    "signed by two of the office's people (contract.yml: disclosers), entered into a chained and signed ledger.",
)

_File = Annotated[Path, typer.Argument(metavar="FILE", help="What `azukari disclosure propose` wrote.")]
_Ledger = Annotated[
    Path | None,
    typer.Option("--ledger", metavar="FILE", help="A copy of the ledger; default: the site's own.", show_default=False),
]
_GROUNDS = "; ".join(f"{name}: {words}" for name, words in GROUNDS.items())


@app.command()
def propose(
    ground: Annotated[str, typer.Option("--ground", metavar="GROUND", help=f"The exception of section 4. {_GROUNDS}.")],
    basis: Annotated[
        str, typer.Option("--basis", help="The law, the article and the request's number; or the reason.")
    ],
    to: Annotated[str, typer.Option("--to", metavar="WHOM", help="Who receives it.")],
    what: Annotated[str, typer.Option("--what", help="What is handed over; name no visitor here.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The new file, for two people to sign.")],
    record: Annotated[
        list[str] | None, typer.Option("--record", metavar="ID", help="An answer that is handed over; repeatable.")
    ] = None,
    site: SiteOption = None,
) -> None:
    """Write a proposal: what, to whom, by which exception, which answers."""
    loaded = chosen_site(site)
    one = disclosure.propose(loaded, out, ground=ground, basis=basis, recipient=to, what=what, records=record or ())
    console = new_console(soft_wrap=True)
    _print(console, one)
    names = (
        " and ".join(each.name for each in loaded.contract.disclosers[:2]) or "two people, once contract.yml has any"
    )
    console.print(Words(f"Next: `azukari disclosure sign {out} --as PERSON` by two people, such as {names}."))


@app.command()
def sign(
    file: _File,
    person: Annotated[str, typer.Option("--as", metavar="PERSON", help="Your name among contract.yml's disclosers.")],
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="Your private key, or its public half when an ssh-agent holds the private one.",
            show_default=False,
        ),
    ] = None,
    site: SiteOption = None,
) -> None:
    """Sign a proposal as one of the office's people, on your own machine: read first what is shown."""
    loaded = chosen_site(site)
    console = new_console(soft_wrap=True)
    _print(console, disclosure.read(loaded, file))
    private = key or holders_dir(loaded) / "people" / Path(person).name / "id_ed25519"
    if not private.exists():
        raise InputError(f"There is no key of {person} on this machine ({private}); name yours with --key FILE.")
    out = disclosure.sign(loaded, file, person, private)
    console.print(Words(f"Signed by {person}: {out}. It stays beside the proposal."))


@app.command()
def close(file: _File, site: SiteOption = None) -> None:
    """Enter a proposal that two people have signed into the ledger; only then is anything disclosed."""
    loaded = chosen_site(site)
    one, who, entry = disclosure.close(loaded, file, signer.load(holders_dir(loaded) / "contractor" / "evidence.pem"))
    console = new_console(soft_wrap=True)
    _print(console, one)
    console.print(Words(f"Entered as number {entry.number}, signed by {' and '.join(who)}."))
    console.print(Words(f"Receipt, for those who signed to keep: {entry.digest}"))


@app.command("list")
def list_(
    site: SiteOption = None,
    ledger: _Ledger = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show every disclosure that was made."""
    found = disclosure.entered(chosen_site(site), ledger)
    if as_json:
        rows = [
            {"number": entry.number, "entered": entry.at.isoformat(), "signed_by": who, "receipt": entry.digest}
            | {"proposal": json.loads(one.to_bytes())}
            for entry, one, who in found
        ]
        print(json.dumps({"disclosures": rows}, ensure_ascii=False, indent=2))
        return
    console = new_console(soft_wrap=True)
    for entry, one, who in found:
        console.print(Words(f"{entry.number}  {entry.at:%F %R} UTC, signed by {' and '.join(who)}  {entry.digest}"))
        _print(console, one)
    console.print(f"{len(found)} disclosures.")


@app.command()
def verify(
    site: SiteOption = None,
    ledger: _Ledger = None,
    receipt: Annotated[
        list[str] | None,
        typer.Option("--receipt", metavar="DIGEST", help="What `close` gave: an entry that must be there; repeatable."),
    ] = None,
) -> None:
    """Verify every link and signature of the ledger: nothing was changed, moved or taken out (exit code 1: it was)."""
    loaded = chosen_site(site)
    try:
        found = disclosure.entered(loaded, ledger)
    except LedgerBroken as error:
        raise SafeguardFails(error.message) from error
    there = {entry.digest for entry, _, _ in found}
    for one in receipt or ():
        if one not in there:
            raise SafeguardFails(
                f"The ledger holds no entry with the receipt {one}; it was taken out, or is elsewhere."
            )
    console = new_console(soft_wrap=True)
    console.print(f"{len(found)} disclosures, each signed by two different people; each follows from the one before.")
    console.print(
        "What was taken from its end shows by a receipt (--receipt), or by earlier evidence (`azukari verify`)."
    )


def _print(console: Console, one: Proposal) -> None:
    lines = (
        ("what", one.what),
        ("to", one.recipient),
        ("ground", f"{one.ground}: {GROUNDS[one.ground]} (section 4)"),
        ("basis", one.basis),
        ("records", ", ".join(one.records) or "none by an identifier"),
        ("proposed", one.made),
    )
    for name, text in lines:
        console.print(Words(f"  {name:<9} {shown(text)}"))
