"""`azukari request`: what the office asks for a visitor (to see, correct, delete) is done, proven and remembered."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from azukari import evidence
from azukari.answers import files, resealing, stored
from azukari.cli.console import new_console, shown
from azukari.cli.options import SiteOption, chosen_site
from azukari.drills.outcome import Outcome
from azukari.errors import InputError
from azukari.evidence import signer
from azukari.provision.release import forms, policy_digest
from azukari.provision.session import session
from azukari.rights import erasing
from azukari.rights import request as requests
from azukari.site import Site, holders_dir
from reference_site.answers import MAIL_SERVICE
from reference_site.sealing import key_id

app = typer.Typer(
    no_args_is_help=True,
    short_help="Do what the office asks for a visitor: access, correct, delete.",
    help="What a visitor may ask the office for, done on the servers. The office signs the request (`azukari office "
    "request`, `office correct`); it names answers by identifiers, and nothing in it can be read.",
)

_File = Annotated[Path, typer.Argument(metavar="FILE", help="The office's request; its FILE.sig lies beside it.")]


@app.command()
def access(
    file: _File,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The new file of answers for the office.")],
    site: SiteOption = None,
) -> None:
    """Fetch the named answers, sealed as they are kept, for the office to read and to show the visitor."""
    declared = chosen_site(site)
    one = requests.read(declared, file, "access")
    files.must_be_new(out)
    signing, outcome, host = _begun(declared, one.form)
    with session(declared, limit=[host]) as at:
        made = stored.fetch(stored.psql(at, host), declared, one.form, one.records, out)
    said = f"{made.values} values of {made.answers} answers were fetched, sealed; {len(one.records)} were asked for"
    outcome.note(f"{len(one.records)} answers of {one.form} are given to the office", True, said, _say)
    _sign(declared, "request access", outcome, signing)


@app.command()
def correct(file: _File, site: SiteOption = None) -> None:
    """Put the office's corrected values in the place of the earlier ones: all of them, or none."""
    declared = chosen_site(site)
    one = requests.read(declared, file, "correct")
    key = key_id(resealing.stated(declared, one.form).key)
    changes = list(resealing.judged(one.changes, one.form, key))
    signing, outcome, host = _begun(declared, one.form)
    with session(declared, limit=[host]) as at:
        found = stored.put(stored.psql(at, host), one.form, changes, whole=True)
    if found.gone or found.different:
        raise InputError(
            f"{found.gone} of {len(changes)} values were deleted meanwhile, and {len(found.different)} are others than "
            "those that the office corrected; nothing was changed. Fetch the answers anew for the office."
        )
    said = f"{found.replaced} values were replaced, {found.there} had been before"
    outcome.note(f"{len(one.records)} answers of {one.form} are corrected", True, said, _say)
    _sign(declared, "request correct", outcome, signing)


@app.command()
def delete(file: _File, site: SiteOption = None) -> int:
    """Delete the named answers, look for them on the database's whole host, and enter them into the erasure ledger.

    Exit code 1: something of them was still found, or it broke off; run it again.
    """
    declared = chosen_site(site)
    one = requests.read(declared, file, "delete")
    signing, _, host = _begun(declared, one.form)
    with session(declared, limit=[host]) as at:
        new = erasing.remember(declared, one, signing)
        _say(f"{new} of {len(one.records)} answers are new in the erasure ledger")
        outcome = erasing.delete(at, one.form, one.records, _say)
    return _sign(declared, erasing.DELETED, outcome, signing)


@app.command()
def replay(site: SiteOption = None) -> int:
    """Delete again whatever the erasure ledger names: after every restore, before the site takes anything in.

    Who unsubscribed meanwhile is entered first. Exit code 1: something was still found, or it broke off; run it again.
    """
    declared = chosen_site(site)
    if MAIL_SERVICE in forms(declared):
        _gather(declared)
    named = erasing.erased(declared)
    if not named:
        _say("The erasure ledger names nothing.")
        return 0
    codes = []
    for form, rows in named.items():
        signing, _, host = _begun(declared, form, of_office=False)
        with session(declared, limit=[host]) as at:
            outcome = erasing.delete(at, form, rows, _say)
        codes.append(_sign(declared, erasing.REPLAYED, outcome, signing))
    return max(codes)


@app.command()
def gather(site: SiteOption = None) -> None:
    """Enter who unsubscribed into the erasure ledger, so that no restore brings anybody back; to be done daily."""
    declared = chosen_site(site)
    if MAIL_SERVICE not in forms(declared):
        raise InputError("The site has no hosts of the group mail, or no form “mail_service”: nobody can unsubscribe.")
    _gather(declared)


def _gather(site: Site) -> None:
    signing, _, host = _begun(site, MAIL_SERVICE, of_office=False)
    with session(site, limit=[host]) as at:
        new = erasing.gather(at, signing)
    _say(f"{new} registrations of those who unsubscribed are new in the erasure ledger")


def _begun(site: Site, form: str, *, of_office: bool = True) -> tuple[signer.Signer, Outcome, str]:
    """Return who signs what comes of it, the beginning of that, and the database's host."""
    signing = signer.load(holders_dir(site) / "contractor" / "evidence.pem")
    host = stored.database_host(site, form, of_office=of_office)
    return signing, Outcome(datetime.now(UTC), (host,), {}), host


def _sign(site: Site, name: str, outcome: Outcome, signing: signer.Signer) -> int:
    steps = [{"what": step.what, "passed": step.passed, "said": step.said} for step in outcome.steps]
    ended, policy = datetime.now(UTC), policy_digest(site)
    record = evidence.of_drill(site.name, name, outcome.hosts, steps, outcome.started, ended, policy=policy)
    folder = evidence.write(record, site, signing)
    _say(f"{'Done' if outcome.passed else 'NOT as promised'}. Evidence: {folder}")
    return 0 if outcome.passed else 1


def _say(line: str) -> None:
    new_console(stderr=True, soft_wrap=True).print(escape(shown(line)))
