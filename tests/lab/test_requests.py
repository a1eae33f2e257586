"""A visitor's answers are corrected and deleted on real servers; what was deleted is nowhere, also after a restore."""

import json
import secrets
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from azukari import evidence
from azukari.drills.visitor import Visitor
from azukari.lab import Lab
from azukari.lab.internet import READERS
from azukari.rights import question as questions
from azukari.site import holders_dir
from reference_site.answers import MAIL_SERVICE
from tests import provisioned

pytestmark = pytest.mark.lab
FORM = "contact"
PSQL = ["runuser", "-u", "postgres", "--", "psql", "--no-psqlrc", "-qAt", "--dbname=site", "-c"]


def did(*arguments: str, code: int = 0, given: str | None = None) -> str:
    """Run the command line, which has to end with a code; returns its standard output."""
    done = provisioned.azukari(*arguments, timeout=300, given=given)
    assert done.returncode == code, f"{arguments}: {done.stdout}\n{done.stderr}"
    return done.stdout


def asked(lab: Lab, statement: str) -> list[str]:
    said = lab.run("db", [*PSQL, statement])
    assert said.returncode == 0, said.stderr
    return said.stdout.decode().splitlines()


def kept(lab: Lab) -> list[str]:
    return asked(lab, f"SELECT id, purpose, received, sealed FROM site.{FORM} ORDER BY 1, 2")  # noqa: S608


def lies_in(lab: Lab, row: str) -> list[str]:
    """Return the database's files that hold an identifier as PostgreSQL writes it, by a search of the test's own."""
    look = (
        "import pathlib, sys\n"
        "mark = bytes.fromhex(sys.argv[1])\n"
        "for path in pathlib.Path('/var/lib/postgresql').rglob('*'):\n"
        "    if path.is_file() and mark in path.read_bytes(): print(path)\n"
    )
    said = lab.run("db", ["/usr/bin/python3", "-I", "-c", look, uuid.UUID(row).hex], timeout=120)
    assert said.returncode == 0, said.stderr
    return said.stdout.decode().splitlines()


def newest() -> dict[str, object]:
    found = evidence.newest(provisioned.site(), "drill")
    assert found is not None
    return dict(found.results)


def test_what_a_visitor_asks_for_is_done_and_proven(provisioned_lab: Lab, tmp_path: Path) -> None:
    provisioned_lab.reset([host.name for group in ("web", "app", "db") for host in provisioned.site().group(group)])
    visitor, address = Visitor(provisioned.site(), FORM), f"{secrets.token_hex(8)}@visitor.example"
    mine, other = (
        visitor.send({"comments": secrets.token_hex(16), "email": email})
        for email in (address, "other@visitor.example")
    )
    assert mine.acknowledged
    assert other.acknowledged
    asked(provisioned_lab, f"ANALYZE site.{FORM}")
    answers, request = tmp_path / "answers", tmp_path / "correct"
    did("site", "answers", FORM, "--out", str(answers))
    assert [line.split()[0] for line in did("office", "find", str(answers), given=f"{address}\n").splitlines()] == [
        mine.row
    ]

    did("office", "correct", str(answers), "--id", mine.row, "--out", str(request), given='{"comments": "corrected"}\n')
    did("request", "correct", str(request))
    did("office", "request", "access", FORM, "--id", mine.row, "--out", str(tmp_path / "access"))
    did("request", "access", str(tmp_path / "access"), "--out", str(tmp_path / "shown"))
    [shown] = [json.loads(line) for line in did("office", "read", str(tmp_path / "shown"), "--json").splitlines()]
    assert (shown["id"], shown["items"]) == (mine.row, {"comments": "corrected", "email": address})

    before = kept(provisioned_lab)
    assert lies_in(provisioned_lab, mine.row)  # the test's own search can find
    for path in (answers, tmp_path / "shown"):
        path.unlink()
    did("office", "request", "delete", FORM, "--id", mine.row, "--out", str(tmp_path / "delete"))
    did("request", "delete", str(tmp_path / "delete"))
    assert newest()["passed"] is True
    assert kept(provisioned_lab) == [line for line in before if not line.startswith(mine.row)]
    assert lies_in(provisioned_lab, mine.row) == []
    assert visitor.send({"comments": "the form still takes answers"}).acknowledged

    # What a restore would bring back goes again; what nobody asked to delete stays.
    # (By COPY: a statement is noted in the database's record, where the search would find it.)
    back = next(line for line in before if line.startswith(mine.row)).split("|")
    line = "\t".join([back[0], back[1], back[3], back[2]]).encode() + b"\n"
    copied = provisioned_lab.run(
        "db", [*PSQL, f"COPY site.{FORM} (id, purpose, sealed, received) FROM STDIN"], input=line
    )
    assert copied.returncode == 0, copied.stderr
    assert lies_in(provisioned_lab, mine.row)
    did("request", "replay")
    assert lies_in(provisioned_lab, mine.row) == []
    assert [line for line in kept(provisioned_lab) if line.startswith(other.row)]


# --- the E-mail Information Service -----------------------------------------------------------------------------------


def handed_in(lab: Lab, question: bytes) -> dict[str, Any]:
    """Hand a question to the finder's door by hand, past the contractor's own look at it."""
    program = questions.CARRY.format(question=question).encode()
    said = lab.run("mail", ["/usr/bin/python3", "-I", "-"], input=program, timeout=120)
    assert said.returncode == 0, said.stderr
    return dict(json.loads(said.stdout))


def signed_by(key: Path, address: str) -> bytes:
    """Return a question that is right but for its signature: azukari itself signs none that is not the office's."""
    site = provisioned.site()
    question = json.loads(questions.ask(site, MAIL_SERVICE, address, holders_dir(site) / "office" / "approval"))
    sign = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(key), "-n", "azukari-question"]
    made = subprocess.run(sign, input=question["question"].encode(), capture_output=True, check=True)
    return json.dumps({**question, "signature": made.stdout.decode()}).encode()


def test_a_subscriber_is_found_by_a_signed_question_deleted_and_found_no_more(
    provisioned_lab: Lab, tmp_path: Path
) -> None:
    provisioned_lab.reset(
        [host.name for group in ("web", "app", "db", "mail") for host in provisioned.site().group(group)]
    )
    visitor, address = Visitor(provisioned.site(), MAIL_SERVICE), f"{secrets.token_hex(8)}@{READERS}"
    rows = []
    for email in (address, address.upper(), f"other-{address}"):
        sent = visitor.send({"email": email})
        assert sent.acknowledged, sent.status
        rows.append(sent.row)
        time.sleep(1.1)  # the website takes one a second from one visitor for long
    until = time.monotonic() + 60
    while asked(provisioned_lab, "SELECT count(*) FROM site.mail_service WHERE lettered IS NULL") != ["0"]:
        assert time.monotonic() < until, "no letters were sent"
        time.sleep(1)

    first = tmp_path / "question"
    did("office", "question", MAIL_SERVICE, "--out", str(first), given=f"{address}\n")
    assert address.encode() not in first.read_bytes()
    for wrong in (
        signed_by(holders_dir(provisioned.site()) / "people" / "yamada" / "id_ed25519", address),
        json.dumps({**json.loads(first.read_bytes()), "signature": ""}).encode(),
        b"",
    ):
        assert list(handed_in(provisioned_lab, wrong)) == ["refused"]
    found = [line.split()[0] for line in did("request", "find", str(first)).splitlines()]
    assert sorted(found) == sorted(rows[:2])
    assert newest()["drill"] == "request find"
    did("request", "find", str(first), code=3)  # each once

    ids = [part for row in found for part in ("--id", row)]
    did("office", "request", "delete", MAIL_SERVICE, *ids, "--out", str(tmp_path / "delete"))
    did("request", "delete", str(tmp_path / "delete"))
    assert newest()["passed"] is True
    for row in found:
        assert lies_in(provisioned_lab, row) == []
    did("office", "question", MAIL_SERVICE, "--out", str(tmp_path / "again"), given=f"{address}\n")
    assert did("request", "find", str(tmp_path / "again")) == ""
    assert asked(provisioned_lab, "SELECT id FROM site.mail_service") == rows[2:]

    # Two were answered; eight more are, and no eleventh, though the door is made anew meanwhile.
    site = provisioned.site()
    approval = holders_dir(site) / "office" / "approval"
    said = []
    for number in range(9):
        if number == 4:
            provisioned_lab.run("mail", ["systemctl", "restart", "azukari-finder.socket"], timeout=60)
        said.append(handed_in(provisioned_lab, questions.ask(site, MAIL_SERVICE, f"other-{address}", approval)))
    assert [one["found"][0][0] if "found" in one else "refused" for one in said] == [*rows[2:] * 8, "refused"]
    assert "10 questions were answered within the hour" in str(said[-1]["refused"])
    for host, unit in (("mail", "azukari-finder.service"), ("db", "postgresql@17-main.service")):
        log = provisioned_lab.run(host, ["journalctl", "--no-pager", "-u", unit], timeout=60).stdout
        assert address.encode() not in log
    noted = provisioned_lab.run("mail", ["cat", "/var/lib/private/azukari-finder/answered.json"], timeout=30).stdout
    assert len(json.loads(noted)) == 10
