"""Looks for marks on a whole host; run as root with its settings appended, fed over standard input.

The marks must not be found because of the search itself: they are in no argument and in no file that it writes. Whether
it can find anything at all is shown by a control: another mark, put down on purpose, which it has to find.
"""

# Runs on Debian's Python by itself: nothing but the standard library, no package of azukari.
# ruff: noqa: PTH114, PTH115, PTH116, PTH123, PTH208, T201

import base64
import bz2
import gzip
import hashlib
import json
import lzma
import os
import stat
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

LARGEST_DELETED = 64 * 2**20  # bytes of an open file without a name
AT_ONCE = 16 * 2**20  # bytes of the journal, which may be larger than the memory
NOT_DISKS = {"proc", "sys"}
CORES = ("/var/lib/systemd/coredump", "/var/crash")
# By how a compressed file begins.
OPENERS: dict[bytes, Callable[[str], Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
PACKAGED = "/usr"  # what comes with the release is compressed there, and nobody's


def written(mark: str) -> list[bytes]:
    """Return the ways in which a mark (ASCII) may be written: plain, hexadecimal, base64 at each alignment."""
    plain = mark.encode()
    ways = [plain, plain.hex().encode(), plain.hex().upper().encode()]
    for before in range(3):
        # What surrounds the mark changes the outer signs alone: they are cut off.
        coded = base64.b64encode(b"\0" * before + plain + b"\0" * (-(before + len(plain)) % 3))
        ways.append(coded[(before * 8 + 5) // 6 : (before + len(plain)) * 8 // 6])
    return ways


def in_a_line(raw: bytes) -> bytes:
    """Return the longest part of bytes that grep takes for one pattern: a line's end would make two of them."""
    return max(raw.split(b"\n"), key=len)


def on_disks(patterns: list[bytes]) -> list[str]:
    """Return the files of this host that hold a pattern."""
    tops = sorted(f"/{name}" for name in os.listdir("/") if name not in NOT_DISKS and not os.path.islink(f"/{name}"))
    command = ["grep", "--recursive", "--files-with-matches", "--text", "--fixed-strings", "--devices=skip", "--file=-"]
    done = subprocess.run(
        [*command, "--no-messages", "--", *tops],
        input=b"\n".join(patterns),
        capture_output=True,
        env={"LC_ALL": "C", "PATH": os.environ.get("PATH", "/usr/bin:/bin")},
        check=False,
    )
    return sorted(done.stdout.decode(errors="replace").splitlines())


def in_compressed(patterns: list[bytes]) -> list[str]:
    """Return the compressed files of this host that hold a pattern: rotated logs, and what sudo keeps."""
    tops = {name for name in os.listdir("/") if not os.path.islink(f"/{name}")} - {*NOT_DISKS, PACKAGED[1:]}
    return [path for top in sorted(tops) for path in regular(f"/{top}") if unpacked_holds(path, patterns)]


def regular(top: str) -> Iterator[str]:
    """Give the regular files below a folder."""
    for folder, _, names in os.walk(top):
        for name in names:
            path = f"{folder}/{name}"
            try:
                if stat.S_ISREG(os.lstat(path).st_mode):
                    yield path
            except OSError:  # it is gone
                continue


def unpacked_holds(path: str, patterns: list[bytes]) -> bool:
    """Tell whether a compressed file holds a pattern, as far as it can be unpacked; another holds none here."""
    try:
        with open(path, "rb") as file:
            begins = file.read(6)
        opener = next((one for how, one in OPENERS.items() if begins.startswith(how)), None)
        if opener is None:
            return False
        longest, before = max(map(len, patterns)), b""
        with opener(path) as file:
            while part := file.read1(2**20):  # what can be read of one that is still being written, too
                text = before + part
                if any(pattern in text for pattern in patterns):
                    return True
                before = text[-longest:]
    except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error):
        return False
    return False


def in_processes(patterns: list[bytes]) -> list[str]:
    """Return the processes whose arguments, environment or nameless open files hold a pattern."""
    found = []
    for number in sorted((name for name in os.listdir("/proc") if name.isdigit()), key=int):
        paths = [f"/proc/{number}/cmdline", f"/proc/{number}/environ", *nameless(number)]
        found += [path for path in paths if holds(path, patterns)]
    return found


def nameless(number: str) -> Iterator[str]:
    """Give the open files of a process that have no name any more."""
    try:
        for name in os.listdir(f"/proc/{number}/fd"):
            path = f"/proc/{number}/fd/{name}"
            if os.readlink(path).endswith(" (deleted)") and 0 < os.stat(path).st_size < LARGEST_DELETED:
                yield path
    except OSError:  # the process has ended
        return


def holds(path: str, patterns: Iterable[bytes]) -> bool:
    """Tell whether a file holds a pattern; one that is gone holds none."""
    try:
        with open(path, "rb") as file:
            text = file.read(LARGEST_DELETED)
    except OSError:
        return False
    return any(pattern in text for pattern in patterns)


def in_the_journal(patterns: list[bytes], since: float) -> list[str]:
    """Return whether the journal, whose long entries are compressed on the disk, holds a pattern."""
    command = ["journalctl", "--quiet", "--no-pager", "--output=export", f"--since=@{int(since)}"]
    longest, before = max(map(len, patterns)), b""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None  # noqa: S101  for mypy: it was asked for
        while part := process.stdout.read(AT_ONCE):
            text = before + part
            if any(pattern in text for pattern in patterns):
                process.kill()
                return ["the journal"]
            before = text[-longest:]  # a pattern may lie across
    return []


def cores(since: float) -> list[str]:
    """Return core dumps that were written since then."""
    found = []
    for folder in CORES:
        for path, _, names in os.walk(folder):
            every = [f"{path}/{name}" for name in names]
            found += [one for one in every if os.stat(one).st_mtime >= since]
    return found


def control(mark: str, since: float) -> list[str]:
    """Put a mark down in each way, in a process and in the journal; return where the search did not find it."""
    ways = [*written(mark), in_a_line(hashlib.sha256(mark.encode()).digest())]
    missed = []
    with tempfile.TemporaryDirectory(prefix="azukari-control-", dir="/var/tmp") as folder:
        for number, way in enumerate(ways):
            with open(f"{folder}/{number}", "wb") as file:
                file.write(b"before " + way + b" after")
        with gzip.open(f"{folder}/packed", "wb") as packed:
            packed.write(b"before " + mark.encode() + b" after")
        child = subprocess.Popen(["sleep", "60"], env={"CONTROL": mark})
        try:
            time.sleep(0.2)
            seen = set(on_disks(ways))
            missed += [f"way {number} on a disk" for number in range(len(ways)) if f"{folder}/{number}" not in seen]
            if f"{folder}/packed" not in in_compressed(ways):
                missed.append("a compressed file")
            if f"/proc/{child.pid}/environ" not in in_processes(ways):
                missed.append("a process")
            subprocess.run(["systemd-cat", "--identifier=azukari-drill"], input=mark.encode(), check=True)
            subprocess.run(["journalctl", "--sync"], check=True)
            if not in_the_journal(ways, since):
                missed.append("the journal")
        finally:
            child.kill()
            child.wait()
    return missed


def main(marks: dict[str, str], control_mark: str, since: float, raw: Iterable[str] = ()) -> None:
    """Print what was found, as JSON.

    Args:
        marks: what they stand for, by mark.
        control_mark: to show that the search finds.
        since: seconds since 1970: when the first mark was sent.
        raw: further marks that are no text: bytes, in hexadecimal.
    """
    patterns = [way for mark in marks for way in written(mark)] + [in_a_line(bytes.fromhex(one)) for one in raw]
    found = on_disks(patterns) + in_compressed(patterns) + in_processes(patterns) + in_the_journal(patterns, since)
    files = sum(len(names) for _, _, names in os.walk("/"))
    print(json.dumps({"found": found, "cores": cores(since), "missed": control(control_mark, since), "files": files}))
