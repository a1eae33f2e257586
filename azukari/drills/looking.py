"""Marks are looked for on hosts: in files, the journal and processes, with a control that shows it can find."""

import json
import secrets
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from azukari.drills import seek
from azukari.drills.hosts import as_root, on_all
from azukari.provision.session import Session

WRITTEN_WITHIN = 1.5  # seconds, longer than nginx keeps back lines of its log (`flush=` in the role web)


def looked_for(
    at: Session, marks: Mapping[str, str], since: float, *, host: str = "", raw: Iterable[str] = ()
) -> dict[str, tuple[bool, str]]:
    """Look for marks as root; return, by host, whether none was found, and a sentence.

    Args:
        at: the session.
        marks: what they stand for, by mark.
        since: seconds since 1970: from when on the journal and core dumps count.
        host: the one to look at; all of the session's by default.
        raw: further marks that are no text: bytes, in hexadecimal.

    Raises:
        NotJudged: a host gave no answer.
    """
    time.sleep(WRITTEN_WITHIN)
    text = program(marks, since, raw)
    if host:
        return {host: _judged(as_root(at, host, "python3 -I -", text))}
    return on_all(at, lambda name: _judged(as_root(at, name, "python3 -I -", text)))


def program(marks: Mapping[str, str], since: float, raw: Iterable[str] = ()) -> str:
    """Return what looks for marks on a host; they are in the program's text, which is no argument of anything."""
    text = Path(seek.__file__).read_text(encoding="utf-8")
    return f"{text}\n\nmain({dict(marks)!r}, {secrets.token_hex(16)!r}, {since!r}, {list(raw)!r})\n"


def _judged(said: str) -> tuple[bool, str]:
    found = json.loads(said)
    wrong = [f"found in {where}" for where in found["found"]]
    wrong += [f"a core dump {path}" for path in found["cores"]]
    wrong += [f"the search missed its own control: {what}" for what in found["missed"]]
    clean = f"not found in {found['files']} files, the journal and the processes; each control was found"
    return not wrong, "; ".join(wrong) or clean
