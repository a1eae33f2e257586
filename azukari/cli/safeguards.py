"""`azukari safeguards`: the catalogue."""

import json
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text as Words

from azukari import safeguards
from azukari.cli.console import new_console
from azukari.errors import InputError
from azukari.safeguards import Catalogue, Safeguard


def command(
    safeguard: Annotated[str, typer.Argument(help="One safeguard to explain, such as LEAK-10.", metavar="[ID]")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the catalogue as JSON.")] = False,
) -> None:
    """List the safeguards, or explain one: what it promises, why, which clauses ask for it, what proves it."""
    catalogue = safeguards.load()
    if safeguard:
        if safeguard not in catalogue.safeguards:
            raise InputError(f"There is no safeguard “{safeguard}”; `azukari safeguards` lists them.")
        chosen = catalogue.safeguards[safeguard]
        if as_json:
            print(json.dumps(as_data(catalogue, chosen), ensure_ascii=False, indent=2))
        else:
            _explain(catalogue, chosen)
    elif as_json:
        everything = {"safeguards": [as_data(catalogue, each) for each in catalogue]}
        print(json.dumps(everything, ensure_ascii=False, indent=2))
    else:
        _list(catalogue)


def as_data(catalogue: Catalogue, safeguard: Safeguard) -> dict[str, Any]:
    """Return a safeguard as JSON-able data, its clauses with their texts and whether the number is sure."""
    data = safeguard.model_dump(mode="json")
    data["clauses"] = [citation.model_dump(mode="json") for citation in catalogue.citations(safeguard)]
    data["subjects"] = {name: subject.model_dump() for name, subject in catalogue.subjects(safeguard).items()}
    return data


def _list(catalogue: Catalogue) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "what must hold", "proof", "role", "status"):
        table.add_column(heading, no_wrap=heading == "id", overflow="fold")
    for safeguard in catalogue:
        planned = safeguard.status == "planned"
        table.add_row(
            safeguard.id,
            safeguard.title.en,
            " ".join(safeguard.proof),
            safeguard.role or "",
            safeguard.status,
            style="dim" if planned else None,
        )
    console = new_console()
    console.print(table)
    console.print(
        f"\n{len(catalogue.in_force())} of {len(catalogue.safeguards)} are in force; "
        "`azukari safeguards ID` explains one, and says of a planned one when it comes."
    )


def _explain(catalogue: Catalogue, safeguard: Safeguard) -> None:
    console = new_console()
    console.print(Words(f"{safeguard.id}  {safeguard.title.en}", style="bold"))
    console.print(Words(safeguard.title.ja))
    state = safeguard.status + (f": {safeguard.reason.en}" if safeguard.reason else "")
    carried_by = f"`{safeguard.command}`" if safeguard.kind == "procedure" else f"role {safeguard.role or '–'}"
    rows = {
        "status": state,
        "why": safeguard.why.en,
        "what to do": safeguard.what_to_do.en,
        "put in force by": ", ".join([carried_by, *safeguard.also]),
        "proven by": f"{safeguard.check or 'its evidence'} ({', '.join(safeguard.proof)})",
        "seen red by": ", ".join(safeguard.breaches) or "–",
    }
    table = Table.grid(padding=(0, 2))
    for heading, words in rows.items():
        table.add_row(Words(heading, style="dim"), Words(words))
    for citation in catalogue.citations(safeguard):
        framework = catalogue.clauses.frameworks[citation.framework].title.en
        sure = "" if citation.sure else " (to be confirmed by the reader)"
        words = f"{framework} {citation.clause}: {citation.text.en}{sure}"
        table.add_row(Words("answers", style="dim"), Words(words))
    console.print(table)
