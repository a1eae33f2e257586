"""USE-10: unsubscribing erases, what is asked for is deleted and proven, and no copy that is restored brings it back.

That unsubscribing deletes, word by word, is judged by USE-05 in checks/test_retention.py. Backups are not there yet:
the drill restores a copy of its own, which it takes as a backup would be taken.
"""

import json
import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from azukari.evidence import drills
from azukari.people.chain import LedgerBroken
from azukari.rights import known
from azukari.rights.ledger import Ledger
from azukari.verify import check, collector, not_applicable
from azukari.verify.database import asked
from azukari.verify.website import BY_LETTERS, FORM_PATHS, form_paths

DRILL = "erasure"
# All of them, but for those that only prepare and clean up.
STEPS = re.compile(r"(are deleted|looked for, on|who unsubscrib|the copy alone|after the ledger|what nobody asked)")
ENTERED_WITHIN = timedelta(days=2)  # `azukari request gather` is to be done daily


def must_take_answers(site):
    """Leave it out where nobody can send anything."""
    if not any(form_paths(site, name) for name in FORM_PATHS):
        not_applicable("the site has no form, so that nothing of anybody is kept")


@collector(scope="site")
def erasure_drills(site):
    """The newest signed erasure drills, each with what the signature says of it."""
    return drills.drills(site, DRILL)


@check("USE-10", proof="drill", hosts="site", collect=[erasure_drills])
def test_nobody_erased_comes_back(site, run, erasure_drills):
    """In the newest drill, what was erased was found nowhere, also after a restore and the ledger."""
    must_take_answers(site)
    return drills.newest_drill(site, run, erasure_drills, DRILL, STEPS)


@collector(scope="site")
def erasures(site):
    """The erasure ledger, every link and signature verified: digests of its lines."""
    try:
        lines, fault = Ledger(site, "erasures").entries(), ""
    except LedgerBroken as error:
        lines, fault = [], error.message
    return known.told(site, "erasures", [one.digest for one in lines], fault)


@check("USE-10", hosts="site", collect=[erasures])
def test_the_erasure_ledger_is_whole(site, run, erasures):
    """What was ever erased is in the ledger that each restore must replay: nothing was changed or taken out."""
    must_take_answers(site)
    known.must_be_whole(run, erasures, "erasures", "`azukari request replay`, which says which line")
    return f"{len(erasures['digests'])} lines, each signed and following the one before"


@collector()
def unsubscribed(host, site):
    """How many of those who unsubscribed wait for the erasure ledger, and since when: [number, day]."""
    if not form_paths(site, BY_LETTERS):
        return None
    rows = "SELECT jsonb_build_array(registrations, oldest) FROM site.waiting() WHERE what = 'ledger'"
    [line] = asked(host, [rows])
    return json.loads(line)


@check("USE-10", hosts="db", collect=[unsubscribed])
def test_who_unsubscribed_is_entered(host, site, run, unsubscribed):
    """Who unsubscribed is in the erasure ledger within two days: a restore of before does not bring them back."""
    if not form_paths(site, BY_LETTERS):
        not_applicable("nobody can register for letters of this site")
    number, oldest = unsubscribed
    first = (run.now.astimezone(ZoneInfo(site.settings.time_zone)) - ENTERED_WITHIN).date().isoformat()
    assert not oldest or oldest >= first, (
        f"{number} who unsubscribed wait for the erasure ledger, the oldest since {oldest}; promised are "
        f"{ENTERED_WITHIN.days} days. Run `azukari request gather`. Where to look: site.waiting() on {host.name}."
    )
    return f"{number} wait for the ledger"
