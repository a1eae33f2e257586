"""What a host's answer means, and what the user is told to do about it."""

import json

import pytest

from azukari.provision.preflight import HostState, read_answer, why_not

GOOD = "os debian 13\nclock 1000.5\nfree 5000\nroot yes\nrollbacks []\n"


def test_a_good_answer_has_no_findings() -> None:
    state = read_answer("web", "managed", GOOD, 1000.0, 1001.0)
    assert state.findings() == []
    assert (state.system, state.free_mb, state.root, state.clock_offset) == (("debian", "13"), 5000, True, 0.0)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (("debian 13", "debian 12"), "runs debian 12; azukari provisions Debian 13 only."),
        (("debian 13", "ubuntu 24.04"), "runs ubuntu 24; azukari provisions Debian 13 only."),
        (("free 5000", "free 12"), "has 12 MB free on /; 300 MB are needed."),
        (("clock 1000.5", "clock 1100"), "its clock is +99 s off this machine's; 60 s are allowed."),
        (("clock 1000.5", "clock 900"), "its clock is -100 s off this machine's; 60 s are allowed."),
        (("root yes\n", ""), "does not let this identity become root."),
    ],
)
def test_what_stands_in_the_way_is_said(changed: tuple[str, str], sentence: str) -> None:
    state = read_answer("web", "managed", GOOD.replace(*changed), 1000.0, 1001.0)
    assert [finding.what for finding in state.findings()] == [sentence]
    assert all(finding.remedy for finding in state.findings())


def test_the_clock_within_the_round_trip_is_no_offset() -> None:
    assert read_answer("web", "managed", GOOD.replace("1000.5", "1000.01"), 1000.0, 1020.0).clock_offset == 0.0


@pytest.mark.parametrize(
    ("record", "pending"),
    [
        ({"state": "armed"}, True),
        ({"state": "rolled back", "acknowledged": False}, True),
        ({"state": "rolled back", "acknowledged": True}, False),
        ({"state": "confirmed"}, False),
    ],
)
def test_which_changes_are_still_to_be_named(record: dict[str, object], pending: bool) -> None:
    text = GOOD.replace("rollbacks []", f"rollbacks {json.dumps([record])}")
    assert bool(read_answer("web", "managed", text, 1000.0, 1001.0).pending_rollbacks) is pending


@pytest.mark.parametrize(
    "said",
    ["Host key verification failed.", "Unable to negotiate with UNKNOWN port 65535: no matching host key type found."],
)
def test_a_foreign_host_key_is_answered_with_the_console_command(said: str) -> None:
    finding = HostState("web", "unreachable", said=why_not(said, 255)).findings()[0]
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in finding.remedy


@pytest.mark.parametrize(
    "said", ["Connection closed by UNKNOWN port 65535", "Connection to UNKNOWN port 65535 timed out"]
)
def test_a_host_behind_a_dead_bastion_sends_its_reader_to_the_bastion(said: str) -> None:
    (finding,) = HostState("web", "unreachable", said=why_not(f"ssh: connect to host b: …\n{said}\n", 255)).findings()
    assert "65535" not in finding.what
    assert finding.remedy == "Look at the bastion first; where that one answers, at this one's console."


def test_a_server_that_lets_nobody_in_yet_is_answered_with_the_option_for_the_password() -> None:
    finding = HostState(
        "web", "unreachable", said="root@192.0.2.1: Permission denied (password).", fresh=True
    ).findings()[0]
    assert "--root-password-file" in finding.remedy
