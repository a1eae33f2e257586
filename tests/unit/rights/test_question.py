"""A person's registrations: asked in a sealed question of the office, carried, answered, and deleted."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from azukari import evidence
from azukari.answers import stored
from azukari.cli import office
from azukari.cli import request as verb
from azukari.drills import looking
from azukari.errors import InputError, NotJudged
from azukari.people import mail_keys
from azukari.rights import erasing
from azukari.rights import question as questions
from azukari.rights import request as requests
from azukari.rights.request import Request
from azukari.site import Site, holders_dir
from azukari.site.keys import public_key
from reference_site.letters_opened import Keys
from reference_site.questions import must_be_young, verified

FORM, ADDRESS = "mail_service", "Visitor.One@example.jp"
ROWS = [str(uuid.uuid4()) for _ in range(2)]


@pytest.fixture(autouse=True)
def _own_process_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("azukari.answers.memory.never_dumped", lambda: True)


def run(site: Site, app: Any, *arguments: object, code: int = 0, given: str | None = None) -> tuple[str, str]:
    call = [*map(str, arguments), "--site", str(site.path)]
    done = CliRunner().invoke(app, call, input=given, standalone_mode=False)
    if isinstance(done.exception, Exception):
        raise done.exception
    assert (done.return_value or 0) == code, done.output
    return done.stdout, done.stderr


def asked(site: Site, out: Path, address: str = ADDRESS) -> Path:
    run(site, office.app, "question", FORM, "--out", out, given=f"{address}\n")
    return out


class Hosts:
    """Stands for the hosts: what was handed to them, and what they answer."""

    def __init__(self) -> None:
        self.limits: list[list[str]] = []
        self.programs: list[str] = []
        self.answer: object = {"found": [[ROWS[0], "2026-11-29"], [ROWS[1], "2026-11-30"]], "unread": 0}
        self.erased: list[tuple[str, list[str]]] = []

    def as_root(self, _at: object, host: str, command: str, given: str) -> str:
        assert command == "python3 -I -"
        self.programs.append(given)
        if host == "db":
            return json.dumps({"found": [], "cores": [], "missed": [], "files": 7})
        return self.answer if isinstance(self.answer, str) else json.dumps(self.answer)

    def erase(self, _command: object, form: str, rows: list[str]) -> list[tuple[str, str, str]]:
        self.erased.append((form, list(rows)))
        return [(row, "delivery", f"a.b.c.d.{row}-the-end-of-a-sealed-value-{row}") for row in rows]


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Hosts:
    stand_in = Hosts()

    @contextmanager
    def session(site: Site, limit: list[str]) -> Iterator[SimpleNamespace]:
        stand_in.limits.append(limit)
        yield SimpleNamespace(site=site, hosts=limit, left={}, ssh_config="none")

    monkeypatch.setattr(verb, "session", session)
    monkeypatch.setattr(stored, "erase", stand_in.erase)
    monkeypatch.setattr(stored, "unsubscribed", lambda _command: [])
    monkeypatch.setattr(looking, "as_root", stand_in.as_root)
    monkeypatch.setattr(questions, "as_root", stand_in.as_root)
    return stand_in


# --- the office -------------------------------------------------------------------------------------------------------


def test_the_mail_tiers_key_alone_opens_what_the_office_asks_and_no_file_holds_it(site: Site, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    file = asked(site, tmp_path / "q", f"  {ADDRESS}")
    assert {path for path in tmp_path.rglob("*") if path.is_file()} - before == {file}
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"isitor" not in file.read_bytes()
    one = verified(file.read_bytes(), site.name, public_key(site.path, site.contract.office.key))
    assert Keys(mail_keys.private(site).encode()).asked_for(one.number, one.sealed) == ADDRESS
    must_be_young(one, datetime.now(UTC))
    other = json.loads(json.loads(asked(site, tmp_path / "again").read_bytes())["question"])
    assert (other["number"], other["sealed"]) != (one.number, one.sealed)


@pytest.mark.parametrize("text", ["nobody", "@other.jp", "x@", "", "a b@example.jp", f"a@{'b.' * 130}jp"])
def test_what_is_no_address_is_not_repeated(site: Site, tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"no e-mail address; give it in full, such as somebody@example\.jp\.$"):
        asked(site, tmp_path / "q", text)
    assert not (tmp_path / "q").exists()


def test_only_the_office_asks_and_of_the_mail_tiers_alone(site: Site, tmp_path: Path) -> None:
    for key in ("people/yamada/id_ed25519", "people/tanaka/id_ed25519"):
        with pytest.raises(InputError, match="is not the office's"):
            run(
                site, office.app, "question", FORM, "--out", tmp_path / "q", "--approval-key", holders_dir(site) / key,
                given=f"{ADDRESS}\n",
            )  # fmt: skip
    with pytest.raises(InputError, match="opens contact itself"):
        run(site, office.app, "question", "contact", "--out", tmp_path / "q", given=f"{ADDRESS}\n")
    with pytest.raises(InputError, match="no collection “access”"):
        run(site, office.app, "question", "access", "--out", tmp_path / "q", given=f"{ADDRESS}\n")
    (site.path / "keys" / "sealing" / f"{FORM}.json").unlink()
    with pytest.raises(InputError, match="The address cannot be sealed: No key statement"):
        asked(site, tmp_path / "q")
    assert not (tmp_path / "q").exists()


def test_of_the_mail_tiers_nothing_is_requested_but_deletion(site: Site, tmp_path: Path, hosts: Hosts) -> None:
    with pytest.raises(InputError, match="nothing is kept that the office could read"):
        run(site, office.app, "request", "access", FORM, "--id", ROWS[0], "--out", tmp_path / "r")
    with pytest.raises(InputError, match="reads no collection “access”"):
        run(site, office.app, "request", "delete", "access", "--id", ROWS[0], "--out", tmp_path / "r")
    one = Request("access", site.name, FORM, "2026-12-01", (ROWS[0],))
    requests.write(site, one, tmp_path / "r", holders_dir(site) / "office" / "approval")
    with pytest.raises(InputError, match="not sealed for the office"):
        run(site, verb.app, "access", tmp_path / "r", "--out", tmp_path / "out")
    assert hosts.limits == []


# --- the contractor ---------------------------------------------------------------------------------------------------


def newest(site: Site) -> dict[str, Any]:
    found = evidence.newest(site, "drill")
    assert found is not None
    return dict(found.results)


def test_a_question_is_carried_to_the_mail_host_and_answered_with_identifiers_and_days(
    site: Site, tmp_path: Path, hosts: Hosts
) -> None:
    file = asked(site, tmp_path / "q")
    shown, said = run(site, verb.app, "find", file)
    assert shown.splitlines() == [f"{ROWS[0]}  2026-11-29", f"{ROWS[1]}  2026-11-30"]
    assert "2 registrations are the person's; 0 have not been opened yet" in said
    assert hosts.limits == [["mail"]]
    [program] = hosts.programs
    compile(program, "program", "exec")
    assert repr(file.read_bytes()) in program
    done = newest(site)
    assert (done["drill"], done["passed"], done["hosts"]) == ("request find", True, ["mail"])
    assert ROWS[0] not in json.dumps(done)
    hosts.answer = {"found": [], "unread": 2}
    assert run(site, verb.app, "find", file, code=2)[0] == ""


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        ({"refused": "This question was answered before."}, InputError, "mail: This question was answered before"),
        ("", NotJudged, "gave no answer"),
        ("[]", NotJudged, "gave no answer"),
        ({"found": []}, NotJudged, "gave no answer"),
        ({"found": [["\x1b[2J", "2026-11-29"]], "unread": 0}, NotJudged, "gave no answer"),
        ({"found": [[ROWS[0], "yesterday"]], "unread": 0}, NotJudged, "gave no answer"),
    ],
)
def test_what_is_no_answer_is_none(
    site: Site, tmp_path: Path, hosts: Hosts, answer: object, error: type[Exception], why: str
) -> None:
    hosts.answer = answer
    with pytest.raises(error, match=why):
        run(site, verb.app, "find", asked(site, tmp_path / "q"))


def test_a_question_that_was_changed_is_not_carried(site: Site, tmp_path: Path, hosts: Hosts) -> None:
    file = asked(site, tmp_path / "q")
    file.write_text(file.read_text().replace(FORM, "contact"))
    with pytest.raises(
        InputError, match=r"not signed by the office's approval key, or was changed since\. Nothing was"
    ):
        run(site, verb.app, "find", file)
    with pytest.raises(InputError, match="cannot be read"):
        run(site, verb.app, "find", tmp_path / "nothing")
    assert hosts.limits == []


def test_what_was_found_is_deleted_looked_for_and_remembered(site: Site, tmp_path: Path, hosts: Hosts) -> None:
    ids = [part for row in ROWS for part in ("--id", row)]
    run(site, office.app, "request", "delete", FORM, *ids, "--out", tmp_path / "r")
    run(site, verb.app, "delete", tmp_path / "r")
    assert hosts.erased == [(FORM, ROWS)]
    assert hosts.limits == [["db"]]
    assert all(uuid.UUID(row).hex in hosts.programs[0] for row in ROWS)
    assert erasing.erased(site) == {FORM: ROWS}
    assert (newest(site)["drill"], newest(site)["passed"]) == ("request delete", True)
    run(site, verb.app, "replay")
    assert hosts.erased == [(FORM, ROWS)] * 2
