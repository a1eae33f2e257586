"""Deleting what the office asks for, proving it by a search, and remembering it for every later restore.

Who unsubscribes is remembered too, by an identifier that leads to nobody.

The erasure ledger is written first: what it names is to be gone, whatever happens next, and `replay` deletes it again.
It holds identifiers and days, and nothing readable.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from azukari.answers import stored
from azukari.drills.looking import looked_for
from azukari.drills.outcome import Outcome, Say
from azukari.evidence.signer import Signer
from azukari.provision.session import Session
from azukari.rights.ledger import Ledger
from azukari.rights.request import Request
from azukari.site import Site
from reference_site.answers import MAIL_SERVICE

DELETED, REPLAYED = "request delete", "request replay"
UNSUBSCRIBED = "unsubscribed"  # in the place of a request's digest
_TAIL = 48  # characters of a sealed value, of which 22 are its tag: no other value has them


def remember(site: Site, one: Request, signer: Signer) -> int:
    """Enter a request's identifiers into the erasure ledger, unless they are there; return how many are new.

    Raises:
        LedgerBroken: the ledger is not whole.
    """
    return _enter(site, one.form, one.records, sha256(one.to_bytes()).hexdigest(), signer)


def gather(at: Session, signer: Signer) -> int:
    """Enter who unsubscribed meanwhile into the erasure ledger; return how many are new.

    The database forgets them only when the ledger has them, so that whatever breaks off, nobody is lost.

    Args:
        at: the database's host, and the way to it.
        signer: of the contractor's evidence key.

    Raises:
        LedgerBroken: the ledger is not whole.
        NotJudged: the database gave no whole answer.
    """
    database = stored.psql(at, stored.database_host(at.site, MAIL_SERVICE))
    rows = stored.unsubscribed(database)
    new = _enter(at.site, MAIL_SERVICE, rows, UNSUBSCRIBED, signer)
    if rows:
        stored.entered(database, rows)
    return new


def _enter(site: Site, form: str, rows: Sequence[str], why: str, signer: Signer) -> int:
    known = set(erased(site).get(form, ()))
    new = [row for row in rows if row not in known]
    if new:
        said = {"form": form, "day": site.today().isoformat(), "request": why, "records": new}
        Ledger(site, "erasures").append([said], signer)
    return len(new)


def erased(site: Site) -> dict[str, list[str]]:
    """Return the identifiers that the erasure ledger names, by form, each once.

    Raises:
        LedgerBroken: the ledger is not whole.
    """
    found: dict[str, dict[str, None]] = {}
    for entry in Ledger(site, "erasures").entries():
        found.setdefault(str(entry.said["form"]), {}).update(dict.fromkeys(entry.said["records"]))
    return {form: list(rows) for form, rows in found.items()}


def delete(at: Session, form: str, rows: Sequence[str], say: Say) -> Outcome:
    """Delete answers, and look for them on the whole host of the database.

    Args:
        at: the hosts, and the ways to them.
        form: one of the site's forms.
        rows: the answers' identifiers; those that are not there any more are looked for too.
        say: told what goes on.

    Returns:
        What came of it, also where it broke off: then the step WHOLE did not come out as promised.
    """
    outcome = Outcome(datetime.now(UTC), tuple(at.hosts), dict(at.left))
    outcome.play([lambda: erase(at, form, rows, outcome, say)], lambda: None, say)
    return outcome


def erase(
    at: Session, form: str, rows: Sequence[str], outcome: Outcome, say: Say, *, database: str = "site", when: str = ""
) -> None:
    """Delete answers, look for them as text, as the database writes them, and by their sealed values; note both.

    Args:
        at, form, rows, say: as of `delete`.
        outcome: takes the steps.
        database: where they are deleted: the site's, or a copy of it.
        when: ends the steps' names.

    Raises:
        NotJudged: it broke off.
    """
    host = stored.database_host(at.site, form)
    gone = stored.erase(stored.psql(at, host, database), form, rows)
    answers = len({row for row, _, _ in gone})
    said = f"{len(gone)} values of {answers} answers were deleted; {len(rows) - answers} answers were not there"
    outcome.note(f"{len(rows)} answers of {form} are deleted{when}", True, said, say)
    marks = dict.fromkeys(rows, "identifier") | {sealed[-_TAIL:]: "sealed value" for _, _, sealed in gone}
    raw = [uuid.UUID(row).hex for row in rows]
    clean, said = looked_for(at, marks, 0, host=host, raw=raw)[host]
    what = f"{len(rows)} identifiers and {len(gone)} sealed values looked for, on {host}{when}"
    outcome.note(what, clean, said, say)
