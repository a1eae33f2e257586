"""Files of sealed values: new, closed, whole or known not to be, and nothing else in them."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from azukari.answers import files
from azukari.answers.files import Change, Fault, Header, Value
from azukari.errors import InputError
from reference_site.sealing import Place, seal

ROWS = [f"00000000-0000-4000-8000-{number:012}" for number in range(4)]
KEY = ec.generate_private_key(ec.SECP256R1()).public_key()


def value(row: str, purpose: str = "reply") -> Value:
    return Value(row, purpose, "2026-04-01", seal(b"x", Place("contact", row, purpose), KEY))


VALUES = [value(row) for row in ROWS]
CHANGES = [Change(one.row, one.purpose, "0" * 64, one.sealed) for one in VALUES]


def answers_file(path: Path, lines: list[str], count: int) -> Path:
    header = Header("answers", "lab", "contact", "now", answers=count, values=count)
    files.write_new(path, [files.header_line(header), *lines])
    return path


def resealed_file(path: Path, lines: list[str]) -> Path:
    files.write_new(path, [files.header_line(Header("resealed", "lab", "contact", "now", key="k")), *lines])
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = answers_file(tmp_path / "a", [files.value_line(one) for one in VALUES], 4)
    assert list(files.values(file)) == VALUES
    assert files.header(file, "answers") == Header("answers", "lab", "contact", "now", answers=4, values=4)
    assert file.stat().st_mode & 0o777 == 0o600
    anew = resealed_file(tmp_path / "b", [*map(files.change_line, CHANGES), files.end_line(4)])
    assert list(files.changes(anew)) == CHANGES
    assert files.header(anew, "resealed").key == "k"


@pytest.mark.parametrize("there", ["a file", "a link that leads nowhere"])
def test_a_file_is_never_written_over(tmp_path: Path, there: str) -> None:
    path = tmp_path / "out"
    if there == "a file":
        path.write_text("precious")
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is there already and is never written over"):
        files.write_new(path, ["x"])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out"]
    assert there != "a file" or path.read_text() == "precious"


def test_a_file_that_comes_meanwhile_stays_too(tmp_path: Path) -> None:
    path = tmp_path / "out"

    def lines():
        path.write_text("precious")
        yield "x"

    with pytest.raises(InputError, match="never written over"):
        files.write_new(path, lines())
    assert path.read_text() == "precious"
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_nothing_is_left_of_a_file_that_was_not_finished(tmp_path: Path) -> None:
    def lines():
        yield "x"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        files.write_new(tmp_path / "out", lines())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="there is no such folder"):
        files.write_new(tmp_path / "none" / "out", ["x"])


LINES = [files.value_line(one) for one in VALUES]


@pytest.mark.parametrize(
    ("lines", "read", "reasons"),
    [
        (LINES[:3], 3, ["promises 4 values and holds 3"]),
        ([*LINES, LINES[0]], 4, ["more than once", "promises 4 values and holds 5"]),
        ([*LINES[:3], LINES[3][:100]], 3, ["line 5 of .* is no sealed value: it is not whole JSON"]),
        ([*LINES[:3], "[]"], 3, ["id, purpose, received, sealed are expected"]),
        ([*LINES[:3], '{"a":' * 100_000], 3, ["not whole JSON"]),
        ([*LINES[:3], files.value_line(replace(VALUES[3], row="x"))], 3, ["its identifier is none"]),
        ([*LINES[:3], files.value_line(replace(VALUES[3], purpose="../x"))], 3, ["its purpose is none"]),
        ([*LINES[:3], files.value_line(replace(VALUES[3], received="today"))], 3, ["its day is none"]),
        ([*LINES[:3], files.value_line(replace(VALUES[3], sealed="plain text"))], 3, ["its sealed value is none"]),
    ],
)
def test_what_is_wrong_with_a_file_is_named_and_the_rest_is_read(tmp_path, lines, read, reasons) -> None:
    found = list(files.values(answers_file(tmp_path / "a", lines, 4)))
    assert [one for one in found if isinstance(one, Value)] == VALUES[:read]
    faults = [one for one in found if isinstance(one, Fault)]
    assert len(faults) == len(reasons)
    for fault, reason in zip(faults, reasons, strict=True):
        assert re.search(reason, fault.reason), fault.reason


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([*map(files.change_line, CHANGES)], "was cut off"),
        ([*map(files.change_line, CHANGES[:2]), files.end_line(3)], "was cut off"),
        ([files.change_line(CHANGES[0])] * 2 + [files.end_line(2)], "more than once"),
        ([files.end_line(0), files.change_line(CHANGES[0])], "goes on after its end"),
        ([files.change_line(replace(CHANGES[0], sealed="a\\.\nDROP")), files.end_line(1)], "its sealed value is none"),
        ([files.change_line(replace(CHANGES[0], old="")), files.end_line(1)], "its digest is none"),
        ([files.change_line(replace(CHANGES[0], row="x\ty")), files.end_line(1)], "its identifier is none"),
        ([files.change_line(replace(CHANGES[0], row=ROWS[0] + "\n")), files.end_line(1)], "its identifier is none"),
        ([files.change_line(replace(CHANGES[0], purpose="a\tb")), files.end_line(1)], "its purpose is none"),
        ([json.dumps({"id": ROWS[0], "received": "2020-01-01"}), files.end_line(1)], "are expected"),
        ([files.value_line(VALUES[0]), files.end_line(1)], "are expected"),
    ],
)
def test_changes_are_refused_whole(tmp_path: Path, lines: list[str], said: str) -> None:
    file = resealed_file(tmp_path / "a", lines)
    with pytest.raises(InputError, match=said):
        list(files.changes(file))


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"schema": 2, "kind": "answers"}', '{"schema": 1}', "\xff"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a").write_text(text, encoding="latin-1")
    for kind in ("answers", "resealed"):
        with pytest.raises(InputError, match="is no file of"):
            files.header(tmp_path / "a", kind)
    with pytest.raises(InputError, match="cannot be read"):
        files.header(tmp_path / "none", "answers")


def test_a_file_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file of resealed"):
        list(files.changes(answers_file(tmp_path / "a", [], 0)))
    with pytest.raises(InputError, match="no file of answers"):
        list(files.values(resealed_file(tmp_path / "b", [files.end_line(0)])))
