"""`azukari request`: what the office asks for a visitor (find, see, correct, delete) is done, proven and remembered."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from azukari import evidence
from azukari.answers import files, resealing, stored
from azukari.cli.console import new_console, shown
from azukari.cli.office_answers import NOT_ALL
from azukari.cli.options import SiteOption, chosen_site
from azukari.drills.outcome import Outcome
from azukari.drills.sending import mail_host
from azukari.errors import InputError, SafeguardFails
from azukari.evidence import signer
from azukari.provision.release import forms, policy_digest
from azukari.provision.session import session
from azukari.rights import erasing, known
from azukari.rights import question as questions
from azukari.rights import request as requests
from azukari.rights.ledger import Ledger
from azukari.site import Site, holders_dir
from reference_site.answers import MAIL_SERVICE
from reference_site.sealing import key_id

app = typer.Typer(
    no_args_is_help=True,
    short_help="Do what the office asks for a visitor: find, access, correct, delete.",
    help="What a visitor may ask the office for, done on the servers. The office signs the request (`azukari office "
    "request`, `office correct`); it names answers by identifiers, and nothing in it can be read.",
)

_File = Annotated[Path, typer.Argument(metavar="FILE", help="The office's request; its FILE.sig lies beside it.")]


@app.command()
def find(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `azukari office question` wrote.")],
    site: SiteOption = None,
) -> int:
    """Hand the office's question to the mail host, and print identifier and day of each registration of that person.

    The address stays sealed on the way. A question is answered once; so many are answered an hour. Exit code 2: some
    registrations have not been opened yet, and may be the person's: ask again later.
    """
    declared = chosen_site(site)
    asked = questions.read(declared, file)
    signing = _signing(declared)
    host = mail_host(declared)
    outcome = Outcome(datetime.now(UTC), (host,), {})
    with session(declared, limit=[host]) as at:
        found = questions.carry(at, asked)
    for row, received in found.rows:
        print(f"{row}  {received}")
    said = f"{len(found.rows)} registrations are the person's; {found.unread} have not been opened yet, and may be"
    outcome.note("a question of the office is answered", True, said, _say)
    _sign(declared, "request find", outcome, signing)
    return NOT_ALL if found.unread else 0


@app.command()
def access(
    file: _File,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The new file of answers for the office.")],
    site: SiteOption = None,
) -> None:
    """Fetch the named answers, sealed as they are kept, for the office to read and to show the visitor."""
    declared = chosen_site(site)
    one = requests.read(declared, file, "access")
    stored.must_be_the_offices(declared, one.form)
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
    stored.must_be_the_offices(declared, one.form)
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

    Who unsubscribed meanwhile is entered first. Exit code 1: something was still found, or it broke off (run again), or
    the ledger is shorter than a signed run has seen it (put a whole copy in its place first).
    """
    declared = chosen_site(site)
    ledger = Ledger(declared, "erasures")
    digests = [one.digest for one in ledger.entries()]
    if fault := known.less_than(digests, known.most_before(declared, "erasures"), "lines"):
        raise SafeguardFails(f"{ledger.path}: {fault} Nothing was deleted.")
    if MAIL_SERVICE in forms(declared):
        _gather(declared)
    named = erasing.erased(declared)
    if not named:
        _say(f"The erasure ledger {ledger.path} names nothing, and no signed run has seen one that did.")
        return 0
    codes = []
    for form, rows in named.items():
        signing, _, host = _begun(declared, form)
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
    signing, _, host = _begun(site, MAIL_SERVICE)
    with session(site, limit=[host]) as at:
        new = erasing.gather(at, signing)
    _say(f"{new} registrations of those who unsubscribed are new in the erasure ledger")


def _begun(site: Site, form: str) -> tuple[signer.Signer, Outcome, str]:
    """Return who signs what comes of it, the beginning of that, and the database's host."""
    signing = _signing(site)
    host = stored.database_host(site, form)
    return signing, Outcome(datetime.now(UTC), (host,), {}), host


def _signing(site: Site) -> signer.Signer:
    return signer.load(holders_dir(site) / "contractor" / "evidence.pem")


def _sign(site: Site, name: str, outcome: Outcome, signing: signer.Signer) -> int:
    steps = [{"what": step.what, "passed": step.passed, "said": step.said} for step in outcome.steps]
    ended, policy = datetime.now(UTC), policy_digest(site)
    record = evidence.of_drill(site.name, name, outcome.hosts, steps, outcome.started, ended, policy=policy)
    folder = evidence.write(record, site, signing)
    _say(f"{'Done' if outcome.passed else 'NOT as promised'}. Evidence: {folder}")
    return 0 if outcome.passed else 1


def _say(line: str) -> None:
    new_console(stderr=True, soft_wrap=True).print(escape(shown(line)))
