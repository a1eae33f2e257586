"""Hosts that answer from a table, so that judging is tested without any server."""

from datetime import UTC, datetime

from azukari.errors import Unreachable
from azukari.verify.channel import Answer
from azukari.verify.facts import Facts
from azukari.verify.host import CheckHost, RunContext, Vantage
from azukari.verify.snapshot import Memory, Snapshot


class FakeChannel:
    """Answers `echo WORD` and `false`, and counts what it is asked one by one and in batches."""

    def __init__(self, name, facts=None, unreachable=False):
        self.vantage = f"azukari-audit on {name}"
        self.facts = facts or {"os": {"ok": True, "value": {"container": ""}}}
        self.unreachable = unreachable
        self.asked_singly, self.batches = [], []

    def open(self):
        if self.unreachable:
            raise Unreachable("it does not answer")

    def snapshot(self, commands):
        self.batches.append(list(commands))
        return Facts(self.facts), [self._answer(argv) for argv in commands]

    def answer(self, argv, _seconds, _given=b""):
        self.asked_singly.append(argv)
        return self._answer(argv)

    def _answer(self, argv):
        return Answer(0, " ".join(argv[1:]).encode(), b"") if argv[0] == "echo" else Answer(1, b"", b"no")


def snapshot_of(channels, *, attempts=True, memory=None, site=None):
    hosts = {name: CheckHost(name, None, channel) for name, channel in channels.items()}
    context = RunContext(
        now=datetime(2026, 11, 25, tzinfo=UTC), outside=Vantage("outside"), attempts=attempts, hosts=hosts
    )
    return Snapshot(hosts, site, context, memory or Memory(None), lambda _clause: None)
