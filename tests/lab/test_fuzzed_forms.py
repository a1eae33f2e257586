"""What no browser sends: the website answers it with what it is, never with an error of its own, and notes none of it.

Each request carries a mark. At the end the marks are looked for on web, app and db as the canary drill does, so that no
log, no temporary file and no core dump has kept one.
"""

import contextlib
import json
import random
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from azukari.drills import seek
from azukari.lab import Lab
from azukari.ssh.trust import visitors_trust
from reference_site.answers import FORM, PATHS
from tests import provisioned, visitors
from tests.visitors import Visitor

pytestmark = pytest.mark.lab

PATH = PATHS["contact"]["ja"]
FIELDS = ("comments", "heading", "email", "gender", "country")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
MULTIPART = "multipart/form-data; boundary=b"
# RFC 9110: taken (and sent on), or the sender's fault. 429 is none of them: then the limit answered, and not the form.
RECEIVED, ENDED = 303, 0  # ended without a word: what is no HTTP at all, what does not come to its end
ANSWERS = {RECEIVED, ENDED, 400, 403, 404, 405, 408, 411, 413, 414, 415, 417, 421, 431}
RANDOM_REQUESTS, AT_ONCE = 300, 16
SLOW = 12.0  # seconds that nobody has to wait for the next byte (client_body_timeout is 10 s)

_HEAD = "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: https://{host}\r\nSec-Fetch-Site: same-origin\r\n"


@pytest.fixture(scope="module")
def lab(provisioned_lab: Lab) -> Lab:
    provisioned_lab.reset(list(provisioned.site().hosts))
    return provisioned_lab


class Sender:
    """Sends bytes as they are, each time from the next address."""

    def __init__(self, addresses: list[str]) -> None:
        self.site = provisioned.site()
        self.name = self.site.settings.names[0]
        web = self.site.group("web")[0]
        self._server = str(web.address)
        self._context = ssl.create_default_context(cadata=visitors_trust(self.site))
        self._addresses, self._turn = addresses, 0
        self.marks: dict[str, str] = {}
        self.token = Visitor(self.site).token(patience=60)  # the hosts may just have started
        assert self.token

    def mark(self, what: str) -> str:
        """Return a new mark, to be looked for later."""
        mark = secrets.token_hex(16)
        self.marks[mark] = what
        return mark

    def head(self, *more: str) -> bytes:
        """Return a request's head."""
        lines = _HEAD.format(path=PATH, host=self.name) + "".join(
            f"{line}\r\n" for line in (*more, "Connection: close")
        )
        return lines.encode("latin-1", "surrogateescape") + b"\r\n"

    def form(self, body: bytes) -> bytes:
        """Return a whole request with a form's body."""
        return self.head(f"Content-Type: {FORM}", f"Content-Length: {len(body)}") + body

    def connect(self) -> ssl.SSLSocket:
        self._turn = (self._turn + 1) % len(self._addresses)
        plain = socket.create_connection((self._server, 443), 30, (self._addresses[self._turn], 0))
        return self._context.wrap_socket(plain, server_hostname=self.name)

    def status(self, sent: bytes) -> int:
        """Send bytes; return the answer's status, 0 where there is none."""
        try:
            with self.connect() as connection:
                with contextlib.suppress(OSError):  # it may have answered, and closed, before it heard everything
                    connection.sendall(sent)
                answer = connection.recv(4096)
                if answer.startswith(CONTINUE):
                    answer = answer.removeprefix(CONTINUE) or connection.recv(4096)
        except OSError:
            return 0
        words = answer.split(b" ", 2)
        return int(words[1]) if answer.startswith(b"HTTP/1.1 ") and len(words) > 1 else 0


@pytest.fixture(scope="module")
def sender(lab: Lab) -> Iterator[Sender]:
    with visitors.addresses(lab, provisioned.site()) as own:
        yield Sender(own)


def body(token: str, **fields: str | bytes) -> bytes:
    """Return a form's body; bytes are taken as they are."""
    pairs = {"token": token, **fields}
    coded = [
        f"{name}=".encode() + (value if isinstance(value, bytes) else quote_plus(value).encode())
        for name, value in pairs.items()
    ]
    return b"&".join(coded)


def whole(mark: str, **changed: str | bytes) -> dict[str, str | bytes]:
    return {"comments": mark, "heading": mark, "email": f"{mark}@canary.invalid", "country": "JP", **changed}


INJECTED = "\r\nBcc: everybody@example.invalid\r\n\r\nmore"
WRONG: dict[str, Callable[[str], str | bytes]] = {
    "a header's end": lambda mark: mark + INJECTED,
    "a bare line feed": lambda mark: f"{mark}\nSubject: x",
    "NUL": lambda mark: f"{mark}\0",
    "no UTF-8": lambda mark: mark.encode() + b"%ff%fe%c0%af",
    "raw bytes": lambda mark: mark.encode() + b"\xff\xfe\x80",
    "a surrogate": lambda mark: mark.encode() + b"%ed%a0%80",
    "half an escape": lambda mark: mark.encode() + b"%4",
    "100,000 signs": lambda mark: mark + "長" * 10_000 + "x" * 5_000,
    "signs that turn the line": lambda mark: f"{mark}\u202e\u2066\ufeff",
    "markup": lambda mark: f"<script>{mark}</script>{{{{7*7}}}}${{7*7}}' OR 1=1 --",
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("what", WRONG)
def test_every_field_takes_it_or_says_no(sender: Sender, field: str, what: str) -> None:
    mark = sender.mark(f"{what} in {field}")
    sent = body(sender.token, **whole(mark, **{field: WRONG[what](mark)}))
    assert sender.status(sender.form(sent)) in {RECEIVED, 400, 413}


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks) + end


def _requests(at: Sender, mark: str) -> dict[str, bytes]:
    """Return requests that no browser sends, by what is wrong with them."""
    sent = body(at.token, **whole(mark))
    kind, length = f"Content-Type: {FORM}", f"Content-Length: {len(sent)}"
    part = f'--b\r\nContent-Disposition: form-data; name="comments"\r\n\r\n{mark}\r\n'.encode()
    return {
        "every field twice": at.form(sent + b"&" + sent),
        "a field a thousand times": at.form(sent + f"&comments={mark}".encode() * 1_000),
        "an unknown field": at.form(sent + f"&admin={mark}".encode()),
        "no field at all": at.form(b""),
        "nothing but separators": at.form(b"&=&=&;=" * 200 + mark.encode()),
        "no kind": at.head(length) + sent,
        "a kind that it is not": at.head("Content-Type: application/json", length) + sent,
        "a kind with the mark in it": at.head(f"Content-Type: text/{mark}", length) + sent,
        "multipart": at.head(f"Content-Type: {MULTIPART}", f"Content-Length: {len(part) + 7}") + part + b"--b--\r\n",
        "multipart without an end": at.head(f"Content-Type: {MULTIPART}", f"Content-Length: {len(part)}") + part,
        "multipart without a border": at.head("Content-Type: multipart/form-data", f"Content-Length: {len(part)}")
        + part,
        "10 MB": at.head(kind, "Content-Length: 10000000") + sent + b"x" * 10_000_000,
        "10 MB in chunks": at.head(kind, "Transfer-Encoding: chunked") + chunked(sent, *[b"x" * 100_000] * 100),
        "chunks": at.head(kind, "Transfer-Encoding: chunked") + chunked(sent),
        "chunks of one byte": at.head(kind, "Transfer-Encoding: chunked") + chunked(*(bytes([one]) for one in sent)),
        "chunks with a trailer": at.head(kind, "Transfer-Encoding: chunked")
        + chunked(sent, end=f"0\r\nX-Mark: {mark}\r\n\r\n".encode()),
        "a chunk with a long extension": at.head(kind, "Transfer-Encoding: chunked")
        + f"{len(sent):x};{mark}={'x' * 5000}\r\n".encode()
        + sent
        + b"\r\n0\r\n\r\n",
        "a chunk that is no number": at.head(kind, "Transfer-Encoding: chunked") + b"zz\r\n" + sent,
        "two framings": at.head(kind, length, "Transfer-Encoding: chunked") + chunked(sent),
        "another coding": at.head(kind, "Transfer-Encoding: gzip, chunked") + chunked(sent),
        "two lengths": at.head(kind, length, "Content-Length: 3") + sent,
        "a negative length": at.head(kind, "Content-Length: -1") + sent,
        "no length": at.head(kind) + sent,
        "a header's line of 20 kB": at.head(kind, length, f"X-Mark: {mark}{'x' * 20_000}") + sent,
        "a hundred headers": at.head(kind, length, *(f"X-{number}: {mark}" for number in range(100))) + sent,
        "a header with a NUL": at.head(kind, length, f"X-Mark: {mark}\0") + sent,
        "a header without a colon": at.head(kind, length, mark) + sent,
        "Expect": at.head(kind, length, "Expect: 100-continue") + sent,
        "another host": at.head(kind, length).replace(at.name.encode(), b"www.example.invalid") + sent,
        "another way of asking": b"PUT" + at.form(sent)[4:],
        "a query": at.form(sent).replace(PATH.encode(), f"{PATH}?q={mark}".encode(), 1),
        "a path that climbs": at.form(sent).replace(PATH.encode(), f"{PATH}../../x".encode(), 1),
        "HTTP/0.9": f"GET {PATH}?{mark}\r\n".encode(),
        "HTTP/3.0": at.form(sent).replace(b"HTTP/1.1", b"HTTP/3.0"),
        "no HTTP at all": mark.encode() * 10 + b"\r\n\r\n",
    }


def test_what_no_browser_sends_is_refused_as_that(sender: Sender) -> None:
    wrong = {}
    for name in _requests(sender, ""):
        status = sender.status(_requests(sender, sender.mark(name))[name])
        if status not in ANSWERS:
            wrong[name] = status
    assert not wrong


def broken(whole: bytes, chance: random.Random) -> bytes:
    """Return bytes that somebody changed, took out and put in by chance."""
    sent = bytearray(whole)
    for _ in range(chance.randrange(1, 12)):
        at = chance.randrange(len(sent))
        match chance.randrange(3):
            case 0:
                sent[at] = chance.randrange(256)
            case 1:
                del sent[at : at + chance.randrange(1, 20)]
            case _:
                sent[at:at] = chance.randbytes(chance.randrange(1, 40))
    return bytes(sent)


def test_whatever_is_sent(sender: Sender) -> None:
    seed = random.SystemRandom().randrange(10_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    requests = [
        broken(sender.form(body(sender.token, **whole(sender.mark(f"random {number}")))), chance) + b"\r\n\r\n"
        for number in range(RANDOM_REQUESTS)
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:  # for a body that does not come, the website waits 10 s
        statuses = list(pool.map(sender.status, requests))
    assert RECEIVED in statuses, "not one of them was left whole enough"
    assert not {request: status for request, status in zip(requests, statuses, strict=True) if status not in ANSWERS}


@pytest.mark.parametrize("slowly", ["the head", "the body"])
def test_who_takes_too_long_is_left(sender: Sender, slowly: str) -> None:
    sent = sender.form(body(sender.token, **whole(sender.mark(f"slowly, {slowly}"))))
    at = 20 if slowly == "the head" else len(sent) - 20
    with sender.connect() as connection:
        connection.sendall(sent[:at])
        begun = time.monotonic()
        connection.settimeout(SLOW + 10)
        try:
            answer = connection.recv(64)
        except OSError:
            answer = b""
        assert time.monotonic() - begun < SLOW
        assert not answer or int(answer.split()[1]) == 408


def test_none_of_it_is_noted_anywhere(lab: Lab, sender: Sender) -> None:
    assert len(sender.marks) > RANDOM_REQUESTS, "the tests above have not been run"
    program = Path(seek.__file__).read_text(encoding="utf-8")
    for host in ("web", "app", "db"):
        text = f"{program}\n\nmain({sender.marks!r}, {secrets.token_hex(16)!r}, {time.time() - 3600!r})\n"
        done = lab.run(host, ["python3", "-I", "-"], input=text.encode(), timeout=180)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["found"], found["cores"], found["missed"]) == ([], [], []), host
