"""The office reads what visitors sent, also after its key was changed; nothing readable comes to lie on any disk."""

import base64
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from azukari.drills.visitor import Visitor
from azukari.lab import Lab
from azukari.people.sealing_keys import FOLDER
from azukari.provision.release import forms
from tests import provisioned

pytestmark = pytest.mark.lab
FORM = "contact"
KEPT = f"SELECT id, purpose, received, sealed FROM site.{FORM}"  # noqa: S608  a name of our own


def did(*arguments: str, code: int = 0, timeout: float = 300) -> str:
    """Run the command line, which has to end with a code; returns its standard output."""
    done = provisioned.azukari(*arguments, timeout=timeout)
    assert done.returncode == code, f"{arguments}: {done.stdout}\n{done.stderr}"
    return done.stdout


def read(file: Path) -> dict[str, dict[str, str]]:
    return {one["id"]: one["items"] for one in map(json.loads, did("office", "read", str(file), "--json").splitlines())}


def kept(lab: Lab) -> dict[tuple[str, str], tuple[str, str]]:
    """Return {(id, purpose): (day, sealed)} as the database has it."""
    asked = ["runuser", "-u", "postgres", "--", "psql", "--no-psqlrc", "-qAt", "--dbname=site", "-c", KEPT]
    said = lab.run("db", asked)
    assert said.returncode == 0, said.stderr
    rows = [line.split("|") for line in said.stdout.decode().splitlines()]
    return {(row, purpose): (day, sealed) for row, purpose, day, sealed in rows}


def keys_in(file: Path) -> set[str]:
    """Return for which keys the values of a file are sealed, as their own headers say it."""
    values = [json.loads(line)["sealed"].split(".")[0] for line in file.read_text().splitlines()[1:]]
    return {json.loads(base64.urlsafe_b64decode(one + "=" * (-len(one) % 4)))["kid"] for one in values}


def stated() -> str:
    return str(json.loads((provisioned.site().path / FOLDER / f"{FORM}.json").read_bytes())["kid"])


def holding(marks: list[str], *folders: Path) -> dict[str, list[str]]:
    """Return the files in which marks are found."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                data = path.read_bytes()
                for mark in marks:
                    if mark.encode() in data:
                        found.setdefault(mark, []).append(str(path))
    return found


def leak_20() -> dict[str, str]:
    """Return what `verify` says of it, by host; of the site, the drill says it, which has not been done again."""
    said = provisioned.azukari("verify", "--json", "-", timeout=180)
    results = json.loads(said.stdout)["results"]
    return {one["host"]: one["verdict"] for one in results if one["safeguard"] == "LEAK-20" and one["host"] != "site"}


@pytest.fixture
def as_it_was(provisioned_lab: Lab, tmp_path: Path) -> Iterator[None]:
    """The office's statement and approval of before, and the hosts that know them, for the tests that follow."""
    site = provisioned.site()
    shutil.copytree(site.path, tmp_path / "before")
    yield
    shutil.rmtree(site.path)
    shutil.copytree(tmp_path / "before", site.path)
    provisioned_lab.reset(["app", "db"])


def test_what_automation_reads_through_sudo_is_whole(provisioned_lab: Lab) -> None:
    """Where sudo keeps what a command writes, some of so many answers end too early (decision 0028)."""
    ask = "for i in $(seq 120); do sudo -n head -c 100000 /dev/zero </dev/null | wc -c; done"
    said = provisioned_lab.run("db", ["runuser", "-u", "azukari-apply", "--", "sh", "-c", ask], timeout=120)
    assert said.stdout.decode().split() == ["100000"] * 120


@pytest.mark.usefixtures("as_it_was")
def test_the_office_reads_before_and_after_it_changes_its_key(provisioned_lab: Lab, tmp_path: Path) -> None:
    provisioned_lab.reset([host.name for group in ("web", "app", "db") for host in provisioned.site().group(group)])
    site = provisioned.site()
    assert FORM in forms(site)
    given: dict[str, dict[str, str]] = {}

    def send(**items: str) -> None:
        sent = Visitor(site, FORM).send(items)
        assert sent.acknowledged, sent.status
        given[sent.row] = items

    before = {row for row, _ in kept(provisioned_lab)}
    marks = [secrets.token_hex(16) for _ in range(3)]
    send(
        comments=f"{marks[0]}\n道路",
        heading="件名",
        email=f"{marks[0]}@visitor.example",
        gender="female",
        country="日本",
    )
    send(comments=marks[1])
    first = tmp_path / "first"
    did("site", "answers", FORM, "--out", str(first))
    assert first.stat().st_mode & 0o777 == 0o600
    assert {row: items for row, items in read(first).items() if row not in before} == given
    for_people = did("office", "read", str(first), "--lang", "ja")
    assert f"  ご意見\n    {marks[0]}\n    道路\n" in for_people
    assert keys_in(first) == {stated()}

    old = stated()
    did("office", "key", FORM)
    did("site", "approve")
    assert stated() != old
    did("apply", "--limit", "app", "--tags", "site", timeout=600)
    send(comments=marks[2], email="third@visitor.example")
    second = tmp_path / "second"
    did("site", "answers", FORM, "--out", str(second))
    assert keys_in(second) == {old, stated()}
    assert {row: items for row, items in read(second).items() if row not in before} == given

    as_kept = kept(provisioned_lab)
    anew = tmp_path / "anew"
    did("office", "reseal", str(second), "--out", str(anew))
    did("site", "reseal", str(anew))
    third = tmp_path / "third"
    did("site", "answers", FORM, "--out", str(third))
    assert keys_in(third) == {stated()}
    assert {row: items for row, items in read(third).items() if row not in before} == given
    now = kept(provisioned_lab)
    assert {place: day for place, (day, _) in now.items()} == {place: day for place, (day, _) in as_kept.items()}
    changed = {place for place in now if now[place] != as_kept[place]}
    assert {row for row, _ in changed} >= set(given) - {
        row for row, items in given.items() if marks[2] in items.values()
    }
    did("site", "reseal", str(anew))  # done again, it changes nothing
    assert kept(provisioned_lab) == now

    # What was open was open in memory alone: it lies in none of the office's files, nor in those that went to and fro.
    (tmp_path / "control").write_text(f"x{marks[0]}x")
    homes = [Path(provisioned.environment()["AZUKARI_HOME"]), site.path, tmp_path]
    assert os.access(homes[0] / "sites" / site.name / "holders" / "office" / "sealing", os.R_OK)
    assert holding(marks, *homes) == {marks[0]: [str(tmp_path / "control")]}
    assert leak_20() == {"app": "pass", "db": "pass"}
