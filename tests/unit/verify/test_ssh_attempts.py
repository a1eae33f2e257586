"""The run's own way through the bastion may break: what was tried by it meanwhile proves nothing."""

from types import SimpleNamespace

import pytest

from azukari.errors import Unreachable
from azukari.verify import ssh_attempts

SITE = SimpleNamespace(group=lambda _name: [SimpleNamespace(name="bastion")])
RUN = SimpleNamespace(hosts={name: SimpleNamespace(unreachable=None) for name in ("bastion", "web")})


class Way:
    def __init__(self):
        self.whole = True
        self.transport = SimpleNamespace(is_active=lambda: self.whole)


def everywhere(monkeypatch: pytest.MonkeyPatch, breaking: int):
    ways = [Way()]

    def way(_site, _run):
        if not ways[-1].whole:
            ways.append(Way())
        return ways[-1]

    def attempt(name, jump):
        if name == "web" and len(ways) <= breaking:
            jump.whole = False
            return "refused"
        if not jump.whole:
            raise Unreachable("SSH session not active")
        return f"judged by way {len(ways)}"

    monkeypatch.setattr(ssh_attempts, "_jump", way)
    return ssh_attempts._everywhere(SITE, RUN, attempt)["web"]


def test_a_whole_way_is_asked_once(monkeypatch):
    assert everywhere(monkeypatch, 0) == {"value": "judged by way 1"}


def test_a_refusal_while_the_way_broke_is_asked_again(monkeypatch):
    assert everywhere(monkeypatch, 1) == {"value": "judged by way 2"}


def test_a_way_that_breaks_twice_is_said(monkeypatch):
    assert everywhere(monkeypatch, 2) == {"error": "the connection to the bastion broke while web was attempted, twice"}
