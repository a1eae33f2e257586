"""The verbs, as a user runs them: what is shown, what is refused, and with which exit code they end."""

import json
import os
import pty
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sealed_answers import CONTROLS, FORM, WHOLE, a_value, sealed_answer, written
from typer.testing import CliRunner

from azukari.answers import files, stored
from azukari.cli import office
from azukari.cli import site as site_verb
from azukari.errors import InputError, NotJudged
from azukari.provision import session as session_module
from azukari.site import holders_dir
from reference_site.sealing import key_id, sealed_for

CHECKOUT = Path(__file__).parents[3]
ROW = "00000000-0000-4000-8000-000000000001"
OTHER = "00000000-0000-4000-8000-000000000002"


def run(site, *arguments, code=0, of=office.app):
    """Run a verb in this process; gives standard output and error."""
    done = CliRunner().invoke(of, [*map(str, arguments), "--site", str(site.path)], standalone_mode=False)
    if isinstance(done.exception, Exception):
        raise done.exception
    assert (done.return_value or 0) == code, done.output
    return done.stdout, done.stderr


@pytest.fixture(autouse=True)
def _own_process_stays_as_it_is(monkeypatch):
    """The tests' own process may be dumped and debugged as before."""
    monkeypatch.setattr("azukari.answers.memory.never_dumped", lambda: True)


def command(*arguments, **how):
    """Run the command line as a process of its own."""
    call = [sys.executable, "-m", "azukari", *map(str, arguments)]
    return subprocess.run(call, check=False, cwd=CHECKOUT, text=True, timeout=120, **how)


@pytest.mark.parametrize(
    ("language", "titles", "chosen"),
    [
        ("ja", ["ご意見", "件名", "メールアドレス", "性別", "お住まいの国"], "女性"),
        ("en", ["comments", "heading", "e-mail address", "gender", "country of residence"], "female"),
    ],
)
def test_an_answer_is_shown_with_the_policys_titles(site, new_key, tmp_path, language, titles, chosen):
    file = written(tmp_path / "a", site, sealed_answer(site, new_key(), WHOLE, ROW))
    shown, said = run(site, "read", file, "--lang", language)
    given = [["道路の件です。", "Second line"], ["道路"], ["visitor@example.jp"], [chosen], ["日本"]]
    lines = [f"2026-04-01  {ROW}"]
    for title, text in zip(titles, given, strict=True):
        lines += [f"  {title}", *(f"    {line}" for line in text)]
    assert shown.splitlines() == [*lines, ""]
    assert said == "1 answers; 0 things were not read.\n"


def test_what_does_not_open_is_named_and_the_exit_code_says_so(site, new_key, tmp_path):
    key = new_key()
    values = [*sealed_answer(site, key, {"comments": "readable"}, ROW), a_value([], OTHER, "reply", key)]
    file = written(tmp_path / "a", site, values, promised=3)
    shown, said = run(site, "read", file, code=2)
    assert "    readable\n" in shown
    assert said.splitlines() == [
        f"NOT READ: {OTHER}, reply: it opens to something else than items.",
        f"NOT READ: {file} promises 3 values and holds 2: it was cut off, or changed.",
        "1 answers; 2 things were not read.",
    ]


def test_one_answer_is_read_alone(site, new_key, tmp_path):
    key = new_key()
    values = [*sealed_answer(site, key, WHOLE, ROW), a_value([], OTHER, "reply", key)]
    file = written(tmp_path / "a", site, values)
    shown, _ = run(site, "read", file, "--id", ROW, "--json")
    assert json.loads(shown) == {"id": ROW, "received": "2026-04-01", "items": WHOLE}
    run(site, "read", file, "--id", OTHER, code=2)
    with pytest.raises(InputError, match="There is no answer nobody in"):
        run(site, "read", file, "--id", "nobody")


def test_a_program_gets_one_object_a_line(site, new_key, tmp_path):
    key = new_key()
    values = [*sealed_answer(site, key, WHOLE, ROW), a_value([], OTHER, "reply", key)]
    shown, _ = run(site, "read", written(tmp_path / "a", site, values), "--json", code=2)
    assert shown.isascii()
    assert [json.loads(line) for line in shown.splitlines()] == [
        {"id": ROW, "received": "2026-04-01", "items": WHOLE},
        {"id": OTHER, "purpose": "reply", "not_read": "it opens to something else than items"},
    ]


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_what_a_visitor_wrote_does_nothing_to_the_terminal(site, new_key, tmp_path, how):
    text = "".join(f"<{sign}>" for sign in CONTROLS)
    values = [a_value({"comments": text, "heading": text}, ROW, "policymaking", new_key())]
    values += [replace(values[0], row=OTHER, purpose="reply", sealed="a.b.c.d.e")]
    shown, said = run(site, "read", written(tmp_path / "a", site, values), *how, code=2)
    assert not set(CONTROLS) & set(shown + said)
    if not how:
        assert r"<\x1b>" in shown
        assert r"<\x202e>" in shown


def test_a_visitors_line_never_begins_where_ours_do(site, new_key, tmp_path):
    forged = f"x\n2026-04-01  {OTHER}\n\n  ご意見\n    forged"
    file = written(tmp_path / "a", site, sealed_answer(site, new_key(), {"comments": forged}, ROW))
    shown, _ = run(site, "read", file)
    assert [line for line in shown.splitlines() if line and not line.startswith("    ")] == [
        f"2026-04-01  {ROW}",
        "  ご意見",
    ]


def test_earlier_keys_still_open_and_named_ones_do(site, new_key, tmp_path):
    first, second = new_key(), new_key()
    values = [
        *sealed_answer(site, first, {"comments": "1"}, ROW),
        *sealed_answer(site, second, {"comments": "2"}, OTHER),
    ]
    file = written(tmp_path / "a", site, values)
    shown, _ = run(site, "read", file)
    assert "    1\n" in shown
    assert "    2\n" in shown
    folder = holders_dir(site) / "office" / "sealing"
    shown, said = run(site, "read", file, "--key", folder / f"{FORM}-{key_id(second)}.pem", code=2)
    assert "    1\n" not in shown
    assert f"NOT READ: {ROW}, policymaking: it is sealed for the key {key_id(first)}, which is not at hand." in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"site": "another"}, "is of the site “another”, not of"),
        ({"form": "mail_service"}, "is of “mail_service”, which the office does not read"),
        ({"form": "nothing"}, "is of “nothing”, which the office does not read"),
    ],
)
def test_a_file_of_something_else_is_refused(site, new_key, tmp_path, change, said):
    new_key()
    header = files.Header("answers", site.name, FORM, "now", answers=0, values=0)
    files.write_new(tmp_path / "a", [files.header_line(replace(header, **change))])
    for verb in (["read"], ["reseal", "--out", tmp_path / "b"]):
        with pytest.raises(InputError, match=said):
            run(site, verb[0], tmp_path / "a", *verb[1:])
    assert not (tmp_path / "b").exists()


# --- as processes -----------------------------------------------------------------------------------------------------


def test_nothing_is_opened_into_a_file(site, new_key, tmp_path):
    file = written(tmp_path / "a", site, sealed_answer(site, new_key(), WHOLE, ROW))
    with (tmp_path / "readable").open("w") as output:
        done = command("office", "read", file, "--site", site.path, stdout=output, stderr=subprocess.PIPE)
    assert done.returncode == 3
    assert "Standard output is a file" in done.stderr
    assert (tmp_path / "readable").read_text() == ""
    piped = command("office", "read", file, "--site", site.path, capture_output=True)
    assert piped.returncode == 0, piped.stderr
    assert "道路の件です。" in piped.stdout


def test_the_process_is_not_dumped(tmp_path):
    """Its own word, and the kernel's (PR_GET_DUMPABLE, prctl(2))."""
    program = (
        "import ctypes, os, resource, sys; from azukari.answers.memory import never_dumped; print(never_dumped(), "
        "resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)); sys.stdout.flush(); "
        "os.abort()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False,
                          env={**os.environ, "PYTHONPATH": str(CHECKOUT)})  # fmt: skip
    assert done.stdout == "True (0, 0) 0\n"
    assert done.returncode == -6
    assert list(tmp_path.iterdir()) == []


def test_both_verbs_ask_not_to_be_dumped(site, new_key, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("azukari.answers.memory.never_dumped", lambda: asked.append(True))
    file = written(tmp_path / "a", site, sealed_answer(site, new_key(), WHOLE, ROW))
    _, said = run(site, "read", file)
    assert "cannot keep a process from being dumped" in said
    run(site, "reseal", file, "--out", tmp_path / "b")
    assert len(asked) == 2


def test_a_passphrase_is_asked_on_the_terminal_alone(site, new_key, tmp_path):
    file = written(tmp_path / "a", site, sealed_answer(site, new_key("long words"), WHOLE, ROW))
    done = command("office", "read", file, "--site", site.path, capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 3
    assert "there is nobody to ask for its passphrase" in done.stderr
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(CHECKOUT)
        words = ["-m", "azukari", "office", "read", str(file), "--site", str(site.path)]
        os.execv(sys.executable, [sys.executable, *words])  # noqa: S606  no shell is wanted
    said = b""
    while b"Passphrase of" not in said:
        said += os.read(terminal, 1000)
    while termios.tcgetattr(terminal)[3] & termios.ECHO:  # what is typed before it is switched off is thrown away
        time.sleep(0.05)
    os.write(terminal, b"long words\n")
    try:
        while more := os.read(terminal, 1000):
            said += more
    except OSError:  # how a terminal says that the other end is gone
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert "道路の件です。" in said.decode()
    assert said.count(b"Passphrase of") == 1
    assert b"long words" not in said


# --- sealed anew ------------------------------------------------------------------------------------------------------


def test_what_was_sealed_for_earlier_keys_is_sealed_anew(site, new_key, tmp_path):
    first = new_key()
    second = new_key()
    old = sealed_answer(site, first, WHOLE, ROW)
    broken = a_value({}, OTHER, "reply", first)
    broken = replace(broken, sealed=broken.sealed[:-1] + ("A" if broken.sealed[-1] != "A" else "Q"))
    file = written(tmp_path / "a", site, [*old, *sealed_answer(site, second, WHOLE), broken])
    _, said = run(site, "reseal", file, "--out", tmp_path / "b", code=2)
    assert f"NOT READ: {OTHER}, reply: " in said
    assert f"{len(old)} values sealed anew for the key {key_id(second)}" in said
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600
    assert files.header(tmp_path / "b", "resealed").key == key_id(second)
    found = list(files.changes(tmp_path / "b"))
    assert [(one.row, one.purpose) for one in found] == [(one.row, one.purpose) for one in old]
    assert {sealed_for(one.sealed) for one in found} == {key_id(second)}
    assert "道路" not in (tmp_path / "b").read_text()


def test_where_nothing_is_to_be_sealed_anew_there_is_no_file(site, new_key, tmp_path):
    first = new_key()
    file = written(tmp_path / "a", site, sealed_answer(site, first, WHOLE))
    _, said = run(site, "reseal", file, "--out", tmp_path / "b")
    assert "no file was written" in said
    new_key()
    (holders_dir(site) / "office" / "sealing" / f"{FORM}-{key_id(first)}.pem").unlink()
    with pytest.raises(NotJudged, match="Nothing was sealed anew, and 3 things were not read"):
        run(site, "reseal", file, "--out", tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_statement_that_is_not_the_offices_seals_nothing(site, new_key, tmp_path):
    file = written(tmp_path / "a", site, sealed_answer(site, new_key(), WHOLE))
    new_key()
    statement = site.path / "keys" / "sealing" / f"{FORM}.json"
    statement.write_bytes(statement.read_bytes() + b"\n")
    with pytest.raises(InputError, match=r"Nothing can be sealed anew: .* not signed by the office"):
        run(site, "reseal", file, "--out", tmp_path / "b")
    assert not (tmp_path / "b").exists()


# --- the contractor's -------------------------------------------------------------------------------------------------


@pytest.fixture
def hosts(monkeypatch):
    """Stand in for the session on hosts, and for the database; gives what they were asked."""
    asked = []

    @contextmanager
    def session(_site, limit=()):
        asked.append(list(limit))
        yield None

    def put(_command, form, changes):
        asked.append((form, list(changes)))
        return stored.Outcome(1, 2, 3, [(ROW, "reply")])

    monkeypatch.setattr(session_module, "session", session)
    monkeypatch.setattr(stored, "psql", lambda _at, host: [host])
    monkeypatch.setattr(stored, "put", put)
    return asked


def test_what_was_put_back_is_counted_and_what_was_left_is_named(site, new_key, tmp_path, hosts):
    file = written(tmp_path / "a", site, sealed_answer(site, new_key(), WHOLE, ROW))
    new_key()
    run(site, "reseal", file, "--out", tmp_path / "b")
    _, said = run(site, "reseal", tmp_path / "b", of=site_verb.app, code=2)
    assert hosts == [["db"], (FORM, list(files.changes(tmp_path / "b")))]
    assert said.splitlines() == [
        "Of 3 values, 1 were replaced, 3 had been before, 2 were deleted meanwhile and stay so, 1 are others and were "
        "left.",
        f"Left as it is: {ROW}, reply",
    ]


def test_nothing_is_asked_of_a_host_where_the_file_is_not_right(site, new_key, tmp_path, hosts):
    file = written(tmp_path / "a", site, sealed_answer(site, new_key(), WHOLE, ROW))
    new_key()
    run(site, "reseal", file, "--out", tmp_path / "b")
    with pytest.raises(InputError, match="no file of resealed"):
        run(site, "reseal", file, of=site_verb.app)
    lines = (tmp_path / "b").read_text().splitlines()
    (tmp_path / "short").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(InputError, match="was cut off"):
        run(site, "reseal", tmp_path / "short", of=site_verb.app)
    (tmp_path / "other").write_text("\n".join([lines[0].replace(site.name, "another"), *lines[1:]]) + "\n")
    with pytest.raises(InputError, match="is of the site “another”"):
        run(site, "reseal", tmp_path / "other", of=site_verb.app)
    new_key()  # the office states another one meanwhile
    with pytest.raises(InputError, match=r"is sealed for the key .*; the office states .*\. Nothing was changed"):
        run(site, "reseal", tmp_path / "b", of=site_verb.app)
    assert hosts == []


def test_answers_are_not_fetched_where_it_cannot_end_well(site, tmp_path, hosts):
    (tmp_path / "there").write_text("precious")
    for arguments, said in (
        (["answers", "nothing", "--out", tmp_path / "b"], "has no form “nothing”"),
        (["answers", FORM, "--out", tmp_path / "there"], "never written over"),
    ):
        with pytest.raises(InputError, match=said):
            run(site, *arguments, of=site_verb.app)
    assert hosts == []


def test_without_the_domains_keys_there_is_no_way_to_the_database(site, tmp_path):
    with pytest.raises(InputError, match="its keys are not at hand"):
        run(site, "answers", FORM, "--out", tmp_path / "b", of=site_verb.app)
    assert not (tmp_path / "b").exists()


def test_the_day_and_the_file_are_handed_on(site, tmp_path, hosts, monkeypatch):
    made = files.Header("answers", site.name, FORM, "now", answers=1, values=3)
    monkeypatch.setattr(stored, "export", lambda *given: hosts.append(given[2:]) or made)
    _, said = run(site, "answers", FORM, "--out", tmp_path / "b", "--since", "2026-04-02", of=site_verb.app)
    assert hosts == [["db"], (FORM, tmp_path / "b", date(2026, 4, 2))]
    assert said == f"1 answers, 3 sealed values, from db: {tmp_path / 'b'}\n"
