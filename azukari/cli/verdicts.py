"""How a run of checks looks on a terminal: a table of safeguards × hosts, and each finding with what to do."""

from collections.abc import Callable, Iterable

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from azukari.safeguards import Catalogue
from azukari.verify.results import Result, RunResult, Verdict

_LONG = 700  # signs of a message that a terminal shows

# From the worst to the best: the verdict of a cell is the worst of its checks.
_ORDER: tuple[Verdict, ...] = ("fail", "not-evaluated", "excepted", "pass", "not-applicable")
_SIGNS: dict[Verdict, tuple[str, str]] = {
    "fail": ("✗", "bold red"),
    "not-evaluated": ("?", "bold yellow"),
    "excepted": ("!", "magenta"),
    "pass": ("✓", "green"),
    "not-applicable": ("–", "dim"),
}
_WORDS: dict[Verdict, str] = {
    "fail": "fail",
    "not-evaluated": "not evaluated",
    "excepted": "excepted",
    "pass": "pass",
    "not-applicable": "not applicable",
}


def table(run: RunResult, catalogue: Catalogue) -> Table:
    """Return the table of safeguards × hosts, each cell the worst verdict of its checks."""
    columns = [*run.hosts, *(["site"] if any(result.host == "site" for result in run.results) else [])]
    cells: dict[str, dict[str, list[Verdict]]] = {}
    for result in run.results:
        cells.setdefault(result.safeguard, {}).setdefault(result.host, []).append(result.verdict)
    drawn = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    drawn.add_column("", no_wrap=True, width=7)
    drawn.add_column("what must hold", overflow="ellipsis", no_wrap=True, ratio=1)
    for column in columns:
        drawn.add_column(column, justify="center", no_wrap=True, width=min(len(column), 12))
    for safeguard in sorted(cells, key=_catalogue_order(catalogue)):
        signs = []
        for column in columns:
            found = cells[safeguard].get(column, [])
            sign, style = _SIGNS[min(found, key=_ORDER.index)] if found else ("", "")
            signs.append(Text(sign, style=style))
        drawn.add_row(safeguard, Text(_title(catalogue, safeguard)), *signs)
    return drawn


def legend() -> Text:
    """Return what the signs mean."""
    parts = [Text.assemble((sign, style), f" {_WORDS[verdict]}") for verdict, (sign, style) in _SIGNS.items()]
    return Text("   ").join(parts)


def findings(run: RunResult, catalogue: Catalogue, *, thorough: bool) -> RenderableType:
    """Return what fails and what could not be judged.

    Args:
        run: the run.
        catalogue: says why it matters and what to do.
        thorough: with why and what to do for each safeguard that fails.
    """
    parts: list[RenderableType] = []
    order = _catalogue_order(catalogue)
    failed = [result for result in run.results if result.verdict == "fail"]
    for safeguard in sorted({result.safeguard for result in failed}, key=order):
        parts.append(Text.assemble(("\n✗ ", "bold red"), (f"{safeguard}  {_title(catalogue, safeguard)}", "bold")))
        parts += [_line(*words) for words in _grouped(result for result in failed if result.safeguard == safeguard)]
        known = catalogue.safeguards.get(safeguard)
        if thorough and known is not None:
            parts.append(_explanation("why it matters", known.why.en))
            parts.append(_explanation("what to do", known.what_to_do.en))
    unjudged = [result for result in run.results if result.verdict == "not-evaluated"]
    if unjudged:
        parts.append(Text("\n? not evaluated", style="bold yellow"))
        for hosts, message in _grouped(unjudged, with_safeguards=True):
            parts.append(_line(hosts, message))
    return Group(*parts)


def summary(run: RunResult) -> Text:
    """Return the counts of verdicts, in words."""
    counts = [(verdict, sum(result.verdict == verdict for result in run.results)) for verdict in _ORDER]
    parts = [Text(f"{count} {_WORDS[verdict]}", style=_SIGNS[verdict][1]) for verdict, count in counts if count]
    return Text(", ").join(parts) if parts else Text("nothing was judged", style="bold yellow")


def held(run: RunResult, catalogue: Catalogue) -> RenderableType:
    """Return what holds on a lone host, a line each, and what does not concern it."""
    parts: list[RenderableType] = []
    verdicts: tuple[Verdict, Verdict] = ("pass", "not-applicable")
    for verdict in verdicts:
        sign, style = _SIGNS[verdict]
        for result in sorted(run.results, key=lambda one: _catalogue_order(catalogue)(one.safeguard)):
            if result.verdict == verdict:
                line = Text.assemble((f"{sign} ", style), f"{result.safeguard}  ", (result.message, style))
                line.overflow, line.no_wrap = "ellipsis", True
                parts.append(line)
    return Group(*parts)


def _grouped(results: Iterable[Result], *, with_safeguards: bool = False) -> list[tuple[str, str]]:
    """Return (where, message), the hosts of the same message together: seven equal lines help nobody."""
    places: dict[str, dict[str, None]] = {}
    for result in results:
        where = result.host if not with_safeguards else f"{result.host} {result.safeguard}"
        places.setdefault(result.message, {})[where] = None
    return [(_names(list(found)), message) for message, found in places.items()]


def _names(found: list[str]) -> str:
    if len(found) <= 4:
        return ", ".join(found)
    hosts = list(dict.fromkeys(one.split(" ")[0] for one in found))
    return f"{', '.join(hosts)} ({len(found)} checks)" if hosts != found else ", ".join(hosts)


def _line(where: str, message: str) -> RenderableType:
    if len(message) > _LONG:
        message = f"{message[:_LONG].rpartition(' ')[0]} … (whole in the evidence)"
    return Padding(Text.assemble((f"{where}: ", "cyan"), message), (0, 0, 0, 2))


def _explanation(heading: str, words: str) -> RenderableType:
    return Padding(Text.assemble((f"{heading}: ", "dim"), words), (0, 0, 0, 2))


def _title(catalogue: Catalogue, safeguard: str) -> str:
    known = catalogue.safeguards.get(safeguard)
    return known.title.en if known else ""


def _catalogue_order(catalogue: Catalogue) -> Callable[[str], tuple[int, str]]:
    places = {name: place for place, name in enumerate(catalogue.safeguards)}
    return lambda safeguard: (places.get(safeguard, len(places)), safeguard)


def show(console: Console, run: RunResult, catalogue: Catalogue) -> None:
    """Show a run: of a site the table, of a lone host its findings; then what to do."""
    lone = run.identity.startswith("host identity unproven")
    if lone:
        console.print(findings(run, catalogue, thorough=True))
        console.print()
        console.print(held(run, catalogue))
    else:
        console.print(table(run, catalogue))
        console.print(legend())
        console.print(findings(run, catalogue, thorough=False))
    console.print()
    console.print(
        Text.assemble(summary(run), f" · {len(run.hosts)} host{'s' * (len(run.hosts) != 1)}, {run.seconds:.1f} s")
    )
