"""The canary drill's own course: whatever breaks off is said, and what it sent is deleted in any case."""

from types import SimpleNamespace

import pytest

from azukari import evidence
from azukari.drills import canary
from azukari.drills.outcome import Outcome, Step
from azukari.errors import NotJudged
from azukari.evidence.drills import WHOLE

PARTS = ("send_and_look", "crash_all", "look_again", "clean_up")


@pytest.fixture
def parts(monkeypatch):
    """Stand in for what needs servers; a part named in `broken` fails."""
    done, broken = [], set()

    class Fake(canary._Canary):
        def __init__(self, _at, say):
            self._say = say
            self.outcome = Outcome(canary.datetime.now(canary.UTC), ("web",), {})

    def stand_in(name):
        def part(_self):
            done.append(name)
            if name in broken:
                raise NotJudged(f"{name} broke")

        return part

    for name in PARTS:
        setattr(Fake, name, stand_in(name))
    monkeypatch.setattr(canary, "_Canary", Fake)
    return SimpleNamespace(done=done, broken=broken)


def ran():
    return canary.run(SimpleNamespace(), lambda _line: None)


def test_a_whole_drill_says_so(parts):
    outcome = ran()
    assert parts.done == list(PARTS)
    assert outcome.passed
    assert [(step.what, step.passed) for step in outcome.steps] == [(WHOLE, True)]


@pytest.mark.parametrize(("breaks", "done"), [(0, (0, 3)), (1, (0, 1, 3)), (2, (0, 1, 2, 3)), (3, (0, 1, 2, 3))])
def test_a_drill_that_breaks_off_says_so_and_cleans_up(parts, breaks, done):
    parts.broken.add(PARTS[breaks])
    outcome = ran()
    assert parts.done == [PARTS[number] for number in done]
    assert not outcome.passed
    assert outcome.steps[-1] == Step(WHOLE, passed=False, said=f"{PARTS[breaks]} broke")


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ([], "FAILED"),
        ([{"what": "a", "passed": True, "said": ""}], "PASSED"),
        ([{"what": "a", "passed": True, "said": ""}, {"what": "b", "passed": False, "said": ""}], "FAILED"),
    ],
)
def test_a_drills_record_passes_only_where_all_of_it_did(steps, outcome):
    now = canary.datetime.now(canary.UTC)
    record = evidence.of_drill("lab", "canary", ["web"], steps, now, now, policy="x")
    assert (record.kind, record.outcome, record.results["passed"]) == ("drill", outcome, outcome == "PASSED")
    assert record.failed == tuple(step["what"] for step in steps if not step["passed"])
