"""The program that counts the web server's log: which accesses, of which days, and that no small group is told."""

import datetime
import json
import types
import zoneinfo

import pytest

from azukari.content import content

TOKYO = zoneinfo.ZoneInfo("Asia/Tokyo")
TODAY = datetime.date(2026, 11, 27)


@pytest.fixture
def program():
    path = content("roles") / "web" / "files" / "usr" / "local" / "libexec" / "azukari-count-log"
    module = types.ModuleType("azukari_count_log")
    exec(compile(path.read_text("utf-8"), "azukari-count-log", "exec"), module.__dict__)  # noqa: S102
    return module


def line(time="2026-11-26T01:00:00+00:00", page="/", status=200, method="GET", visit=0):
    return json.dumps(
        {"time": time, "address": "192.0.2.7", "method": method, "page": page, "status": status, "visit": visit}
    )


OLDEST = line("2026-11-24T03:00:00+00:00")


@pytest.fixture
def told(program):
    def told(*lines, least=3, pages=("/", "/en/")):
        return program.groups(program.accesses([OLDEST, *lines], TOKYO), set(pages), least, TODAY)

    return told


def test_pages_are_counted_with_the_visits_that_began_there(told):
    assert told(*[line(visit=1)] * 3, *[line()] * 4, *[line(page="/en/")] * 3) == [
        ["2026-11-26", "/", 7, 3], ["2026-11-26", "/en/", 3, 0],
    ]  # fmt: skip


def test_the_day_is_the_sites_own(told):
    assert told(*[line("2026-11-25T14:59:59+00:00")] * 3, *[line("2026-11-25T15:00:00+00:00")] * 4) == [
        ["2026-11-25", "/", 3, 0], ["2026-11-26", "/", 4, 0],
    ]  # fmt: skip


NOT_TOLD = {
    "two": [line()] * 2,
    "today": [line("2026-11-26T15:00:00+00:00")] * 9,
    "a page that is typed": [line(page="/tanaka@example.jp")] * 9,
    "errors": [line(status=404)] * 9,
    "redirects": [line(status=301)] * 9,
    "other methods": [line(method="HEAD"), line(method="POST")] * 9,
    "no lines": ["", '{"time":"2026-11-26T01:00', "[]", '{"time": 5}', '{"time": "x"}'],
}


@pytest.mark.parametrize("lines", NOT_TOLD.values(), ids=NOT_TOLD)
def test_what_is_not_told(told, lines):
    assert told(*lines) == []


def test_the_oldest_day_is_left_out_because_a_part_of_it_may_be_gone(program):
    lines = [line("2026-11-24T03:00:00+00:00")] * 9 + [line("2026-11-25T03:00:00+00:00")] * 4
    assert program.groups(program.accesses(lines, TOKYO), {"/"}, 3, TODAY) == [["2026-11-25", "/", 4, 0]]


@pytest.mark.parametrize(
    ("began", "visits"), [(0, 0), (1, None), (2, None), (3, 3), (4, 4), (5, None), (6, None), (7, 7)]
)
def test_visits_are_told_where_neither_they_nor_the_others_are_few(told, began, visits):
    assert told(*[line(visit=1)] * began, *[line()] * (7 - began)) == [["2026-11-26", "/", 7, visits]]


def test_a_page_that_the_browser_had_already_counts(told):
    assert told(*[line(status=304)] * 3) == [["2026-11-26", "/", 3, 0]]


def test_all_logs_are_read_and_counts_alone_are_printed(program, tmp_path, monkeypatch, capsys):
    for name in ("access.log", "access.log-2026-11-25"):
        (tmp_path / name).write_text("".join(f"{line('2020-01-02T03:00:00+09:00', visit=1)}\n" * 2))
    (tmp_path / "access.log-2020-01-01").write_text(line("2020-01-01T03:00:00+09:00"))
    (tmp_path / "error.log").write_text(line("2020-01-02T03:00:00+09:00"))
    monkeypatch.setattr(program, "LOGS", f"{tmp_path}/access.log*")
    monkeypatch.setattr(program.sys, "argv", ["azukari-count-log", "3", "Asia/Tokyo", "/"])
    program.main()
    assert capsys.readouterr().out == '["2020-01-02", "/", 4, 4]\n'
