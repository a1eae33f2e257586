"""What a host has armed or rolled back is named; that of an `apply` at work is left alone."""

from types import SimpleNamespace

import pytest

from azukari.errors import NotJudged
from azukari.provision import recovery

ARMED = {"id": "1-a", "what": "sshd", "at": "2026-11-25T10:00:00Z", "state": "armed", "paths": [{"path": "/etc/x"}]}


@pytest.fixture
def at() -> SimpleNamespace:
    site = SimpleNamespace(group=lambda _name: [SimpleNamespace(name="bastion")])
    states = {"web": SimpleNamespace(pending_rollbacks=[ARMED])}
    return SimpleNamespace(site=site, own=SimpleNamespace(hosts=("bastion", "web")), ssh_config="x", states=states)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ran: list[str] = []
    monkeypatch.setattr(recovery, "_on_host", lambda _at, host, command: ran.append(f"{host}: {command.split()[1]}"))
    return ran


def test_a_change_whose_apply_is_gone_is_restored_and_named(at, commands, monkeypatch) -> None:
    monkeypatch.setattr(recovery, "is_held", lambda _host, _config: False)
    assert "“sshd” of 2026-11-25T10:00:00Z was rolled back" in recovery.recover(at, ["web"])[0]
    assert commands == ["web: --restore", "web: --acknowledge"]


def test_a_change_of_an_apply_at_work_is_left_alone(at, commands, monkeypatch) -> None:
    monkeypatch.setattr(recovery, "is_held", lambda host, _config: host == "bastion")
    with pytest.raises(NotJudged, match="waits for its proof: another `apply`"):
        recovery.recover(at, ["web"])
    assert commands == []
