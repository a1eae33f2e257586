"""What systemd says of units: by name, and never nothing where it did not answer."""

from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotEvaluated
from azukari.verify.systemd import moment, shown

SAID = """Id=a.timer
LoadState=loaded
ExecStart={ path=/bin/true ; argv[]=/bin/true x=y }

Id=b.service
LoadState=not-found
"""


def host(stdout, exit_code=0):
    answer = SimpleNamespace(stdout=stdout, exit_code=exit_code, stderr="no bus")
    return SimpleNamespace(command=lambda argv: answer if argv[-2:] == ["a.timer", "b.service"] else None)


def test_units_are_told_apart():
    found = shown(host(SAID), "Id,LoadState,ExecStart", ("a.timer", "b.service"))
    assert {name: unit["LoadState"] for name, unit in found.items()} == {"a.timer": "loaded", "b.service": "not-found"}
    assert found["a.timer"]["ExecStart"] == "{ path=/bin/true ; argv[]=/bin/true x=y }"


def test_no_answer_is_not_evaluated():
    with pytest.raises(NotEvaluated, match="no bus"):
        shown(host("", 1), "Id", ("a.timer", "b.service"))


@pytest.mark.parametrize(("text", "seconds"), [("@1700000000", 1_700_000_000), ("", 0), ("n/a", 0), (None, 0)])
def test_moments(text, seconds):
    assert moment(text) == seconds
