"""What systemd says of units: by name, and never nothing where it did not answer."""

from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotEvaluated
from azukari.verify.systemd import exposures, moment, shown

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


def analysed(stdout, stderr=""):
    answer = SimpleNamespace(stdout=stdout, stderr=stderr, exit_code=int(not stdout))
    return SimpleNamespace(command=lambda _argv: answer)


def test_exposures_are_those_of_the_services_named():
    said = (
        "→ Overall exposure level for a.service: 1.4 OK 🙂\n\n→ Overall exposure level for b.service: 9.6 UNSAFE 😨\n"
    )
    assert exposures(analysed(said), ["a.service", "b.service"]) == {"a.service": 1.4, "b.service": 9.6}
    assert exposures(analysed("", "Unit a.service not found, cannot analyze."), ["a.service"]) == {}
    with pytest.raises(NotEvaluated, match="no bus"):
        exposures(analysed("", "no bus"), ["a.service"])


@pytest.mark.parametrize(("text", "seconds"), [("@1700000000", 1_700_000_000), ("", 0), ("n/a", 0), (None, 0)])
def test_moments(text, seconds):
    assert moment(text) == seconds
