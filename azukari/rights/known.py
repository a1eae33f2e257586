"""A ledger as checks judge it: whole, and neither shorter nor another than an earlier signed run has seen it.

A ledger says nothing of what was taken from its end; the evidence of earlier runs does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from azukari.evidence import EvidenceInvalid, fault_of, listed
from azukari.rights.ledger import Kind, Ledger
from azukari.site import Site
from azukari.verify.authoring import not_evaluated
from azukari.verify.host import RunContext


def told(site: Site, kind: Kind, digests: Sequence[str], fault: str) -> dict[str, Any]:
    """Return what a run signs of a ledger: digests, never what it holds, and the most that was ever seen of it.

    Args:
        site: the site.
        kind: which ledger; the collector that hands this on bears its name.
        digests: of its lines, the oldest first.
        fault: why it is not whole; empty where it is.
    """
    most = most_before(site, kind)
    if not fault and len(digests) > most[0]:
        most = [len(digests), digests[-1]]
    return {"there": Ledger(site, kind).path.exists(), "fault": fault, "digests": list(digests), "most": most}


def most_before(site: Site, kind: Kind) -> list[Any]:
    """Return number and digest of the last line of the longest ledger that the newest signed run knows of.

    Each run hands on the most that was ever seen, so that a red one is not forgotten by the next.
    """
    key = site.path / site.contract.contractor.evidence_key
    for one in listed(site, "verify"):
        if fault_of(one, key):
            continue
        try:
            section = one.facts.get("site", {}).get(f"collected {kind}", {})
        except EvidenceInvalid:  # of another time: it knows of no ledger
            continue
        if section.get("ok"):
            return list(section["value"]["most"])
    return [0, ""]


def must_be_whole(run: RunContext, found: Mapping[str, Any], what: str, look: str) -> None:
    """Fail where a ledger is not whole, or not what an earlier run has signed of it.

    Args:
        run: the run.
        found: as `told` gives it.
        what: its lines, in the plural.
        look: where to look.

    Raises:
        AssertionError: it is not so; says why.
        NotEvaluated: there is none at an auditor's hand, and never was.
    """
    if not found["there"] and not found["most"][0] and run.judged_as == "auditor":
        not_evaluated(f"no ledger of {what} is at hand here: the contractor keeps it, and hands over a copy")
    fault = f"{found['fault']} Where to look: {look}." if found["fault"] else ""
    if fault := fault or less_than(found["digests"], found["most"], what):
        raise AssertionError(fault)


def less_than(digests: Sequence[str], most: Sequence[Any], what: str) -> str:
    """Return in what a ledger falls short of the most that a signed run has seen of it; empty where it does not.

    Args:
        digests: of its lines, the oldest first.
        most: as `most_before` returns it.
        what: its lines, in the plural.
    """
    count, last = most
    elsewhere = "Where to look: a copy of the ledger, and `azukari evidence list`."
    if count > len(digests):
        return (
            f"the ledger holds {len(digests)} {what}; an earlier run has signed that there were {count}: they were "
            f"taken from its end. {elsewhere}"
        )
    if count and digests[count - 1] != last:
        return f"entry {count} is not the one that an earlier run has signed: the ledger was written anew. {elsewhere}"
    return ""
