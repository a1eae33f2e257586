"""The forms' own way of connecting, met by impostors: what azukari-intake-attempts sees on the application's host."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from azukari.content import content
from azukari.people import tls_certificates, tls_decoys
from checks import test_pki_inside as judged

psycopg = pytest.importorskip("psycopg")

PROGRAM = content("roles") / "site/files/usr/local/libexec/azukari-intake-attempts"
UNKNOWN, OTHER = "with a certificate of an unknown CA", "with a certificate of the right CA in another name"
PLAIN = "without TLS"


@pytest.fixture
def program(tmp_path, monkeypatch):
    """The program as it lies on a host whose own name is `app`, and whose database is `db`."""
    key = ec.generate_private_key(ec.SECP256R1())
    ca = tls_certificates.root("lab", "production", key)
    (tmp_path / "ca.pem").write_text(ca)
    for file, name in (("host", "app"), ("intake", "intake")):
        request, private = tls_decoys.signing_request()
        certificate = tls_certificates.leaf(key, ca, request, [name], 1, client=True, server=True)
        (tmp_path / f"{file}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        (tmp_path / f"{file}.key").write_text(private)
        (tmp_path / f"{file}.key").chmod(0o600)
    (tmp_path / "database.password").write_text("hunter2\n")
    database = {"host": "db", "hostaddr": "127.0.0.1", "port": 1, "dbname": "site", "user": "intake"}
    database |= {"sslrootcert": str(tmp_path / "ca.pem"), "sslcert": str(tmp_path / "intake.pem")}
    (tmp_path / "site.json").write_text(json.dumps({"database": database, "forms": [{"name": "contact"}]}))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    text = PROGRAM.read_text().replace("/etc/azukari/site/site.json", str(tmp_path / "site.json"))
    names = {"__name__": "azukari_intake_attempts"}
    exec(compile(text.replace("/etc/azukari/tls/", f"{tmp_path}/"), str(PROGRAM), "exec"), names)  # noqa: S102 - ours
    return SimpleNamespace(**names)


def met(program, **changed):
    own = program.database.parameters({**program.TOLD["database"], **changed}, Path(program.CREDENTIALS))
    return program.impostors(own)


def test_no_impostor_hears_the_forms(program):
    found = met(program)
    assert {what: one["heard"] for what, one in found.items()} == dict.fromkeys(judged.IMPOSTORS, False)
    assert all(judged.UNTRUSTED.search(one["said"]) for one in found.values()), found
    assert 'does not match host name "db"' in found[OTHER]["said"]
    assert "hunter2" not in json.dumps(found)


# libpq with a CA's file takes `require` for `verify-ca` (PostgreSQL 17, 32.19.1): the name alone is not looked at.
WEAKER = {
    "verify-ca": ({"sslmode": "verify-ca"}, {OTHER}),
    "require": ({"sslmode": "require"}, {OTHER}),
    "require, of any CA": ({"sslmode": "require", "sslrootcert": "/nonexistent"}, {OTHER, UNKNOWN}),
    "prefer": ({"sslmode": "prefer", "sslrootcert": "/nonexistent", "channel_binding": "prefer"},
               {OTHER, UNKNOWN, PLAIN}),
    "disable": ({"sslmode": "disable", "channel_binding": "prefer"}, {OTHER, UNKNOWN, PLAIN}),
    "another name to be verified": ({"host": "app"}, {OTHER}),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "open_to"), WEAKER.values(), ids=WEAKER)
def test_a_weaker_way_is_heard(program, changed, open_to):
    found = met(program, **changed)
    assert {what for what, one in found.items() if one["heard"]} == open_to


def test_without_its_database_it_says_so_and_tries_the_impostors_yet(program, capsys):
    program.main()
    found = json.loads(capsys.readouterr().out)
    assert found["usual"] != "done"
    assert "refused" in found["own"]
    assert set(found["impostors"]) == judged.IMPOSTORS
    assert found["connections"] == {}
