"""Services' own way of connecting, met by impostors: what azukari-database-attempts sees on app and mail hosts."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from azukari.content import content
from azukari.people import tls_certificates, tls_decoys
from azukari.verify.database_attempts import TOLD
from checks import test_pki_inside as judged

psycopg = pytest.importorskip("psycopg")

ROLE = content("roles") / "database"
PROGRAM = ROLE / "files/usr/local/libexec/azukari-database-attempts"
UNKNOWN, OTHER = "with a certificate of an unknown CA", "with a certificate of the right CA in another name"
PLAIN = "without TLS"


@pytest.fixture(params=["intake", "letters"])
def role(request):
    return request.param


@pytest.fixture
def installed(role, tmp_path, monkeypatch):
    """The program as it lies on a host whose own name is `host`, and whose database is `db`; told of the forms."""
    key = ec.generate_private_key(ec.SECP256R1())
    ca = tls_certificates.root("lab", "production", key)
    (tmp_path / "ca.pem").write_text(ca)
    for file, name in (("host", "host"), (role, role)):
        request, private = tls_decoys.signing_request()
        certificate = tls_certificates.leaf(key, ca, request, [name], 1, client=True, server=True)
        (tmp_path / f"{file}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        (tmp_path / f"{file}.key").write_text(private)
        (tmp_path / f"{file}.key").chmod(0o600)
    (tmp_path / "database.password").write_text("hunter2\n")
    database = {"host": "db", "hostaddr": "127.0.0.1", "port": 1, "dbname": "site", "user": role}
    database |= {"sslrootcert": str(tmp_path / "ca.pem"), "sslcert": str(tmp_path / f"{role}.pem")}
    (tmp_path / "told.json").write_text(json.dumps({"database": database}))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    text = PROGRAM.read_text().replace("/etc/azukari/database-attempts.json", str(tmp_path / "client.json"))
    code = compile(text.replace("/etc/azukari/tls/", f"{tmp_path}/"), str(PROGRAM), "exec")

    def install(*forms):
        client = {"role": role, "program": "/nonexistent", "settings": str(tmp_path / "told.json"), "forms": forms}
        (tmp_path / "client.json").write_text(json.dumps(client))
        names = {"__name__": "azukari_database_attempts"}
        exec(code, names)  # noqa: S102 - ours
        return SimpleNamespace(**names)

    return install


@pytest.fixture
def program(installed):
    return installed("contact", "mail_service")


def test_each_role_tries_what_the_other_is_there_for(program, role):
    tries = program.statements()
    own = {"intake": "confirm unsubscribe", "letters": "due subscribers note lettered"}
    for who, names in own.items():
        for name in names.split():
            assert any(one.startswith(f"SELECT site.{name}(") for one in tries) == (who != role), name
    assert [one for one in tries if one in ("SET ROLE intake", "SET ROLE letters")] == [
        "SET ROLE letters" if role == "intake" else "SET ROLE intake"
    ]
    handed_in = "SELECT site.keep('contact', gen_random_uuid(), '{\"reply\": \"a.b.c.d.e\"}')"
    assert (handed_in in tries) == (role == "letters")  # the website may
    assert f"ALTER ROLE {role} SUPERUSER" in tries
    assert f"GRANT SELECT ON site.mail_service TO {role}" in tries
    assert len(tries) == len(set(tries))


def test_what_is_not_there_without_letters_is_not_tried(installed):
    told = "\n".join(installed("contact").statements())
    assert "site.contact" in told
    for name in ("mail_service", "confirm", "due", "waiting", "ROLE letters"):
        assert name not in told.replace("ALTER ROLE letters", "").replace("TO letters", "")


def test_a_role_tries_every_function_of_the_database_but_its_own(program, role):
    """A function that is added must be tried by whoever may not call it."""
    text = (ROLE / "templates/site.sql.j2").read_text()
    granted = {name for names, who in GRANTED.findall(text) for name in CALL.findall(names) if who == role}
    tried = {one for statement in program.statements() for one in CALL.findall(statement)}
    made = set(re.findall(r"^CREATE OR REPLACE FUNCTION site\.(\w+)\(", text, re.MULTILINE))
    assert made - granted <= tried <= made | {"azukari_attempt"}
    assert tried & granted == ({"keep"} if role == "intake" else set())  # with what it does not take


GRANTED = re.compile(r"^GRANT EXECUTE ON FUNCTION ([^;]+?) TO (\w+);", re.MULTILINE)
CALL = re.compile(r"\bsite\.(\w+)\(")


BRINGS = {"intake": "site/tasks/application.yml", "letters": "mail/tasks/letters.yml"}


def test_each_services_role_says_where_its_own_program_and_its_secrets_lie(role):
    """What is tried is the program and what it is told that the service itself runs with."""
    tasks = yaml.safe_load((content("roles") / BRINGS[role]).read_text())
    [brought] = [task["vars"]["database_client"] for task in tasks if "ansible.builtin.import_role" in task]
    placed = json.dumps(tasks)
    assert brought["role"] == role
    assert brought["settings"] in TOLD[role]
    for path in (brought["settings"], brought["password"], brought["program"]):
        assert placed.count(path) > 1, path  # the same task file puts it there


def test_the_unit_hands_over_what_the_program_reads(role):
    unit = (ROLE / "templates/etc/systemd/system/azukari-database-attempts@.service.j2").read_text()
    said = unit.replace("{{ database_client.role }}", role)
    assert re.findall(r"^LoadCredential=([^:]+):", said, re.MULTILINE) == [
        "database.password", "host.key", f"{role}.key"
    ]  # fmt: skip


def met(program, **changed):
    own = program.database.parameters({**program.TOLD["database"], **changed}, Path(program.CREDENTIALS))
    return program.impostors(own)


def test_no_impostor_hears_the_forms(program):
    found = met(program)
    assert {what: one["heard"] for what, one in found.items()} == dict.fromkeys(judged.IMPOSTORS, False)
    assert all(judged.UNTRUSTED.search(one["said"]) for one in found.values()), found
    assert 'for "host" does not' in found[OTHER]["said"]
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
    "another name to be verified": ({"host": "host"}, {OTHER}),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "open_to"), WEAKER.values(), ids=WEAKER)
def test_a_weaker_way_is_heard(program, changed, open_to):
    found = met(program, **changed)
    assert {what for what, one in found.items() if one["heard"]} == open_to


def test_without_its_database_it_says_so_and_tries_the_impostors_yet(program, role, capsys):
    program.main()
    found = json.loads(capsys.readouterr().out)
    assert found["role"] == role
    assert found["usual"] != "done"
    assert "refused" in found["own"]
    assert set(found["impostors"]) == judged.IMPOSTORS
    assert found["connections"] == {}
