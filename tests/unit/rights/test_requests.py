"""What visitors ask for: found in the office's memory, signed by it, done, proven by a search, and remembered."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from azukari import evidence
from azukari.answers import files, resealing, stored
from azukari.answers.files import Change, Header, Value
from azukari.answers.opening import load_keys
from azukari.cli import office
from azukari.cli import request as verb
from azukari.drills import looking
from azukari.errors import InputError, NotJudged, SafeguardFails
from azukari.evidence import signer
from azukari.people.chain import LedgerBroken
from azukari.rights import erasing
from azukari.rights import request as requests
from azukari.rights.ledger import Ledger
from azukari.rights.request import Request
from azukari.site import Site, holders_dir
from reference_site.sealing import Place, key_id, seal, unseal

FORM = "contact"
MINE, ALSO_MINE, SAME, OTHER = (str(uuid.uuid4()) for _ in range(4))
ADDRESS = "Visitor.One@example.jp"


def sealed(site: Site, row: str, **items: str) -> list[Value]:
    """Return an answer as the website seals it."""
    [collection] = [one for one in site.policy.collections if one.name == FORM]
    key, found = resealing.stated(site, FORM).key, []
    for purpose in sorted(collection.purposes):
        own = {i.name: items[i.name] for i in collection.items if purpose in i.purposes and i.name in items}
        if own:
            plain = json.dumps(own, ensure_ascii=False, sort_keys=True).encode()
            found.append(Value(row, purpose, "2026-04-01", seal(plain, Place(FORM, row, purpose), key)))
    return found


def written(site: Site, path: Path, values: list[Value]) -> Path:
    rows = len({one.row for one in values})
    header = Header("answers", site.name, FORM, "2026-04-02T00:00:00+00:00", answers=rows, values=len(values))
    files.write_new(path, [files.header_line(header), *map(files.value_line, values)])
    return path


@pytest.fixture
def answers(site: Site, tmp_path: Path) -> Path:
    values = [
        *sealed(site, MINE, comments="first", email=ADDRESS),
        *sealed(site, ALSO_MINE, comments="second", email="Visitor.One@EXAMPLE.jp", heading="h"),
        *sealed(site, SAME, comments="third", email="visitor.ONE@example.jp"),
        *sealed(site, OTHER, comments=f"ask {ADDRESS}", email="visitor.on@example.jp"),
        *sealed(site, str(uuid.uuid4()), comments="no address"),
    ]
    return written(site, tmp_path / "answers", values)


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


def asked(site: Site, out: Path, kind: str = "delete", *rows: str) -> Path:
    ids = [part for row in rows or (MINE,) for part in ("--id", row)]
    run(site, office.app, "request", kind, FORM, *ids, "--out", out)
    return out


# --- the office -------------------------------------------------------------------------------------------------------


def test_a_person_is_found_by_the_address_in_full_and_nothing_readable_is_written(
    site: Site, answers: Path, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    shown, said = run(site, office.app, "find", answers, given="Visitor.One@Example.JP\n")
    # Two writings that differ in case are one mailbox wherever mail is received, and for the mail service.
    assert shown.splitlines() == [f"{row}  2026-04-01" for row in (MINE, ALSO_MINE, SAME)]
    assert said == "3 answers give this address; 0 things were not read.\n"
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    for other in ("isitor.One@example.jp", "Visitor.Two@example.jp", "Visitor.One@example", "Visitor.One@example.jp.x"):
        assert run(site, office.app, "find", answers, given=f"{other}\n")[0] == ""


def test_what_does_not_open_may_be_the_persons(site: Site, tmp_path: Path) -> None:
    values = sealed(site, MINE, comments="x", email=ADDRESS)
    moved = Value(OTHER, values[0].purpose, values[0].received, values[0].sealed)
    file = written(site, tmp_path / "a", [*values, moved])
    shown, said = run(site, office.app, "find", file, given=f"{ADDRESS}\n", code=2)
    assert shown.startswith(MINE)
    assert f"NOT READ: {OTHER}" in said


@pytest.mark.parametrize("text", ["nobody", "@other.jp", "x@", ""])
def test_what_is_no_address_is_refused_and_not_repeated(site: Site, answers: Path, text: str) -> None:
    with pytest.raises(InputError, match="no e-mail address") as refused:
        run(site, office.app, "find", answers, given=f"{text}\n")
    assert not text or text not in refused.value.message


def test_a_request_names_answers_and_nothing_readable(site: Site, tmp_path: Path) -> None:
    file = asked(site, tmp_path / "r", "delete", MINE, ALSO_MINE)
    assert json.loads(file.read_text()) == {
        "schema": 1, "kind": "delete", "site": "lab", "form": FORM, "made": str(site.today()),
        "records": [MINE, ALSO_MINE], "changes": [],
    }  # fmt: skip
    assert requests.read(site, file, "delete").records == (MINE, ALSO_MINE)


def test_only_the_office_asks(site: Site, tmp_path: Path) -> None:
    for key in ("people/yamada/id_ed25519", "people/tanaka/id_ed25519"):
        with pytest.raises(InputError, match="is not the office's"):
            run(
                site, office.app, "request", "delete", FORM, "--id", MINE, "--out", tmp_path / "r",
                "--approval-key", holders_dir(site) / key,
            )  # fmt: skip
    for rows, why in (([], "names 1 to"), (["all"], "“all” is no identifier"), ([MINE, MINE], "each once; found 2")):
        one = Request("delete", site.name, FORM, "2026-04-01", tuple(rows))
        with pytest.raises(InputError, match=why):
            requests.write(site, one, tmp_path / "r", holders_dir(site) / "office" / "approval")
    assert list(tmp_path.glob("r*")) == []


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (MINE, OTHER, "not the signature of the office's key"),
        ("}\n", "}\n\n", "not the signature of the office's key"),
        ('"delete"', '"access"', "not the signature of the office's key"),
        ("", "", "asks for “delete”: azukari request delete"),
    ],
    ids=["another answer", "a line more", "another wish", "nothing changed"],
)
def test_a_request_that_was_changed_is_refused(site: Site, tmp_path: Path, old: str, new: str, why: str) -> None:
    file = asked(site, tmp_path / "r")
    file.write_text(file.read_text().replace(old, new, 1) if old else file.read_text())
    with pytest.raises(InputError, match=why):
        requests.read(site, file, "access")


def test_a_signature_for_another_end_is_no_request(site: Site, tmp_path: Path) -> None:
    file = asked(site, tmp_path / "r")
    approved = site.path / "approval.sig"
    file.with_name("r.sig").write_bytes(approved.read_bytes())
    with pytest.raises(InputError, match="not the signature of the office's key"):
        requests.read(site, file, "delete")


def test_corrected_values_open_at_their_own_places_to_what_was_said(site: Site, answers: Path, tmp_path: Path) -> None:
    given = json.dumps({"heading": "", "email": "new@example.jp"})
    run(site, office.app, "correct", answers, "--id", ALSO_MINE, "--out", tmp_path / "r", given=given)
    text = (tmp_path / "r").read_text()
    assert "new@example" not in text
    one = requests.read(site, tmp_path / "r", "correct")
    before = {v.purpose: v for v in files.values(answers) if isinstance(v, Value) and v.row == ALSO_MINE}
    statement = resealing.stated(site, FORM)
    path = holders_dir(site) / "office" / "sealing" / f"{FORM}-{key_id(statement.key)}.pem"
    [key] = load_keys([path], None).values()
    opened = {c.purpose: json.loads(unseal(c.sealed, Place(FORM, ALSO_MINE, c.purpose), key)) for c in one.changes}
    kept = {v.purpose: json.loads(unseal(v.sealed, Place(FORM, ALSO_MINE, v.purpose), key)) for v in before.values()}
    for purpose, items in kept.items():
        after = {n: "new@example.jp" if n == "email" else t for n, t in items.items() if n != "heading"}
        assert opened.get(purpose, items) == after
    assert {c.purpose: c.old for c in one.changes} == {p: resealing.digest(before[p].sealed) for p in opened}
    assert list(resealing.judged(one.changes, FORM, key_id(statement.key))) == list(one.changes)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("[]", "One JSON object is expected"),
        ("{", "One JSON object is expected"),
        ('{"name": "x"}', "has no item “name”"),
        ('{"heading": 5}', "“heading” is given as no text"),
        ('{"comments": ""}', "“comments” cannot be what was given"),
        ('{"email": "secret words"}', "“email” cannot be what was given"),
        ('{"comments": "first"}', "says so already"),
    ],
)
def test_a_correction_that_the_form_would_refuse(
    site: Site, answers: Path, tmp_path: Path, given: str, why: str
) -> None:
    with pytest.raises(InputError, match=why) as refused:
        run(site, office.app, "correct", answers, "--id", MINE, "--out", tmp_path / "r", given=given)
    assert "secret words" not in refused.value.message
    with pytest.raises(InputError, match="There is no answer"):
        run(
            site,
            office.app,
            "correct",
            answers,
            "--id",
            str(uuid.uuid4()),
            "--out",
            tmp_path / "r",
            given='{"comments":"y"}',
        )
    assert list(tmp_path.glob("r*")) == []


# --- the contractor ---------------------------------------------------------------------------------------------------


class Hosts:
    """Stands for the hosts: what was asked of them, and what they answer."""

    def __init__(self) -> None:
        self.erased: list[tuple[str, list[str]]] = []
        self.put: list[list[Change]] = []
        self.found = {"found": [], "cores": [], "missed": [], "files": 7}
        self.programs: list[str] = []
        self.left: list[str] = []
        self.outcome = stored.Outcome(1, 0, 0, [])
        self.fails = ""

    def erase(self, _command: object, form: str, rows: list[str]) -> list[tuple[str, str, str]]:
        if self.fails:
            raise NotJudged(self.fails)
        self.erased.append((form, list(rows)))
        return [(row, "reply", f"a.b.c.d.{row}-the-end-of-a-sealed-value-{row}") for row in rows if row != OTHER]

    def unsubscribed(self, _command: object) -> list[str]:
        return list(self.left)

    def entered(self, _command: object, rows: list[str]) -> None:
        if self.fails:
            raise NotJudged(self.fails)
        self.left = [row for row in self.left if row not in rows]

    def as_root(self, _at: object, host: str, command: str, given: str) -> str:
        assert (host, command) == ("db", "python3 -I -")
        self.programs.append(given)
        return json.dumps(self.found)

    def put_back(self, _command: object, _form: str, changes: list[Change], *, whole: bool) -> stored.Outcome:
        assert whole
        self.put.append(list(changes))
        return self.outcome


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Hosts:
    stand_in = Hosts()

    @contextmanager
    def session(site: Site, limit: list[str]) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(site=site, hosts=limit, left={}, ssh_config="none")

    monkeypatch.setattr(verb, "session", session)
    monkeypatch.setattr(stored, "erase", stand_in.erase)
    monkeypatch.setattr(stored, "put", stand_in.put_back)
    monkeypatch.setattr(stored, "unsubscribed", stand_in.unsubscribed)
    monkeypatch.setattr(stored, "entered", stand_in.entered)
    monkeypatch.setattr(looking, "as_root", stand_in.as_root)
    return stand_in


def newest(site: Site) -> dict[str, Any]:
    found = evidence.newest(site, "drill")
    assert found is not None
    assert evidence.fault_of(found, site.path / site.contract.contractor.evidence_key) == ""
    return dict(found.results)


def test_what_is_deleted_is_looked_for_and_remembered(site: Site, tmp_path: Path, hosts: Hosts) -> None:
    file = asked(site, tmp_path / "r", "delete", MINE, OTHER)
    run(site, verb.app, "delete", file)
    assert hosts.erased == [(FORM, [MINE, OTHER])]
    [program] = hosts.programs
    for mark in (MINE, OTHER, uuid.UUID(MINE).hex, f"a.b.c.d.{MINE}-the-end-of-a-sealed-value-{MINE}"[-48:]):
        assert repr(mark) in program
    assert erasing.erased(site) == {FORM: [MINE, OTHER]}
    done = newest(site)
    assert (done["drill"], done["passed"], done["hosts"]) == ("request delete", True, ["db"])
    said = [step["said"] for step in done["steps"]]
    assert said[0] == "1 values of 1 answers were deleted; 1 answers were not there"
    assert said[1] == "not found in 7 files, the journal and the processes; each control was found"
    run(site, verb.app, "delete", file)  # done again, it deletes and looks again, and is remembered once
    assert len(hosts.erased) == 2
    assert len(Ledger(site, "erasures").entries()) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"found": ["/var/lib/postgresql/17/main/base/5/1"]}, "found in /var/lib/postgresql/17/main/base/5/1"),
        ({"missed": ["way 7 on a disk"]}, "the search missed its own control: way 7 on a disk"),
    ],
)
def test_what_is_still_found_is_no_deletion(
    site: Site, tmp_path: Path, hosts: Hosts, answer: dict[str, Any], said: str
) -> None:
    hosts.found |= answer
    run(site, verb.app, "delete", asked(site, tmp_path / "r"), code=1)
    done = newest(site)
    assert not done["passed"]
    assert said in [step["said"] for step in done["steps"] if not step["passed"]]


def test_a_database_that_breaks_off_leaves_evidence_and_the_ledger_knows(
    site: Site, tmp_path: Path, hosts: Hosts
) -> None:
    hosts.fails = "The database gave no whole answer: gone"
    run(site, verb.app, "delete", asked(site, tmp_path / "r"), code=1)
    [step] = newest(site)["steps"]
    assert (step["passed"], step["said"]) == (False, hosts.fails)
    assert erasing.erased(site) == {FORM: [MINE]}  # so that the next run, or a restore, deletes it


def test_a_request_that_the_office_did_not_sign_changes_nothing(site: Site, tmp_path: Path, hosts: Hosts) -> None:
    file = asked(site, tmp_path / "r")
    file.write_text(file.read_text().replace(MINE, OTHER))
    with pytest.raises(InputError, match="Nothing was done"):
        run(site, verb.app, "delete", file)
    assert (hosts.erased, erasing.erased(site)) == ([], {})


def test_a_restore_is_followed_by_all_that_was_erased(site: Site, tmp_path: Path, hosts: Hosts) -> None:
    assert "names nothing" in run(site, verb.app, "replay")[1]
    for number, rows in enumerate([(MINE, OTHER), (ALSO_MINE, MINE)]):
        run(site, verb.app, "delete", asked(site, tmp_path / f"r{number}", "delete", *rows))
    hosts.erased.clear()
    run(site, verb.app, "replay")
    assert hosts.erased == [(FORM, [MINE, OTHER, ALSO_MINE])]
    assert "request replay" in {one.results["drill"] for one in evidence.listed(site, "drill")}
    hosts.found["found"] = ["/x"]
    run(site, verb.app, "replay", code=1)


def test_who_unsubscribed_is_entered_once_and_erased_again_after_a_restore(site: Site, hosts: Hosts) -> None:
    hosts.left, hosts.fails = [MINE, OTHER], "The database gave no whole answer: gone"
    with pytest.raises(NotJudged, match="gone"):
        run(site, verb.app, "gather")
    assert hosts.left == [MINE, OTHER]  # they wait on, and are in the ledger already
    hosts.fails = ""
    assert "0 registrations of those" in run(site, verb.app, "gather")[1]
    assert (hosts.left, erasing.erased(site)) == ([], {"mail_service": [MINE, OTHER]})
    hosts.left = [ALSO_MINE]
    run(site, verb.app, "replay")
    assert hosts.erased == [("mail_service", [MINE, OTHER, ALSO_MINE])]
    [first, second] = Ledger(site, "erasures").entries()
    assert (first.said["request"], second.said["records"]) == ("unsubscribed", [ALSO_MINE])


def test_a_ledger_that_is_not_whole_takes_nobody_in(site: Site, hosts: Hosts) -> None:
    hosts.left = [MINE]
    run(site, verb.app, "gather")
    path = Ledger(site, "erasures").path
    path.write_bytes(path.read_bytes().replace(MINE.encode(), OTHER.encode()))
    hosts.left = [ALSO_MINE]
    with pytest.raises(LedgerBroken, match="line 1"):
        run(site, verb.app, "gather")
    assert hosts.left == [ALSO_MINE]


def test_an_erasure_that_was_taken_out_of_the_ledger_stops_the_replay(site: Site, tmp_path: Path, hosts: Hosts) -> None:
    for number, row in enumerate((MINE, OTHER)):
        run(site, verb.app, "delete", asked(site, tmp_path / f"r{number}", "delete", row))
    path = Ledger(site, "erasures").path
    lines = path.read_bytes().splitlines(keepends=True)
    assert MINE.encode() in lines[0]
    hosts.erased.clear()
    path.write_bytes(lines[1])
    with pytest.raises(LedgerBroken, match="line 1: does not follow"):
        run(site, verb.app, "replay")
    path.write_bytes(lines[0].replace(MINE.encode(), ALSO_MINE.encode()) + lines[1])
    with pytest.raises(LedgerBroken, match="line 1: the contractor's key did not sign it"):
        run(site, verb.app, "replay")
    assert hosts.erased == []


def test_a_ledger_of_disclosures_is_no_ledger_of_erasures(site: Site) -> None:
    book = Ledger(site, "disclosures")
    book.append([{"form": FORM, "records": [MINE]}], signer.load(holders_dir(site) / "contractor" / "evidence.pem"))
    with pytest.raises(LedgerBroken, match="is of another ledger"):
        Ledger(site, "erasures", book.path).entries()


def test_a_correction_is_put_back_whole_or_not_at_all(site: Site, answers: Path, tmp_path: Path, hosts: Hosts) -> None:
    file = tmp_path / "r"
    run(site, office.app, "correct", answers, "--id", MINE, "--out", file, given='{"comments": "better"}')
    run(site, verb.app, "correct", file)
    assert [[one.row for one in changes] for changes in hosts.put] == [[MINE] * len(hosts.put[0])]
    assert newest(site)["steps"][0]["said"] == "1 values were replaced, 0 had been before"
    hosts.outcome = stored.Outcome(1, 1, 0, [])
    with pytest.raises(InputError, match=r"1 of .* values were deleted meanwhile, .* nothing was changed"):
        run(site, verb.app, "correct", file)


def test_what_is_kept_of_a_person_goes_sealed_to_the_office(
    site: Site, tmp_path: Path, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(_command: object, _site: Site, form: str, rows: tuple[str, ...], out: Path) -> Header:
        assert (form, rows) == (FORM, (MINE,))
        out.write_text("sealed")
        return Header("answers", "lab", FORM, "now", answers=1, values=3)

    monkeypatch.setattr(stored, "fetch", fetch)
    run(site, verb.app, "access", asked(site, tmp_path / "r", "access"), "--out", tmp_path / "out")
    said = "3 values of 1 answers were fetched, sealed; 1 were asked for"
    assert newest(site)["steps"][0]["said"] == said


def test_a_replay_waits_for_the_whole_ledger(
    site: Site, tmp_path: Path, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(site, verb.app, "delete", asked(site, tmp_path / "r", "delete", MINE))
    hosts.erased.clear()
    digest = Ledger(site, "erasures").entries()[0].digest
    for most in ([2, "f" * 64], [1, "f" * 64]):
        monkeypatch.setattr(verb.known, "most_before", lambda _site, _kind, most=most: most)
        with pytest.raises(SafeguardFails, match="Nothing was deleted"):
            run(site, verb.app, "replay")
    assert not hosts.erased
    monkeypatch.setattr(verb.known, "most_before", lambda _site, _kind: [1, digest])
    run(site, verb.app, "replay")
    assert hosts.erased == [(FORM, [MINE])]
