"""Judges of section 4's disclosures: the ledger against what earlier runs have signed, and who is refused."""

from types import SimpleNamespace

import pytest

from azukari.people.chain import LedgerBroken
from azukari.verify.authoring import NotEvaluated
from checks import test_people as judged

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
CONTRACTOR, AUDITOR = SimpleNamespace(judged_as="contractor"), SimpleNamespace(judged_as="auditor")


def ledger(*digests, most=(0, ""), fault="", there=True, signed_by=None):
    who = signed_by or [["ito", "yamada"] for _ in digests]
    return {"there": there, "fault": fault, "digests": list(digests), "signed_by": who, "most": list(most)}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (ledger(there=False), "no disclosure was made"),
        (ledger(A), "1 disclosures, each signed by two people"),
        (ledger(A, B, most=(2, B)), "2 disclosures, each signed by two people"),
        (ledger(A, B, C, most=(2, B)), "3 disclosures, each signed by two people"),
    ],
)
def test_a_whole_ledger_holds(found, said):
    assert judged.test_every_disclosure_is_in_a_whole_ledger(CONTRACTOR, found) == said


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (ledger(fault="line 2: does not follow"), "line 2: does not follow"),
        (ledger(A, most=(2, B)), "holds 1 disclosures; an earlier run has signed that there were 2"),
        (ledger(there=False, most=(1, A)), "holds 0 disclosures; an earlier run has signed that there were 1"),
        (ledger(A, C, most=(2, B)), "entry 2 is not the one that an earlier run has signed"),
        (ledger(A, B, signed_by=[["ito", "yamada"], ["ito", "ito"]]), r"fewer than two people: \[2\]"),
    ],
)
def test_a_ledger_that_is_not_whole_fails(found, why):
    with pytest.raises(AssertionError, match=why):
        judged.test_every_disclosure_is_in_a_whole_ledger(CONTRACTOR, found)


def test_the_auditor_without_the_ledger_does_not_judge():
    with pytest.raises(NotEvaluated, match="no ledger of disclosures is at hand here"):
        judged.test_every_disclosure_is_in_a_whole_ledger(AUDITOR, ledger(there=False))
    with pytest.raises(AssertionError, match="there were 1"):  # it was at hand here once
        judged.test_every_disclosure_is_in_a_whole_ledger(AUDITOR, ledger(there=False, most=(1, A)))


def entry(digest):
    return SimpleNamespace(digest=digest), None, ("ito", "yamada")


@pytest.mark.parametrize(
    ("before", "now", "most"),
    [
        ([0, ""], [], [0, ""]),
        ([0, ""], [A], [1, A]),
        ([2, B], [A], [2, B]),
        ([1, A], [C], [1, A]),  # written anew: what was signed stays what is promised
        ([1, A], [A, B], [2, B]),
    ],
)
def test_the_most_that_was_ever_signed_is_handed_on(lab_site, tmp_path, monkeypatch, before, now, most):
    monkeypatch.setenv("AZUKARI_HOME", str(tmp_path))
    monkeypatch.setattr(judged.known, "most_before", lambda _site, _kind: before)
    monkeypatch.setattr(judged.disclosure, "entered", lambda _site: [entry(digest) for digest in now])
    assert judged.disclosures(lab_site)["most"] == most

    def broken(_site):
        raise LedgerBroken("line 1")

    monkeypatch.setattr(judged.disclosure, "entered", broken)
    found = judged.disclosures(lab_site)
    assert (found["most"], found["fault"]) == (before, "line 1")


def test_earlier_runs_are_believed_when_they_are_signed(lab_site, monkeypatch):
    def run(name, section):
        return SimpleNamespace(name=name, facts={"site": {"collected disclosures": section} if section else {}})

    runs = [
        run("forged", {"ok": True, "value": {"most": [0, ""]}}),
        run("without attempts at this", None),
        run("not evaluated", {"ok": False, "error": "x"}),
        run("newest", {"ok": True, "value": {"most": [3, C]}}),
        run("older", {"ok": True, "value": {"most": [1, A]}}),
    ]
    monkeypatch.setattr(judged.known, "listed", lambda _site, _kind: runs)
    monkeypatch.setattr(judged.known, "fault_of", lambda one, _key: "no signature" if one.name == "forged" else "")
    assert judged.known.most_before(lab_site, "disclosures") == [3, C]
    monkeypatch.setattr(judged.known, "listed", lambda _site, _kind: runs[:3])
    assert judged.known.most_before(lab_site, "disclosures") == [0, ""]


def came(**outcomes):
    ways = {judged.rehearsal.BY_TWO: "entered", "one person alone": "refused", "one person twice": "refused"} | outcomes
    return [{"what": what, "outcome": outcome, "said": ""} for what, outcome in ways.items()]


def test_alone_it_fails():
    assert judged.test_alone_it_fails(came()) == "refused: one person alone; one person twice"
    with pytest.raises(AssertionError, match="would have been entered, signed by one person alone"):
        judged.test_alone_it_fails(came(**{"one person alone": "entered"}))
    with pytest.raises(AssertionError, match="the other refusals prove nothing"):
        judged.test_alone_it_fails(came(**{judged.rehearsal.BY_TWO: "refused"}))
