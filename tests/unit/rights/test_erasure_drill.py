"""The erasure drill's own course, with two databases in memory: what comes out otherwise is said, and it cleans up."""

from types import SimpleNamespace
from typing import Any

import pytest

from azukari.drills.outcome import Outcome, Say
from azukari.drills.visitor import Sent
from azukari.errors import NotJudged
from azukari.evidence import signer
from azukari.evidence.drills import WHOLE
from azukari.rights import erasing
from azukari.rights import erasure_drill as drill
from azukari.rights.ledger import Ledger
from azukari.site import Site, holders_dir

MINE, OTHER, LEFT = (f"00000000-0000-4000-8000-00000000000{number}" for number in range(3))
ROWS = {drill.FORM: [MINE, OTHER], drill.MAIL_SERVICE: [LEFT]}


class Servers:
    """What the drill works on: two databases, each with the rows of each form."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, set[str]]] = {"site": {}}
        self.to_come = {form: list(rows) for form, rows in ROWS.items()}
        self.gathered: list[str] = []
        self.copied: dict[str, set[str]] = {}
        self.deletes, self.copies, self.forgets, self.breaks = True, True, False, ""

    def visitor(self, _site: Site, form: str) -> Any:
        def send(answer: dict[str, str]) -> Sent:
            row = self.to_come[form].pop(0)
            self.rows["site"].setdefault(form, set()).add(row)
            return Sent(row, answer, 303)

        def click(_path: str, _body: bytes, **_headers: str) -> Any:
            self.rows["site"][form].clear()
            self.gathered.append(LEFT)
            return SimpleNamespace(status=200)

        return SimpleNamespace(send=send, click=click)

    def about(self, database: str, rows: list[str], statement: str) -> list[str]:
        form = next(form for form in ROWS if f"site.{form} " in statement)
        return [row for row in rows if row in self.rows[database].get(form, ())]

    def copy(self, _at: object, _host: str, _file: object) -> Any:
        def take() -> int:
            if self.breaks == "take":
                raise NotJudged("no copy")
            self.copied = {form: set(rows) for form, rows in self.rows["site"].items()} if self.copies else {}
            return 7

        def restore() -> None:
            self.rows[drill.DATABASE] = {form: set(rows) for form, rows in self.copied.items()}

        return SimpleNamespace(take=take, restore=restore, drop=lambda: self.rows.pop(drill.DATABASE, None))

    def erased(
        self, _at: object, form: str, rows: list[str], outcome: Outcome, say: Say, *, database: str, when: str
    ) -> None:
        if self.deletes or database == "site":
            self.erase(database, form, [*rows, *([OTHER] if self.forgets and database != "site" else [])])
        outcome.note(f"{len(rows)} answers of {form} are deleted{when}", True, "", say)

    def erase(self, database: str, form: str, rows: list[str]) -> None:
        self.rows[database].setdefault(form, set()).difference_update(rows)


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    made = Servers()
    monkeypatch.setattr(drill, "Visitor", made.visitor)
    monkeypatch.setattr(drill, "Copy", made.copy)
    monkeypatch.setattr(drill.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(drill.stored, "psql", lambda _at, _host, database="site": database)
    monkeypatch.setattr(drill.stored, "about", made.about)
    monkeypatch.setattr(drill.stored, "erase", made.erase)
    monkeypatch.setattr(drill.stored, "unsubscribed", lambda _database: list(made.gathered))
    monkeypatch.setattr(drill.stored, "entered", lambda _database, _rows: made.gathered.clear())
    monkeypatch.setattr(drill.erasing, "erase", made.erased)
    return made


def ran(site: Site, hosts: list[str] | None = None) -> Outcome:
    at: Any = SimpleNamespace(site=site, hosts=list(site.hosts) if hosts is None else hosts, left={})
    return drill.run(at, lambda _line: None, signer.load(holders_dir(site) / "contractor" / "evidence.pem"))


def failed(outcome: Outcome) -> list[str]:
    return [step.what for step in outcome.steps if not step.passed]


def test_nobody_who_was_erased_comes_back(site: Site, servers: Servers) -> None:
    outcome = ran(site)
    assert failed(outcome) == []
    assert outcome.steps[-1].what == WHOLE
    assert erasing.erased(site) == {drill.FORM: [MINE], drill.MAIL_SERVICE: [LEFT]}
    assert [one.said["request"] for one in Ledger(site, "erasures").entries()][1] == "unsubscribed"
    assert servers.rows == {"site": {drill.FORM: set(), drill.MAIL_SERVICE: set()}}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"copies": False}, "the copy alone brings back who was erased"),
        ({"deletes": False}, "after the ledger nobody erased is back"),
        ({"forgets": True}, "what nobody asked to erase is restored"),
    ],
)
def test_what_comes_out_otherwise_is_said(site: Site, servers: Servers, change: dict[str, bool], what: str) -> None:
    vars(servers).update(change)
    found = failed(ran(site))
    assert what in found
    assert drill.DATABASE not in servers.rows


def test_a_drill_that_breaks_off_says_so_and_cleans_up(site: Site, servers: Servers) -> None:
    servers.breaks = "take"
    outcome = ran(site)
    assert (failed(outcome), outcome.steps[-1].said) == ([WHOLE], "no copy")
    assert servers.rows == {"site": {drill.FORM: set(), drill.MAIL_SERVICE: set()}}


def test_a_host_that_is_left_out_is_named_before_anything_is_sent(site: Site, servers: Servers) -> None:
    with pytest.raises(NotJudged, match="needs db"):
        ran(site, [name for name in site.hosts if name != "db"])
    assert servers.rows == {"site": {}}
