"""What reaches a listener is heard, and nothing is heard that did not arrive."""

import socket

import pytest

from azukari.errors import NotJudged
from azukari.ssh.listener import Heard, listening


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_connections_and_datagrams_are_heard():
    port = free_port()
    with listening(["127.0.0.1"], tcp=[port], udp=[port]) as state:
        assert state.ports == {("tcp", port), ("udp", port)}
        with socket.create_connection(("127.0.0.1", port), timeout=2) as one:
            assert one.recv(1) == b"!"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.settimeout(2)
            one.sendto(b"?", ("127.0.0.1", port))
            assert one.recv(1) == b"!"
    assert state.heard == {Heard("127.0.0.1", "tcp", port), Heard("127.0.0.1", "udp", port)}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=2)


def test_a_taken_port_is_left_out_and_none_at_all_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port, other = taken.getsockname()[1], free_port()
        with listening(["127.0.0.1"], tcp=[port, other]) as state:
            assert state.ports == {("tcp", other)}
        with pytest.raises(NotJudged, match="could be opened"), listening(["127.0.0.1"], tcp=[port]):
            pass
