"""`azukari site answers` and `azukari site reseal`: sealed answers out of the database for the office, and back."""

import datetime
from pathlib import Path
from typing import Annotated

import typer

from azukari.cli.console import new_console, shown
from azukari.cli.options import SiteOption, chosen_site
from azukari.errors import InputError


def answers(
    form: Annotated[str, typer.Argument(help="The form, by the name of the policy's collection, such as contact.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The new file for the office.")],
    site: SiteOption = None,
    since: Annotated[
        datetime.datetime | None,
        typer.Option("--since", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="The first day received."),
    ] = None,
) -> None:
    """Fetch what visitors sent by a form, sealed as it is kept, into a file for the office.

    Nobody but the office can read it: `azukari office read FILE`. The answers stay in the database.
    """
    from azukari.answers import files, stored  # with all that logs in: the other verbs need not wait for it
    from azukari.provision.session import session

    declared = chosen_site(site)
    stored.must_be_the_offices(declared, form)
    host = stored.database_host(declared, form)
    files.must_be_new(out)
    with session(declared, limit=[host]) as at:
        made = stored.export(stored.psql(at, host), declared, form, out, since.date() if since else None)
    console = new_console(stderr=True, soft_wrap=True)
    console.print(f"{made.answers} answers, {made.values} sealed values, from {host}: {out}", markup=False)


def reseal(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `azukari office reseal` wrote.")],
    site: SiteOption = None,
) -> int:
    """Put values that the office sealed anew, for the key that it states now, in the place of the earlier ones.

    A value is replaced only where the earlier one is still kept; nothing that was deleted meanwhile comes back.
    Exit code 2: values were left, because they are neither the earlier nor the new ones.
    """
    from azukari.answers import files, resealing, stored
    from azukari.provision.session import session
    from reference_site.sealing import key_id

    declared = chosen_site(site)
    said = files.header(file, "resealed")
    if said.site != declared.name:
        raise InputError(f"{file} is of the site “{said.site}”, not of {declared.name}.")
    stored.must_be_the_offices(declared, said.form)
    host = stored.database_host(declared, said.form)
    key = key_id(resealing.stated(declared, said.form).key)
    # All of it is judged before a host is asked; and once more as it goes out, before the database is told to keep it.
    count = sum(1 for _ in resealing.judged(files.changes(file), said.form, key))
    with session(declared, limit=[host]) as at:
        changes = resealing.judged(files.changes(file), said.form, key)
        found = stored.put(stored.psql(at, host), said.form, changes)
    console = new_console(stderr=True, soft_wrap=True)
    console.print(
        f"Of {count} values, {found.replaced} were replaced, {found.there} had been before, {found.gone} were deleted "
        f"meanwhile and stay so, {len(found.different)} are others and were left."
    )
    for row, purpose in found.different:
        console.print(shown(f"Left as it is: {row}, {purpose}"), markup=False)
    return 2 if found.different else 0
