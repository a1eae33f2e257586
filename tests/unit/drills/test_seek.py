"""The search for marks finds what it must: in each way of writing, at each place around it."""

import base64
import bz2
import gzip
import lzma
import os
import re
import subprocess
import sys

import pytest

from azukari.content import content
from azukari.drills import seek
from azukari.drills.looking import WRITTEN_WITHIN

MARK = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("after", range(4))
def test_a_mark_in_base64_is_found_whatever_is_around_it(before: int, after: int) -> None:
    coded = base64.b64encode(os.urandom(before) + MARK.encode() + os.urandom(after))
    assert any(way in coded for way in seek.written(MARK))


@pytest.mark.parametrize("text", [MARK, f'{{"comments": "{MARK}"}}', MARK.encode().hex(), MARK.encode().hex().upper()])
def test_a_mark_is_found_plain_and_in_hexadecimal(text: str) -> None:
    assert any(way in text.encode() for way in seek.written(MARK))


def test_another_mark_is_not_found() -> None:
    other = MARK.replace("0", "1").encode()
    found = base64.b64encode(other) + other.hex().encode() + other
    assert not any(way in found for way in seek.written(MARK))


def test_no_way_is_so_short_that_chance_writes_it() -> None:
    assert min(len(way) for way in seek.written(MARK)) >= len(MARK)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_processes_show_their_environment_and_files_without_a_name(tmp_path) -> None:
    path = tmp_path / "deleted"
    path.write_text(MARK)
    with path.open() as file:
        path.unlink()
        child = subprocess.Popen(["sleep", "20"], env={"X": MARK}, stdin=file)
        try:
            found = seek.in_processes(seek.written(MARK))
        finally:
            child.kill()
            child.wait()
    assert f"/proc/{child.pid}/environ" in found
    assert f"/proc/{child.pid}/fd/0" in found


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_mark_in_a_compressed_file_is_found(tmp_path, pack) -> None:
    path = tmp_path / "packed"
    for text, found in ((MARK, True), (MARK[::-1], False)):
        path.write_bytes(pack(b"x" * 2**20 + text.encode() + b"y" * 2**21))
        assert seek.unpacked_holds(str(path), seek.written(MARK)) is found
        assert not seek.holds(str(path), seek.written(MARK))


def test_of_a_compressed_file_that_is_not_whole_what_can_be_read_is(tmp_path) -> None:
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(MARK.encode() + os.urandom(2**20))[: 2**19])
    assert seek.unpacked_holds(str(path), seek.written(MARK))
    for pack in (gzip.compress, bz2.compress, lzma.compress):
        broken = bytearray(pack(os.urandom(2**16)))
        broken[len(broken) // 2] ^= 0xFF
        broken[12:40] = b"\xff" * 28
        path.write_bytes(broken)
        assert not seek.unpacked_holds(str(path), seek.written(MARK))
    path.write_bytes(b"\x1f\x8bnothing of the kind")
    assert not seek.unpacked_holds(str(path), seek.written(MARK))


def test_what_is_gone_holds_nothing(tmp_path) -> None:
    assert not seek.holds(str(tmp_path / "gone"), [b"x"])


@pytest.mark.parametrize(
    "raw", ["00010203040506070809000b0c0d0e0f", "000a0203040506070809000b0c0d0e0f", "0a" * 8 + "ff" * 8]
)
def test_bytes_are_found_by_grep_as_they_are(tmp_path, monkeypatch, raw: str) -> None:
    (tmp_path / "it").write_bytes(b"\xff\0" + bytes.fromhex(raw) + b"\0\n")
    (tmp_path / "another").write_bytes(b"\xff\0" + bytes.fromhex(raw)[::-1] + b"\0\n")
    monkeypatch.setattr(seek.os, "listdir", lambda _: [str(tmp_path)[1:]])
    wanted = seek.in_a_line(bytes.fromhex(raw))
    assert str(tmp_path / "it") in seek.on_disks([wanted, b"no such text"])
    if wanted != wanted[::-1]:
        assert str(tmp_path / "another") not in seek.on_disks([wanted])


def test_the_journal_is_read_part_by_part_and_a_mark_may_lie_across(monkeypatch) -> None:
    real, text = subprocess.Popen, "x" * 95 + MARK + "y" * 500

    def journal(_command, **how):
        return real([sys.executable, "-c", f"print({text!r})"], **how)

    monkeypatch.setattr(seek.subprocess, "Popen", journal)
    monkeypatch.setattr(seek, "AT_ONCE", 100)
    assert seek.in_the_journal(seek.written(MARK), 0) == ["the journal"]
    assert seek.in_the_journal([b"another"], 0) == []


def test_a_search_begins_after_nginx_has_written_its_log():
    settings = content("roles/web/templates/etc/nginx/nginx.conf.j2").read_text(encoding="utf-8")
    [seconds] = re.findall(r"access_log .* flush=(\d+)s;", settings)
    assert int(seconds) < WRITTEN_WITHIN
