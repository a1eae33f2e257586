"""The office's reply: a message for a mail program, and nothing readable in a file or on a terminal."""

import os
import pty
import subprocess
import sys
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sealed_answers import WHOLE, a_value, sealed_answer, written

CHECKOUT = Path(__file__).parents[3]
ROW = "00000000-0000-4000-8000-000000000001"
TEXT = "ご意見をありがとうございます。\n.\nBcc: nobody@example.jp\n"


def reply(site, file, *arguments, text=TEXT, stdout=subprocess.PIPE):
    call = [sys.executable, "-m", "azukari", "office", "reply", str(file), "--site", str(site.path), *arguments]
    return subprocess.run(
        call,
        input=text if isinstance(text, bytes) else text.encode(),
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
        cwd=CHECKOUT,
        timeout=120,
    )


def asked(site, tmp_path, key, answer=WHOLE, *arguments, **how):
    file = written(tmp_path / "a", site, sealed_answer(site, key, answer, ROW))
    return reply(site, file, "--id", ROW, "--from", "office@example.jp", *arguments, **how)


def test_the_message_goes_to_the_visitor(site, new_key, tmp_path):
    done = asked(site, tmp_path, new_key())
    assert done.returncode == 0, done.stderr
    message = message_from_bytes(done.stdout, policy=policy.default)
    assert {name: str(message[name]) for name in ("From", "To", "Subject", "Bcc")} == {
        "From": "office@example.jp", "To": "visitor@example.jp", "Subject": "Re: 道路", "Bcc": "None",
    }  # fmt: skip
    assert message.get_content().replace("\r\n", "\n") == TEXT


def test_a_heading_of_several_lines_becomes_one(site, new_key, tmp_path):
    key = new_key()
    values = [
        a_value({"heading": "x\nBcc: evil@example.jp"}, ROW, "reference", key),
        a_value({"email": "visitor@example.jp"}, ROW, "reply", key),
    ]
    done = reply(site, written(tmp_path / "a", site, values), "--id", ROW, "--from", "office@example.jp")
    message = message_from_bytes(done.stdout, policy=policy.default)
    assert message["Bcc"] is None
    assert message["Subject"] == "Re: x Bcc: evil@example.jp"


def test_a_text_that_is_not_in_utf_8_is_no_message(site, new_key, tmp_path):
    file = written(tmp_path / "a", site, sealed_answer(site, new_key(), WHOLE, ROW))
    done = reply(site, file, "--id", ROW, "--from", "office@example.jp", text="ご意見".encode("shift_jis"))
    assert (done.returncode, done.stdout) == (3, b"")
    assert "The reply is not in UTF-8" in done.stderr.decode()


@pytest.mark.parametrize("address", ["a@b.test, c@d.test", "a@b.test\nBcc: c@d.test", "nobody", ""])
def test_what_is_no_address_is_refused(site, new_key, tmp_path, address):
    values = [a_value({"email": address}, ROW, "reply", new_key())]
    done = reply(site, written(tmp_path / "a", site, values), "--id", ROW, "--from", "office@example.jp")
    assert done.returncode != 0
    assert done.stdout == b""


def test_without_an_address_nobody_is_replied_to(site, new_key, tmp_path):
    done = asked(site, tmp_path, new_key(), {"comments": "x"})
    assert (done.returncode, done.stdout) == (2, b"")
    assert "gave no address" in done.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "text", "says"),
    [
        ((), " \n", "The reply is empty"),
        (("--from", "nobody"), TEXT, "--from gives no address"),
        (("--id", "nobody"), TEXT, "There is no answer nobody"),
    ],
)
def test_wrong_use_is_one_sentence(site, new_key, tmp_path, arguments, text, says):
    done = asked(site, tmp_path, new_key(), WHOLE, *arguments, text=text)
    assert (done.returncode, done.stdout) == (3, b"")
    assert says in done.stderr.decode()


def test_neither_a_file_nor_a_terminal_gets_it(site, new_key, tmp_path):
    with (tmp_path / "out").open("wb") as out:
        done = asked(site, tmp_path, new_key(), stdout=out)
    assert done.returncode == 3
    assert (tmp_path / "out").read_bytes() == b""
    ours, theirs = pty.openpty()
    (tmp_path / "a").unlink()
    done = asked(site, tmp_path, new_key(), stdout=theirs)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 3
    assert "is a terminal" in done.stderr.decode()
