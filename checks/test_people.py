"""USE-07: section 4's disclosures are made by two people of the office, and stand in a ledger that is whole."""

from azukari.people.chain import LedgerBroken
from azukari.rights import disclosure, known, rehearsal
from azukari.verify import check, collector


@collector(scope="site")
def disclosures(site):
    """The ledger of disclosures, every link and signature verified: digests and counts, never what was disclosed."""
    try:
        found, fault = disclosure.entered(site), ""
    except LedgerBroken as error:
        found, fault = [], error.message
    said = known.told(site, "disclosures", [entry.digest for entry, _, _ in found], fault)
    return {**said, "signed_by": [list(who) for _, _, who in found]}


@check("USE-07", hosts="site", collect=[disclosures])
def test_every_disclosure_is_in_a_whole_ledger(run, disclosures):
    """Each disclosure was signed by two different people of the office, and none was changed, moved or taken out."""
    known.must_be_whole(run, disclosures, "disclosures", "`azukari disclosure verify`")
    alone = [number for number, who in enumerate(disclosures["signed_by"], 1) if len(set(who)) < 2]
    assert not alone, f"entries signed by fewer than two people: {alone}. Where to look: `azukari disclosure list`."
    many = len(disclosures["digests"])
    return f"{many} disclosures, each signed by two people" if many else "no disclosure was made"


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
