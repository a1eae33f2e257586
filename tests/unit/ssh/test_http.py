"""One request, one answer, also from servers that answer badly or not at all."""

import contextlib
import socket
import threading

import pytest

from azukari.errors import Unreachable
from azukari.ssh.http import NO_ANSWER, exchange, request
from azukari.ssh.tls import Place


@contextlib.contextmanager
def server(answer):
    with socket.create_server(("127.0.0.1", 0)) as one:
        heard = []

        def serve():
            taken, _ = one.accept()
            with taken:
                heard.append(taken.recv(65536))
                taken.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Place("127.0.0.1", one.getsockname()[1]), heard
        thread.join(timeout=5)


def test_an_answer_is_read_as_it_came():
    answer = b"HTTP/1.1 404 Not Found\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\n\r\nabc"
    with server(answer) as (place, heard):
        reply = exchange(place, request("www.test", "/x?y", headers={"X-B": "3"}))
    assert (reply.status, reply.body, reply.headers["x-a"]) == (404, b"abc", "1, 2")
    assert heard == [b"GET /x?y HTTP/1.1\r\nHost: www.test\r\nConnection: close\r\nX-B: 3\r\n\r\n"]


def test_cookies_are_kept_apart():
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Expires=Wed, 21 Oct 2026\r\nSet-Cookie: b c=2\r\n\r\n"
    with server(answer) as (place, _):
        reply = exchange(place, request("www.test", "/"))
    assert reply.headers["set-cookie"].split("\n") == ["a=1; Expires=Wed, 21 Oct 2026", "b c=2"]


BROKEN = [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ"]


@pytest.mark.parametrize("answer", BROKEN)
def test_no_answer_is_no_answer(answer):
    with server(answer) as (place, _):
        assert exchange(place, request("www.test", "/")) == NO_ANSWER


def test_a_refused_handshake_is_no_answer():
    with server(b"no TLS here") as (place, _):
        assert exchange(place, b"", ca_pem=_any_ca()) == NO_ANSWER


def test_no_connection_is_said():
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    with pytest.raises(Unreachable, match=str(port)):
        exchange(Place("127.0.0.1", port), b"")


def _any_ca():
    from cryptography.hazmat.primitives.asymmetric import ec

    from azukari.people.tls_certificates import root

    return root("test", "production", ec.generate_private_key(ec.SECP256R1()))
