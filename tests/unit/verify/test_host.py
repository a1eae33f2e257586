"""What a host is asked again: what the batch cut off, and that may take longer."""

from azukari.verify.channel import TIMED_OUT, Answer
from azukari.verify.facts import Facts
from azukari.verify.host import CheckHost
from tests.unit.verify.fakes import FakeChannel

SLOW = ("echo", "done")


def asked(*, recalled=False, **limit):
    """Return the exit code that a check gets of a command that the batch cut off, and how often it was asked anew."""
    channel = FakeChannel("db")
    host = CheckHost("db", None, None if recalled else channel)
    host.recall(Facts({}), {SLOW: Answer(TIMED_OUT, b"", b"no answer within 15 s")})
    return host.command(SLOW, **limit).exit_code, len(channel.asked_singly)


def test_what_may_take_longer_is_asked_again():
    assert asked(seconds=40) == (0, 1)


def test_what_had_its_time_is_not():
    assert asked() == (TIMED_OUT, 0)


def test_evidence_is_asked_nothing():
    assert asked(seconds=40, recalled=True) == (TIMED_OUT, 0)
