import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from azukari.errors import NotJudged
from azukari.ssh.reach import open_ports, scan


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def shut() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_open_and_closed_are_told_apart(listener: int, shut: int) -> None:
    found = scan(["127.0.0.1"], [listener, shut])
    assert {f.port: f.state for f in found} == {listener: "open", shut: "closed"}
    assert open_ports(found) == {("127.0.0.1", listener)}


def test_ipv6_is_asked_too() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        assert [(f.address, f.state) for f in scan(["::1", "127.0.0.1"], [port])] == [
            ("127.0.0.1", "closed"),
            ("::1", "open"),
        ]


def test_silent_ports_cost_their_time_once_however_many_there_are() -> None:
    # A full queue of a listener that never accepts drops further connections: silence, without a firewall.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        time.sleep(0.1)
        start = time.monotonic()
        found = scan(["127.0.0.1"] * 50, [port], timeout=0.3, tries=2)
        took = time.monotonic() - start
        for one in waiting:
            one.close()
    assert {f.state for f in found} == {"silent"}
    assert 0.6 <= took < 1.5


def test_udp_says_closed_only_when_the_host_refuses(shut: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as quiet:
        quiet.bind(("127.0.0.1", 0))
        port = quiet.getsockname()[1]
        found = {f.port: f.state for f in scan(["127.0.0.1"], [port, shut], timeout=0.2, protocol="udp", tries=1)}
    assert found == {port: "silent", shut: "closed"}


def test_a_missing_vantage_is_not_a_closed_port() -> None:
    with pytest.raises(NotJudged, match="does not stand"):
        scan(["127.0.0.1"], [22], namespace="azukari-no-such-place")


def test_as_a_program(listener: int, shut: int) -> None:
    asked = json.dumps({"addresses": ["127.0.0.1"], "ports": [listener, shut]})
    done = subprocess.run(
        [sys.executable, "-m", "azukari.ssh.reach"], input=asked, capture_output=True, text=True, check=True
    )
    assert {(f["port"], f["state"]) for f in json.loads(done.stdout)} == {(listener, "open"), (shut, "closed")}
