"""The named documents in `valid/` and `invalid/`: a lawful base site, edited, and what must be said of it.

A document holds `why`; `base` (the inventory that is copied, default `example`); `edits`, each a `file` with one of
`replace`/`with`, `append`, `text`, `hex`, `repeat`/`times`, `dedent`, `link`, `remove`; and, when invalid, `problems`:
`file`, what it `says`, and the line: `line`, or `at`, a piece of the line (`$` at its end: the line ends with it; `#2`:
the second such line).
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from azukari.content import content

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Expected:
    """One problem that must be told."""

    file: str
    line: int
    says: str


def names(kind: str) -> list[str]:
    return sorted(path.stem for path in (HERE / kind).glob("*.yml"))


def build(kind: str, name: str, folder: Path) -> list[Expected]:
    """Make the site of a document and return the problems that it must have."""
    document: dict[str, Any] = yaml.safe_load((HERE / kind / f"{name}.yml").read_text("utf-8"))
    copy_base(document.get("base", "example"), folder)
    for edit in document["edits"] or []:
        _edit(folder / edit["file"], edit)
    return [_expected(folder, problem) for problem in document.get("problems", [])]


def copy_base(base: str, folder: Path) -> None:
    """Copy an inventory as it is committed: what `lab up` puts beside it is left out."""
    made = ("keys", "secrets", "approval.sig", "approval.txt", "upstream.yml") if base == "lab" else ()
    shutil.copytree(content(f"inventory/{base}"), folder, ignore=shutil.ignore_patterns(*made))


def new_key(path: Path) -> Path:
    """Make an OpenSSH key, and its public half beside it."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def _edit(path: Path, edit: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if "remove" in edit:
        path.unlink()
    elif "link" in edit:
        path.symlink_to(edit["link"])
    elif "hex" in edit:
        path.write_bytes(bytes.fromhex(edit["hex"]))
    elif "repeat" in edit:
        path.write_text(edit["repeat"] * edit["times"], "utf-8")
    elif "text" in edit:
        path.write_text(edit["text"], "utf-8")
    elif "append" in edit:
        path.write_text(path.read_text("utf-8") + edit["append"], "utf-8")
    elif "dedent" in edit:
        path.write_text("".join(line[edit["dedent"] :] for line in _lines(path) if not line.startswith("#")), "utf-8")
    else:
        before = path.read_text("utf-8")
        assert edit["replace"] in before, f"{path.name} does not hold {edit['replace']!r}"
        path.write_text(before.replace(edit["replace"], edit["with"], 1), "utf-8")


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines(keepends=True)


def _expected(folder: Path, problem: dict[str, Any]) -> Expected:
    if "line" in problem:
        return Expected(problem["file"], problem["line"], problem["says"])
    piece, _, number = problem["at"].partition("#")
    found = [index for index, line in enumerate(_lines(folder / problem["file"]), 1) if _holds(line, piece)]
    wanted = int(number or 1)
    assert len(found) >= wanted, f"{problem['file']} has no line {wanted} with {piece!r}"
    return Expected(problem["file"], found[wanted - 1], problem["says"])


def _holds(line: str, piece: str) -> bool:
    return line.rstrip("\n").endswith(piece[:-1]) if piece.endswith("$") else piece in line
