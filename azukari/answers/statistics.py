"""What may be published of what visitors chose, and what was published before (section 4 of the policy, decision 0015).

The database gives groups of k and more alone, by the audit's role, which can read no answer. What was published stays
in the site's state, so that two tables never differ by fewer than k. The same holds for visitors' internet domains.
"""

import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from azukari.errors import InputError, NotJudged, SafeguardFails
from azukari.provision.session import Session
from azukari.site import Site, state_dir
from reference_site.statistics import Cell, shown

_ASK = "SELECT json_build_array(form, item, choice, answers) FROM site.statistics() ORDER BY form, item, choice"
_PSQL = f'runuser -u azukari-audit -- psql --no-psqlrc -qAt --set=ON_ERROR_STOP=1 --dbname=site --command="{_ASK}"'
_SECONDS = 60
ATTRIBUTES, DOMAINS = "attributes", "domains"  # what is published, each a series of tables of its own
_WHOSE = {ATTRIBUTES: "The database", DOMAINS: "The web server's counting by domain"}


def database_command(at: Session, host: str) -> list[str]:
    """Return the command that asks a host's database what may be published."""
    return ["ssh", "-F", str(at.ssh_config), host, f"sudo -n {_PSQL}"]


def said_by(command: Sequence[str], what: str) -> list[str]:
    """Run a command that prints counts; return its lines.

    Args:
        command: as `database_command` returns it.
        what: who answers, for the sentence when nobody does: a host's name.

    Raises:
        NotJudged: it gave no whole answer.
    """
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotJudged(f"No counts: {what} gave no answer within {_SECONDS} s.") from None
    if done.returncode:
        raise NotJudged(f"No counts: {what} gave no whole answer: {done.stderr.strip()[-300:]}")
    return done.stdout.splitlines()


def counted(lines: Iterable[str], site: Site) -> dict[Cell, int]:
    """Return how many answers gave each choice, as the database says.

    Args:
        lines: each [form, item, choice, answers] in JSON.
        site: the declared site, whose choices alone are counted.

    Raises:
        NotJudged: a line cannot be understood.
        SafeguardFails: something is counted that is no declared choice: nothing is published.
    """
    declared = choices(site)
    found: dict[Cell, int] = {}
    for line in lines:
        try:
            form, item, choice, answers = json.loads(line)
            cell, found[cell] = (form, item, choice), int(answers)
        except (ValueError, TypeError):
            raise NotJudged(
                "The database's counts cannot be understood; `azukari verify` says more (USE-08)."
            ) from None
        if cell not in declared:
            raise SafeguardFails(
                f"The database counts {'/'.join(map(str, cell))}, which is no declared choice; nothing was "
                "published. `azukari verify` says more (USE-08)."
            )
    return found


def choices(site: Site) -> list[Cell]:
    """Return every declared choice, in the policy's order."""
    return [
        (one.name, item.name, choice.name)
        for one in site.policy.collections
        for item in one.items
        for choice in item.choices
    ]


def publish(site: Site, counts: dict[Cell, int]) -> dict[Cell, int]:
    """Return the numbers that may be published now, and keep them in the site's state for the next time.

    Args:
        site: the declared site.
        counts: as `counted` returns them.

    Raises:
        InputError: what was published before cannot be read, or is more than is counted now.
    """
    return _publish(site, ATTRIBUTES, counts, set(choices(site)))


def publish_domains(site: Site, counts: dict[Cell, int]) -> dict[Cell, int]:
    """Return the numbers of visitors by domain that may be published now, and keep them for the next time.

    Args:
        site: the declared site.
        counts: visitors by ("access", day, domain). A day that is not among them is past its days, and forgotten.

    Raises:
        InputError: as `publish`.
    """
    return _publish(site, DOMAINS, counts, set(counts))


def _publish(site: Site, series: str, counts: dict[Cell, int], known: set[Cell]) -> dict[Cell, int]:
    path = state_dir(site) / "published.json"
    published = _read(path)
    try:
        before = {cell: number for cell, number in published.get(series, {}).items() if cell in known}
        table = shown(counts, before, site.policy.statistics.smallest_group)
    except ValueError as error:
        raise InputError(
            f"{error} {_WHOSE[series]} was begun anew, or another one answers. Where that is meant, move {path} away: "
            "the next table then begins a new series, and must not be compared with the earlier ones."
        ) from None
    _write(path, {**published, series: table})
    return table


def _read(path: Path) -> dict[str, dict[Cell, int]]:
    """Return the tables of each series that was published; one that began later is not in the file yet."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        series = {ATTRIBUTES: said[ATTRIBUTES], DOMAINS: said.get(DOMAINS, [])}
        return {name: {(a, b, c): int(number) for a, b, c, number in rows} for name, rows in series.items()}
    except FileNotFoundError:
        return {ATTRIBUTES: {}}
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{path}, which says what was published before, cannot be read; restore it.") from None


def _write(path: Path, tables: dict[str, dict[Cell, int]]) -> None:
    """Replace the file in one step: a table that was shown and not kept would let the next one differ by too few."""
    new = path.with_suffix(".new")
    kept = {name: [[*cell, number] for cell, number in sorted(table.items())] for name, table in tables.items()}
    with new.open("w", encoding="utf-8") as file:
        json.dump(kept, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
