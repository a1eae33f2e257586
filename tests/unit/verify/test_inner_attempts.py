"""What is tried inside, against real servers on the loopback: what must be refused, and what each hole looks like."""

import contextlib
import json
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from azukari.content import content
from azukari.errors import NotJudged
from azukari.people import tls_certificates, tls_decoys
from azukari.people.tls_decoys import TlsDecoy
from azukari.site import load
from azukari.verify import inner_attempts, inner_connections
from azukari.verify.authoring import NotEvaluated

HTTP, POSTGRES = "http", "postgres"


class Ca:
    """A CA, and certificates of it, each as PEM with its key."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.pem = tls_certificates.root("lab", "production", self.key)

    def issue(self, name):
        request, private = tls_decoys.signing_request()
        certificate = tls_certificates.leaf(self.key, self.pem, request, [name], 1, client=True, server=True)
        return certificate.public_bytes(Encoding.PEM).decode(), private


@pytest.fixture(scope="module")
def ca():
    return Ca()


def http(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def asks_for_a_password(connection):
    connection.recv(4096)
    connection.sendall(b"R" + struct.pack(">II", 23, 10) + b"SCRAM-SHA-256\0\0")


def no_entry(connection):
    connection.recv(4096)
    said = b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for host\0\0"
    connection.sendall(b"E" + struct.pack(">I", len(said) + 4) + said)


class Server:
    """An inner server: by default mutual TLS 1.3, as the site's are."""

    def __init__(self, folder, ca, speaks=HTTP, **otherwise):
        self.speaks, self.otherwise = speaks, otherwise
        self.says = otherwise.get("says", http if speaks == HTTP else asks_for_a_password)
        (folder / "server.pem").write_text("".join((otherwise.get("issuer") or ca).issue(otherwise.get("name", "app"))))
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=ca.pem)
        self.context.minimum_version = otherwise.get("oldest", ssl.TLSVersion.TLSv1_3)
        self.context.verify_mode = otherwise.get("asks", ssl.CERT_REQUIRED)
        self.context.load_cert_chain(folder / "server.pem")
        self.listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                threading.Thread(target=self._one, args=[client], daemon=True).start()

    def _one(self, client):
        client.settimeout(5)
        with client, contextlib.suppress(OSError):
            if self.otherwise.get("silent"):
                client.recv(1 << 20)
                threading.Event().wait(3)
            if self.otherwise.get("plain"):
                self.says(client)
                return
            if self.speaks == POSTGRES:
                if client.recv(8, socket.MSG_PEEK)[4:] != inner_attempts.SSL_REQUEST[4:]:
                    no_entry(client)
                    return
                client.recv(8)
                if self.otherwise.get("without_tls"):
                    client.sendall(b"N")
                    return
                client.sendall(b"S")
            with self.context.wrap_socket(client, server_side=True) as tls:
                self.says(tls)

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


@pytest.fixture
def serve(tmp_path, ca):
    servers = []

    def start(**otherwise):
        servers.append(Server(tmp_path, ca, **otherwise))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def ways(ca):
    unknown, own = Ca().issue("web"), ca.issue("web")
    return {
        "without TLS": {"plain": "yes"},
        "with TLS 1.2": {"version": "1.2"},
        "without a certificate": {},
        "unknown-ca": {"certificate": unknown[0], "key": unknown[1]},
        "honest": {"certificate": own[0], "key": own[1]},
    }


def came(server, ca, ways):
    place = {"name": "app", "address": "127.0.0.1", "port": server.listening.getsockname()[1], "ca": ca.pem}
    place |= {"speaks": server.speaks, "site": "www.lab.test", "role": "intake"}
    return {name: inner_attempts.tried(place, name, way) for name, way in ways.items()}


def answers(found):
    return {name: one["answer"] for name, one in found.items() if one["answer"]}


REFUSED = ["without TLS", "with TLS 1.2", "without a certificate", "unknown-ca"]


@pytest.mark.parametrize("speaks", [HTTP, POSTGRES])
def test_of_a_mutual_server_the_honest_alone_hears(serve, ca, ways, speaks):
    found = came(serve(speaks=speaks), ca, ways)
    assert list(answers(found)) == ["honest"]
    assert all(found[way]["said"] for way in REFUSED)
    assert [way for way, one in found.items() if one["server"] == "proven"] == [
        "without a certificate", "unknown-ca", "honest",
    ]  # fmt: skip


def test_what_the_refusals_say(serve, ca, ways):
    for _ in range(20):  # whichever comes first, our request or its refusal
        found = came(serve(), ca, ways)
        assert "certificate required" in found["without a certificate"]["said"]
        assert "unknown ca" in found["unknown-ca"]["said"]
    assert came(serve(speaks=POSTGRES), ca, ways)["without TLS"]["said"] == "FATAL: no pg_hba.conf entry for host"
    assert came(serve(speaks=POSTGRES, says=no_entry), ca, ways)["honest"] == {
        "to": "app", "address": "127.0.0.1", "way": "honest", "reached": "yes", "server": "proven", "answer": "",
        "said": "FATAL: no pg_hba.conf entry for host",
    }  # fmt: skip


ALL = {"without a certificate", "unknown-ca", "honest"}
PASSWORD = "it lets the role in, or asks for its password"  # noqa: S105 - an answer's words
HOLES = {
    "plain HTTP": ({"plain": True}, {"without TLS"}, "HTTP/1.1 200 OK"),
    "another protocol": (
        {"plain": True, "says": lambda one: one.sendall(b"+OK ready\r\n")}, {"without TLS"}, r"b'+OK ready\r\n'",
    ),
    "no certificate asked for": ({"asks": ssl.CERT_NONE}, ALL, "HTTP/1.1 200 OK"),
    "asked for, not needed": ({"asks": ssl.CERT_OPTIONAL}, {"without a certificate", "honest"}, "HTTP/1.1 200 OK"),
    "an old TLS": (
        {"asks": ssl.CERT_NONE, "oldest": ssl.TLSVersion.TLSv1_2}, ALL | {"with TLS 1.2"}, "HTTP/1.1 200 OK",
    ),
    "a plain database": ({"speaks": POSTGRES, "plain": True}, ALL | {"without TLS", "with TLS 1.2"}, PASSWORD),
    "a database without TLS": (
        {"speaks": POSTGRES, "without_tls": True}, ALL | {"with TLS 1.2"}, "it does without TLS",
    ),
    "a database that asks for no certificate": ({"speaks": POSTGRES, "asks": ssl.CERT_NONE}, ALL, PASSWORD),
}  # fmt: skip


@pytest.mark.parametrize(("otherwise", "open_to", "answer"), HOLES.values(), ids=HOLES)
def test_a_hole_shows(serve, ca, ways, otherwise, open_to, answer):
    found = answers(came(serve(**otherwise), ca, ways))
    assert set(found) >= open_to
    assert set(found) <= open_to | {"honest"}
    assert answer in found.values()


@pytest.mark.parametrize("otherwise", [{"name": "db"}, {"issuer": Ca()}], ids=["another name", "another CA"])
def test_a_server_that_does_not_prove_itself_is_asked_nothing(serve, ca, ways, otherwise):
    found = came(serve(**otherwise), ca, ways)
    assert answers(found) == {}
    assert all(found[way]["server"] not in ("", "proven") for way in ALL)


def test_silence_and_nobody(serve, ca, ways, monkeypatch):
    monkeypatch.setattr(inner_attempts, "SECONDS", 0.3)
    one = came(serve(silent=True), ca, {"expired": ways["unknown-ca"]})["expired"]
    assert (one["reached"], one["answer"], one["said"]) == ("yes", "", "")
    gone = serve()
    gone.close()
    gone.listening = SimpleNamespace(getsockname=lambda: ("127.0.0.1", 1), close=lambda: None, shutdown=lambda _: None)
    assert came(gone, ca, {"expired": {}})["expired"]["reached"] == "Connection refused"


def test_it_runs_by_itself_and_takes_its_keys_on_its_standard_input(serve, ca, ways):
    server = serve()
    place = {"name": "app", "address": "127.0.0.1", "port": server.listening.getsockname()[1], "ca": ca.pem}
    place |= {"speaks": HTTP, "site": "www.lab.test", "ways": ways}
    done = subprocess.run(
        [sys.executable, "-I", "-c", Path(inner_attempts.__file__).read_text()],
        input=json.dumps([place]), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert {one["way"]: bool(one["answer"]) for one in json.loads(done.stdout)} == {
        **dict.fromkeys(REFUSED, False),
        "honest": True,
    }


# --- who is sent where ------------------------------------------------------------------------------------------------


class Asked:
    """A host that notes what it is given, and answers with one attempt for each place and way."""

    def __init__(self, exit_code=0, error=""):
        self.exit_code, self.error, self.given = exit_code, error, []

    def command(self, _argv, *, seconds, fresh, given):
        assert fresh
        assert seconds
        if self.error:
            raise NotEvaluated(self.error)
        self.given = json.loads(given)
        found = [{"to": place["name"], "way": way} for place in self.given for way in place["ways"]]
        return SimpleNamespace(exit_code=self.exit_code, stdout=json.dumps(found), stderr="Traceback\nSyntaxError: x\n")


@pytest.fixture
def site(lab, monkeypatch):
    kit = [TlsDecoy(name, "why", f"certificate {name}", "key") for name in tls_decoys.WHY_REFUSED]
    monkeypatch.setattr(tls_decoys, "load", lambda _site, _domain: kit)
    monkeypatch.setattr(tls_decoys, "of_other_domains", lambda _site, _domain: [])
    return lab


@pytest.fixture
def lab(tmp_path):
    folder, generated = tmp_path / "lab", shutil.ignore_patterns("keys", "secrets", "approval.*")
    shutil.copytree(content("inventory") / "lab", folder, ignore=generated)
    (folder / "keys" / "ca").mkdir(parents=True)
    (folder / "keys" / "ca" / "production_tls.pem").write_text("the CA")
    return load(folder)


def test_each_host_is_sent_where_a_flow_lets_it_go(site):
    web, app, mail, other = Asked(), Asked(), Asked(), Asked()
    run = SimpleNamespace(hosts={"web": web, "app": app, "mail": mail, "db": other})
    found = inner_connections.tried_inside(site, run)
    assert found["errors"] == []
    assert [(place["name"], place["address"], place["port"], place["speaks"]) for place in web.given + app.given] == [
        ("app", "198.18.64.12", 8443, "http"),
        ("app", "2001:2:0:64::12", 8443, "http"),
        ("db", "198.18.64.13", 5432, "postgres"),
        ("db", "2001:2:0:64::13", 5432, "postgres"),
    ]
    assert [(place["name"], place["role"]) for place in mail.given] == [("db", "letters")] * 2
    assert {place["role"] for place in app.given} == {"intake"}
    assert other.given == []
    assert "other-host" in web.given[0]["ways"]
    assert "other-host" not in app.given[0]["ways"]  # its name is compared after the password
    assert web.given[0]["ways"]["expired"] == {"certificate": "certificate expired", "key": "key"}
    assert {one["from"] for one in found["tries"]} == {"web", "app", "mail"}


def test_what_could_not_be_tried_is_said(site, monkeypatch):
    run = SimpleNamespace(hosts={"web": Asked(error="web does not answer")})
    assert inner_connections.tried_inside(site, run)["errors"] == [
        ["web", "app", "web does not answer"],
        ["app", "db", "it was not asked in this run"],
        ["mail", "db", "it was not asked in this run"],
    ]
    run = SimpleNamespace(hosts={"web": Asked(exit_code=1), "app": Asked(), "mail": Asked()})
    assert inner_connections.tried_inside(site, run)["errors"] == [["web", "app", "SyntaxError: x"]]

    def too_old(_site, domain):
        raise NotJudged(f"The TLS decoys of the domain {domain} are too old.")

    monkeypatch.setattr(tls_decoys, "load", too_old)
    found = inner_connections.tried_inside(site, SimpleNamespace(hosts={}))
    assert found["tries"] == []
    assert [one[:2] for one in found["errors"]] == [["web", "app"], ["app", "db"], ["mail", "db"]]
    assert "too old" in found["errors"][0][2]
