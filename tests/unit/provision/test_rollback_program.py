"""The program that undoes what nobody has proven, on files of a test: each path for itself, and never half."""

import importlib.machinery
import importlib.util
import json
import multiprocessing
import os
import time
from pathlib import Path
from types import ModuleType

import pytest

from azukari.content import content

PROGRAM = str(content("roles/base/files/usr/local/sbin/azukari-rollback"))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program, with a folder of its own, on a host whose timers are all gone."""
    loader = importlib.machinery.SourceFileLoader("azukari_rollback", PROGRAM)
    specification = importlib.util.spec_from_loader("azukari_rollback", loader)
    assert specification
    made = importlib.util.module_from_spec(specification)
    loader.exec_module(made)
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("systemctl", "systemd-run"):
        (commands / name).write_text('#!/bin/sh\n[ "$1" != is-active ]\n')
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")
    monkeypatch.setattr(made, "KEPT", str(tmp_path / "kept"))
    made.alone()
    return made


def armed(program: ModuleType, change: str, *paths: Path, activate: str = "true") -> None:
    request = {"id": change, "what": change, "seconds": 60, "paths": list(map(str, paths)), "activate": [activate]}
    program.arm(request)


def state(program: ModuleType, change: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((Path(program.KEPT) / change / "change.json").read_text())
    return found


def test_one_path_that_cannot_be_restored_does_not_keep_the_others(program: ModuleType, tmp_path: Path) -> None:
    lost, good, ran = tmp_path / "sub" / "x", tmp_path / "good", tmp_path / "ran"
    lost.parent.mkdir()
    for path in (lost, good):
        path.write_text("old")
    armed(program, "one", lost, good, activate=f"touch {ran}")
    good.write_text("new")
    lost.unlink()
    lost.parent.rmdir()
    lost.parent.write_text("a file where the folder was")
    assert len(program.restore("one", "timer")) == 1
    assert (good.read_text(), ran.exists(), state(program, "one")["state"]) == ("old", True, "rolled back")


def test_a_folder_that_went_is_made_again(program: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "sub" / "x"
    path.parent.mkdir()
    path.write_text("old")
    armed(program, "one", path)
    path.unlink()
    path.parent.rmdir()
    assert program.restore("one", "timer") == []
    assert path.read_text() == "old"


def test_what_is_being_undone_cannot_be_confirmed(program: ModuleType, tmp_path: Path) -> None:
    """Two processes: the undo has begun when the confirmation comes."""
    path, begun = tmp_path / "x", tmp_path / "begun"
    path.write_text("old")
    armed(program, "one", path, activate=f"touch {begun}; sleep 1")
    path.write_text("new")

    def undo() -> None:
        program.alone()
        program.restore("one", "timer")

    process = multiprocessing.get_context("fork").Process(target=undo)
    _unlocked(program)
    process.start()
    while not begun.exists():
        time.sleep(0.01)
    program.alone()
    with pytest.raises(SystemExit, match="rolled back already"):
        program.disarm("one")
    process.join(5)
    assert path.read_text() == "old"


def _unlocked(program: ModuleType) -> None:
    """End the fixture's own hold: a process keeps its lock as long as the file is open."""
    lock = Path(program.KEPT) / ".lock"
    for handle in Path("/proc/self/fd").iterdir():
        try:
            if handle.readlink() == lock:
                os.close(int(handle.name))
        except FileNotFoundError:
            continue


@pytest.mark.parametrize("inner", ["d", "d/f"])
def test_a_boot_keeps_what_was_proven_later(program: ModuleType, tmp_path: Path, inner: str) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("old")
    armed(program, "older", tmp_path / "d")
    armed(program, "newer", tmp_path / inner)
    (tmp_path / "d" / "f").write_text("proven")
    program.disarm("newer")
    with pytest.raises(SystemExit) as ended:
        program.restore_after_boot()
    assert ended.value.code == 0
    assert (tmp_path / "d" / "f").read_text() == "proven"
    assert state(program, "older")["spared"] == [str(tmp_path / "d")]


def test_the_oldest_state_stays_whatever_the_names(program: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "x"
    for change in ("z1", "a2", "m3"):  # within one second
        path.write_text(f"before {change}")
        armed(program, change, path)
    path.write_text("wrong")
    with pytest.raises(SystemExit):
        program.restore_after_boot()
    assert path.read_text() == "before z1"


@pytest.mark.parametrize("broken", ["{", "null", "{}", '{"at": 1}', "[]"])
def test_a_broken_record_hides_no_other(program: ModuleType, tmp_path: Path, broken: str) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    armed(program, "good", path)
    (Path(program.KEPT) / "bad").mkdir()
    (Path(program.KEPT) / "bad" / "change.json").write_text(broken)
    assert [record["id"] for record in program.records()] == ["good"]
