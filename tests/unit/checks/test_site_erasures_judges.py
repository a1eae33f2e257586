"""Judges of erasures: the drill, the ledger, and who waits for it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from azukari.people.chain import LedgerBroken
from azukari.provision.release import policy_digest
from azukari.verify.authoring import NotApplicable, NotEvaluated
from checks import test_site_erasures as judged

NOW = datetime(2026, 12, 1, 3, tzinfo=UTC)
DB = SimpleNamespace(name="db")
STEPS = [
    "two answers are taken",
    "a registration is taken",
    "a copy of the database is made",
    "1 answers of contact are deleted, on request",
    "1 identifiers and 2 sealed values looked for, on db, on request",
    "who unsubscribes is gone",
    "who unsubscribed is in the erasure ledger",
    "the copy alone brings back who was erased",
    "1 answers of contact are deleted, after the restore",
    "after the ledger nobody erased is back",
    "what nobody asked to erase is restored",
    "the drill's own answers are erased",
    judged.drills.WHOLE,
]
SPOKEN = [one for one in STEPS if judged.STEPS.search(one)]


def run(judged_as="contractor"):
    return SimpleNamespace(now=NOW, judged_as=judged_as)


@pytest.fixture
def drill(lab_site):
    return {
        "name": "d", "fault": "", "ended": (NOW - timedelta(hours=2)).isoformat(), "policy": policy_digest(lab_site),
        "hosts": list(lab_site.hosts), "left": {}, "passed": True,
        "steps": [{"what": what, "passed": True, "said": ""} for what in STEPS],
    }  # fmt: skip


def test_all_but_preparing_and_cleaning_up_speaks_of_the_promise():
    assert [one for one in STEPS if one not in SPOKEN] == [*STEPS[:3], *STEPS[-2:]]


@pytest.mark.parametrize("wrong", SPOKEN)
def test_a_drill_holds_where_each_step_that_speaks_of_it_does(lab_site, drill, wrong):
    assert judged.test_nobody_erased_comes_back(lab_site, run(), [drill]) == "d, 2 h old: 8 steps as promised"
    for step in drill["steps"]:
        step["passed"] = step["what"] != wrong
    with pytest.raises(AssertionError, match=wrong):
        judged.test_nobody_erased_comes_back(lab_site, run(), [drill])


def test_a_drill_that_was_never_done_is_none(lab_site):
    with pytest.raises(AssertionError, match="never done"):
        judged.test_nobody_erased_comes_back(lab_site, run(), [])
    with pytest.raises(NotEvaluated, match="hands them over"):
        judged.test_nobody_erased_comes_back(lab_site, run("auditor"), [])


@pytest.mark.parametrize("fault", ["", "line 2: does not follow"])
def test_the_ledger_is_collected_by_its_digests(lab_site, tmp_path, monkeypatch, fault):
    monkeypatch.setenv("AZUKARI_HOME", str(tmp_path))
    monkeypatch.setattr(judged.known, "most_before", lambda _site, _kind: [1, "a"])

    def entries(_self):
        if fault:
            raise LedgerBroken(fault)
        return [SimpleNamespace(digest=one) for one in ("a", "b")]

    monkeypatch.setattr(judged.Ledger, "entries", entries)
    found = judged.erasures(lab_site)
    assert (found["fault"], found["digests"], found["most"]) == (
        (fault, [], [1, "a"]) if fault else ("", ["a", "b"], [2, "b"])
    )


def test_a_ledger_that_is_not_whole_fails(lab_site):
    whole = {"there": True, "fault": "", "digests": ["a", "b"], "most": [2, "b"]}
    judge = judged.test_the_erasure_ledger_is_whole
    assert judge(lab_site, run(), whole) == "2 lines, each signed and following the one before"
    for change, why in (
        ({"fault": "line 2: does not follow."}, "line 2: does not follow"),
        ({"digests": ["a"]}, "holds 1 erasures; an earlier run has signed that there were 2"),
        ({"digests": ["a", "c"]}, "entry 2 is not the one"),
    ):
        with pytest.raises(AssertionError, match=why):
            judge(lab_site, run(), {**whole, **change})
    none = {"there": False, "fault": "", "digests": [], "most": [0, ""]}
    with pytest.raises(NotEvaluated):
        judge(lab_site, run("auditor"), none)
    assert judge(lab_site, run(), none).startswith("0 lines")


def test_who_unsubscribed_waits_two_days_for_the_ledger_and_no_longer(lab_site, contact_site):
    judge = judged.test_who_unsubscribed_is_entered
    assert judge(DB, lab_site, run(), [0, None]) == "0 wait for the ledger"
    assert judge(DB, lab_site, run(), [3, "2026-11-29"]) == "3 wait for the ledger"
    with pytest.raises(AssertionError, match="the oldest since 2026-11-28; promised are 2 days"):
        judge(DB, lab_site, run(), [3, "2026-11-28"])
    with pytest.raises(NotApplicable):
        judge(DB, contact_site, run(), None)
