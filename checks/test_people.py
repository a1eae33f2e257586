"""USE-07: section 4's disclosures are made by two people of the office, and stand in a ledger that is whole."""

from azukari.evidence import EvidenceInvalid, fault_of, listed
from azukari.people.chain import LedgerBroken
from azukari.rights import disclosure, rehearsal
from azukari.rights.ledger import Ledger
from azukari.verify import check, collector, not_evaluated


@collector(scope="site")
def disclosures(site):
    """The ledger of disclosures, every link and signature verified: digests and counts, never what was disclosed."""
    there, most = Ledger(site, "disclosures").path.exists(), most_before(site)
    try:
        found = disclosure.entered(site)
    except LedgerBroken as error:
        return {"there": there, "fault": error.message, "digests": [], "signed_by": [], "most": most}
    return {
        "there": there,
        "fault": "",
        "digests": [entry.digest for entry, _, _ in found],
        "signed_by": [list(who) for _, _, who in found],
        "most": most if most[0] >= len(found) else [len(found), found[-1][0].digest],
    }


def most_before(site):
    """Return number and digest of the last entry of the longest ledger that the newest signed run knows of.

    A ledger says nothing of what was taken from its end; the evidence of earlier runs does. Each run hands on the most
    that was ever seen, so that a red one is not forgotten by the next.
    """
    key = site.path / site.contract.contractor.evidence_key
    for one in listed(site, "verify"):
        if fault_of(one, key):
            continue
        try:
            section = one.facts.get("site", {}).get("collected disclosures", {})
        except EvidenceInvalid:  # of another time: it knows of no ledger
            continue
        if section.get("ok"):
            return section["value"]["most"]
    return [0, ""]


@check("USE-07", hosts="site", collect=[disclosures])
def test_every_disclosure_is_in_a_whole_ledger(run, disclosures):
    """Each disclosure was signed by two different people of the office, and none was changed, moved or taken out."""
    if not disclosures["there"] and not disclosures["most"][0] and run.judged_as == "auditor":
        not_evaluated("no ledger is at hand here: the contractor keeps it; verify a copy: azukari disclosure verify")
    assert not disclosures["fault"], f"{disclosures['fault']} Where to look: `azukari disclosure verify`."
    alone = [number for number, who in enumerate(disclosures["signed_by"], 1) if len(set(who)) < 2]
    assert not alone, f"entries signed by fewer than two people: {alone}. Where to look: `azukari disclosure list`."
    digests, (count, last) = disclosures["digests"], disclosures["most"]
    assert count <= len(digests), (
        f"the ledger holds {len(digests)} disclosures; an earlier run has signed that there were {count}: they were "
        "taken from its end. Where to look: a copy of the ledger, and `azukari evidence list`."
    )
    assert not count or digests[count - 1] == last, (
        f"entry {count} is not the one that an earlier run has signed: the ledger was written anew. Where to look: a "
        "copy of the ledger, and `azukari evidence list`."
    )
    return f"{len(digests)} disclosures, each signed by two people" if digests else "no disclosure was made"


@collector(scope="site")
def rehearsed(site):
    """The procedure, gone through with throwaway people in each way that must be refused, and in the one that holds."""
    return rehearsal.tried(site)


@check("USE-07", proof="attempt", hosts="site", collect=[rehearsed], vantage="controller")
def test_alone_it_fails(rehearsed):
    """A disclosure by one person alone, or one person twice, or anybody not declared, is refused; by two it is not."""
    came = {one["what"]: one["outcome"] for one in rehearsed}
    assert came.pop(rehearsal.BY_TWO, "") == "entered", (
        "two different people were refused too, so the other refusals prove nothing. Where to look: azukari/rights/."
    )
    wrong = sorted(what for what, outcome in came.items() if outcome != "refused")
    assert not wrong, (
        f"a disclosure would have been entered, signed by {'; '.join(wrong)}. Where to look: azukari/rights/."
    )
    return f"refused: {'; '.join(came)}"
