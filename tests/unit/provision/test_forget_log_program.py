"""The program that deletes the web server's logs: which files are due, and that the one being written stays."""

import datetime
import os
import types
import zoneinfo

import pytest

from azukari.content import content

TOKYO = zoneinfo.ZoneInfo("Asia/Tokyo")
TODAY = datetime.date(2026, 11, 27)


@pytest.fixture
def program(tmp_path):
    path = content("roles") / "retention" / "files" / "usr" / "local" / "libexec" / "azukari-forget-log"
    module = types.ModuleType("azukari_forget_log")
    exec(compile(path.read_text("utf-8"), "azukari-forget-log", "exec"), module.__dict__)  # noqa: S102
    module.FOLDER, module.ROTATE = str(tmp_path), ["true"]
    module.WRITTEN = {f"{tmp_path}/access.log"}
    return module


def test_the_first_day_that_is_kept_begins_at_midnight_of_the_sites_time_zone(program):
    first = datetime.datetime.fromtimestamp(program.first_kept(90, TOKYO, TODAY), TOKYO)
    assert first.isoformat() == "2026-08-29T00:00:00+09:00"


def test_days_of_other_than_24_hours_are_counted_as_days(program):
    zone = zoneinfo.ZoneInfo("Europe/Berlin")  # summer time ended on 25 October
    first = datetime.datetime.fromtimestamp(program.first_kept(90, zone, TODAY), zone)
    assert first.isoformat() == "2026-08-29T00:00:00+02:00"


DUE = {"born": (9, 30, 1), "written": (30, 9, 1), "unknown birth": (0, 9, 1)}
NOT_DUE = {"that day": (10, 30, 1), "empty": (1, 1, 0), "unknown birth, later": (0, 10, 1)}


def test_what_may_hold_an_older_line_is_due(program):
    assert program.due(DUE | NOT_DUE, 10) == sorted(DUE)


def old(path, text="line\n"):
    path.write_text(text)
    os.utime(path, (0, 0))


@pytest.fixture
def run(program, monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(program.sys, "argv", ["azukari-forget-log", *arguments])
        return program.main(), capsys.readouterr().out

    return run


def test_old_files_go_of_whatever_name_and_only_their_number_is_said(run, tmp_path):
    for name in ("access.log-1970-01-01", "a file", "new"):
        old(tmp_path / name)
    (tmp_path / "new").touch()
    assert run("--due", "90", "Asia/Tokyo") == (0, "access: 2 files older than 90 days are due\n")
    assert run("90", "Asia/Tokyo") == (0, "access: 2 files older than 90 days deleted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert run("--due", "90", "Asia/Tokyo") == (0, "")


def test_a_file_that_is_still_written_stays_and_the_run_fails(run, tmp_path):
    old(tmp_path / "access.log")
    assert run("90", "Asia/Tokyo")[0] == 1
    assert (tmp_path / "access.log").exists()


def test_what_is_due_goes_also_where_rotation_fails(program, run, tmp_path):
    program.ROTATE = ["false"]
    old(tmp_path / "access.log-1970-01-01")
    assert run("90", "Asia/Tokyo")[0] == 1
    assert not list(tmp_path.iterdir())
