"""YAML read with the line of every key and entry, and without the parts of YAML that mislead.

Refused: duplicate keys (the last would win silently), tags, anchors and aliases (a value that stands elsewhere),
several documents, keys that are not text.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from azukari.site.problems import Problem

Where = tuple[str | int, ...]

# Larger than any honest site by far; a bound because PyYAML's time grows with what it is fed.
_LARGEST = 1_000_000
_PLAIN = ("null", "bool", "int", "float", "timestamp", "str", "map", "seq")
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in _PLAIN)


@dataclass
class Document:
    """A file's value, and where each part of it stands.

    Attributes:
        lines: the line of every key and entry, by the way to it from the top.
        kept: for a list of which broken entries were left out, the numbers of those that were kept.
    """

    file: str
    value: Any = None
    lines: dict[Where, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    kept: dict[Where, list[int]] = field(default_factory=dict)

    def line(self, *where: str | int) -> int:
        """Return the line of the nearest part that exists; the first is 1."""
        way: Where = ()
        for part in where:
            way = (*way, self.kept[way][part] if way in self.kept and isinstance(part, int) else part)
        for length in range(len(way), -1, -1):
            if way[:length] in self.lines:
                return self.lines[way[:length]]
        return 1

    def add(self, where: Where, message: str) -> None:
        """Note a problem at a part of this file."""
        self.problems.append(Problem(self.file, self.line(*where), message))

    def below(self, where: Where, value: Any) -> "Document":
        """Return a part of this document as a document of its own, with no problems yet."""
        lines = {way[len(where) :]: line for way, line in self.lines.items() if way[: len(where)] == where}
        return Document(self.file, value, lines)


class _RefusedError(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def read(path: Path, name: str) -> Document:
    """Read one YAML file.

    Args:
        path: the file.
        name: its path below the site's folder, for messages.

    Returns:
        The document; when `problems` is not empty, `value` is what could be read, or None.
    """
    document = Document(name)
    try:
        node = _compose(_text(path))
    except _RefusedError as refused:
        document.problems.append(Problem(name, refused.line, refused.message))
    else:
        document.value = _Reader(document).value(node, ())
    return document


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"cannot be read ({error.strerror}); a readable file is needed; look at its owner and mode."
        raise _RefusedError(1, message) from error
    if len(data) > _LARGEST:
        raise _RefusedError(1, f"holds {len(data)} bytes; allowed are {_LARGEST}; this is not a file of a site.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; allowed is UTF-8 only; save the file as UTF-8."
        raise _RefusedError(line, message) from error
    if not text.strip("\ufeff \t\r\n"):
        raise _RefusedError(1, "is empty; its one top-level key is needed; copy it from inventory/example.")
    return text


def _compose(text: str) -> yaml.Node:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_WithoutAliases)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context
        message = f"is not YAML: {what}; indent with spaces, and put texts with “: ”, “#” or “{{” in quotes."
        raise _RefusedError(mark.line + 1 if mark else 1, message) from error
    except yaml.YAMLError as error:  # characters that YAML does not know
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise _RefusedError(line, "holds a control character; allowed is plain text; remove it.") from error
    except RecursionError as error:
        message = "is nested too deeply to be a file of a site; compare it with inventory/example."
        raise _RefusedError(1, message) from error
    if node is None:
        raise _RefusedError(1, "holds only comments; its one top-level key is needed; copy it from inventory/example.")
    return node


class _WithoutAliases(yaml.SafeLoader):
    """Refuses aliases, which could also be nested until the reader runs out of memory."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse an alias where it stands; a composed node would know only the line of its anchor."""
        if self.check_event(yaml.AliasEvent):
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
            message = "an alias (*name) stands for a value written elsewhere; write the value out here."
            raise _RefusedError(line, message)
        return super().compose_node(parent, index)


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.scalars = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, where: Where) -> Any:
        line = node.start_mark.line + 1
        self.document.lines.setdefault(where, line)
        if node.tag not in _PLAIN_TAGS:
            self._refuse(line, f"the tag {node.tag} is not allowed in a site; allowed is plain data; remove it.")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*where, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, line)

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
                shown = key_node.value if isinstance(key_node, yaml.ScalarNode) else "a list or mapping"
                self._refuse(line, f"the key “{shown}” is not text; allowed are plain words; correct or quote it.")
                continue
            key = key_node.value
            if key in found:
                first = self.document.lines[(*where, key)]
                self._refuse(line, f"the key “{key}” stands here a second time (first in line {first}); keep one.")
                continue
            self.document.lines[(*where, key)] = line
            found[key] = self.value(value_node, (*where, key))
        return found

    def _scalar(self, node: yaml.Node, line: int) -> Any:
        try:
            return self.scalars.construct_object(node)
        except (ValueError, yaml.YAMLError):
            message = f"“{node.value}” looks like a date or number but is none; correct it, or put text in quotes."
            self._refuse(line, message)
            return None

    def _refuse(self, line: int, message: str) -> None:
        self.document.problems.append(Problem(self.document.file, line, message))
