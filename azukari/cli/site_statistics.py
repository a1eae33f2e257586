"""`azukari site statistics`: what may be published of accesses, and of what visitors chose."""

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text as Words

from azukari.cli.console import new_console
from azukari.cli.options import SiteOption, chosen_site
from azukari.errors import InputError
from azukari.site import Site
from reference_site.statistics import Cell

if TYPE_CHECKING:
    from azukari.answers.accesses import Accesses
    from azukari.answers.domains import Day

Language = Literal["ja", "en"]

_ATTRIBUTES = {"ja": ("フォーム", "項目", "選択肢", "件数"), "en": ("form", "item", "choice", "answers")}
_ACCESSES = {"ja": ("日", "ページ", "閲覧", "訪問"), "en": ("day", "page", "accesses", "visits")}
_DOMAINS = {"ja": ("日", "ドメイン", "訪問者"), "en": ("day", "internet domain", "visitors")}
_OTHERS = {"ja": ("（名前なし）", "（調べられず）"), "en": ("(no name)", "(not looked up)")}
_NOTES = {
    "ja": "{k}に満たない数は示しません。回答の数は{k}以上増えた時にだけ改めます。合計は示しません。",
    "en": "Numbers below {k} are not shown; a number of answers changes only when at least {k} more have come; there "
    "are no totals.",
}


def statistics(
    site: SiteOption = None,
    language: Annotated[Language, typer.Option("--language", "--lang", help="Of the titles.")] = "ja",
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show what may be published, in groups of at least k: what visitors chose, accesses by page, visitors by domain.

    What was shown of choices and domains is kept on this machine, so that no two tables ever differ by fewer than k.
    """
    # Here, with all that logs in: the other verbs need not wait for it.
    from azukari.answers import accesses, domains, statistics
    from azukari.provision.session import session

    declared = chosen_site(site)
    database, web = ([host.name for host in declared.group(group)] for group in ("db", "web"))
    if not database and not web:
        raise InputError(f"The site {declared.name} has no host of the groups db and web, so that nothing is counted.")
    counting = domains.counting(declared)
    with session(declared, limit=[*database, *web]) as at:
        lines = [statistics.said_by(statistics.database_command(at, host), host) for host in database[:1]]
        logs = [statistics.said_by(accesses.log_command(at, host, declared), host) for host in web]
        named = [statistics.said_by(domains.store_command(at, one.name, declared), one.name) for one in counting]
    seen = accesses.summed([accesses.told(said, declared) for said in logs])
    days = domains.summed([domains.told(said, declared) for said in named])
    chosen = statistics.publish(declared, statistics.counted([line for said in lines for line in said], declared))
    if counting:
        days = domains.published(days, statistics.publish_domains(declared, domains.cells(days)))
    if as_json:
        print(json.dumps(_data(declared, chosen, seen, days), ensure_ascii=False, indent=2))
        return
    console = new_console()
    console.print(_attributes(declared, chosen, language))
    console.print()
    console.print(_accesses(seen, language))
    if counting:
        console.print()
        console.print(_by_domain(days, language))
    note = _NOTES[language].replace("{k}", str(declared.policy.statistics.smallest_group))
    new_console(soft_wrap=True).print(f"\n{note}")


def _data(site: Site, table: dict[Cell, int], seen: "list[Accesses]", days: "list[Day]") -> dict[str, Any]:
    return {
        "site": site.name,
        "day": site.today().isoformat(),
        "smallest_group": site.policy.statistics.smallest_group,
        "attributes": [
            {"form": form, "item": item, "choice": choice, "answers": number}
            for (form, item, choice), number in table.items()
        ],
        "accesses": [one._asdict() for one in seen],
        "domains": [one._asdict() for one in days],
    }


def _attributes(site: Site, table: dict[Cell, int], language: Language) -> Table:
    """Return the choices with their titles, in the policy's order; what is not shown has a dash."""
    shown = Table(*_ATTRIBUTES[language], box=None, pad_edge=False)
    for one in site.policy.collections:
        if not any(cell[0] == one.name for cell in table):
            continue
        for item in one.items:
            for choice in item.choices:
                titles = (getattr(each.title, language) for each in (one, item, choice))
                shown.add_row(*map(Words, titles), str(table.get((one.name, item.name, choice.name), "–")))
    return shown


def _accesses(seen: "list[Accesses]", language: Language) -> Table:
    shown = Table(*_ACCESSES[language], box=None, pad_edge=False)
    for one in seen:
        shown.add_row(one.day, Words(one.page), str(one.accesses), "–" if one.visits is None else str(one.visits))
    return shown


def _by_domain(days: "list[Day]", language: Language) -> Table:
    """Return the visitors of each day by domain, the most first; those without one last, with a dash where few."""
    shown = Table(*_DOMAINS[language], box=None, pad_edge=False)
    for one in days:
        for name, number in sorted(one.domains.items(), key=lambda pair: (-pair[1], pair[0])):
            shown.add_row(one.day, Words(name), str(number))
        for name, few in zip(_OTHERS[language], (one.unknown, one.not_looked_up), strict=True):
            if few != 0:
                shown.add_row(one.day, Words(name), "–" if few is None else str(few))
    return shown
