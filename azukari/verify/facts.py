"""Facts: what the facts program answered, by section; a section that failed is *not evaluated*, never empty."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from azukari.content import content
from azukari.verify.authoring import NotEvaluated

SCHEMA = 1
PROGRAM = "roles/audit_access/files/usr/local/libexec/azukari-facts"
SOCKET = "/run/azukari-facts.socket"


def program() -> str:
    """Return the text of the facts program that this installation carries."""
    return content(PROGRAM).read_text(encoding="utf-8")


class Facts(Mapping[str, Any]):
    """The sections of one host; `facts["sshd"]` is its value, or raises NotEvaluated with the reason.

    Args:
        sections: by name `{"ok": true, "value": …}` or `{"ok": false, "error": …}`.
        why_missing: the reason when a section is not there.
    """

    def __init__(self, sections: Mapping[str, Mapping[str, Any]], why_missing: str = "") -> None:
        self.sections = dict(sections)
        self.why_missing = why_missing
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        section = self.sections.get(name)
        self.asked.add(name)
        if section is None:
            raise NotEvaluated(self.why_missing or f"the facts service does not answer “{name}”")
        if not section.get("ok"):
            reason = section.get("error", "no reason given")
            raise NotEvaluated(f"the facts service could not answer “{name}”: {reason}")
        return section["value"]

    def __iter__(self) -> Iterator[str]:
        return iter(self.sections)

    def __len__(self) -> int:
        return len(self.sections)


def parse(text: str) -> dict[str, dict[str, Any]]:
    """Return the sections of the facts program's answer.

    Raises:
        NotEvaluated: it is not such an answer; says what it is instead.
    """
    if text.startswith("error: "):
        raise NotEvaluated(f"the facts service gave no answer ({text.removeprefix('error: ')})")
    try:
        answer = json.loads(text)
    except ValueError:
        raise NotEvaluated(f"the facts service answered something else than facts: {text[:80]!r}") from None
    if not isinstance(answer, dict) or answer.get("schema") != SCHEMA or not isinstance(answer.get("facts"), dict):
        raise NotEvaluated("the facts service answered in a form of another version; run `azukari apply` first")
    return dict(answer["facts"])


def merge(service: str, bus: str) -> Facts:
    """Return one host's facts from the service's answer and that of the audit account's own session.

    The service's sandbox has no way to the system bus; what only the bus knows comes from the account's session. A
    section that the service answered is never replaced.

    Args:
        service: the facts service's text.
        bus: the text of the bus's sections.
    """
    sections: dict[str, dict[str, Any]] = {}
    why_missing = ""
    for text in (bus, service):
        try:
            found = parse(text)
        except NotEvaluated as why:
            why_missing = str(why)
            continue
        for name, section in found.items():
            if section.get("ok") or name not in sections:
                sections[name] = section
    return Facts(sections, why_missing)
