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
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "timestamp", "str", "map", "seq")
)


@dataclass
class Document:
    """A file's value, and where each part of it stands."""

    file: str
    value: Any = None
    lines: dict[Where, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, *where: str | int) -> int:
        """Return the line of the nearest part that exists; 0 is never returned."""
        for length in range(len(where), -1, -1):
            if where[:length] in self.lines:
                return self.lines[where[:length]]
        return 1

    def add(self, where: Where, message: str) -> None:
        """Note a problem at a part of this file."""
        self.problems.append(Problem(self.file, self.line(*where), message))


def read(path: Path, name: str) -> Document:
    """Read one YAML file.

    Args:
        path: the file.
        name: its path below the site's folder, for messages.

    Returns:
        The document; when `problems` is not empty, `value` is what could be read, or None.
    """
    document = Document(name)

    def refuse(line: int, message: str) -> Document:
        document.problems.append(Problem(name, line, message))
        return document

    try:
        data = path.read_bytes()
    except OSError as error:
        return refuse(1, f"cannot be read ({error.strerror}); a readable file is needed; look at its owner and mode.")
    if len(data) > _LARGEST:
        return refuse(1, f"holds {len(data)} bytes; allowed are {_LARGEST}; this is not a file of a site.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return refuse(
            line, f"byte 0x{data[error.start]:02x} is not UTF-8; allowed is UTF-8 only; save the file as UTF-8."
        )
    if not text.strip("\ufeff \t\r\n"):
        return refuse(1, "is empty; its one top-level key is needed; copy it from inventory/example.")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return refuse(
            mark.line + 1 if mark else 1,
            f"is not YAML: {error.problem or error.context}; indent with spaces and put texts with “: ”, “#”, “{{” in quotes.",
        )
    except yaml.YAMLError as error:  # characters that YAML does not know
        position = getattr(error, "position", 0)
        return refuse(text.count("\n", 0, position) + 1, "holds a control character; allowed is plain text; remove it.")
    except RecursionError:
        return refuse(1, "is nested too deeply to be a file of a site; compare it with inventory/example.")
    if node is None:
        return refuse(1, "holds only comments; its one top-level key is needed; copy it from inventory/example.")
    document.value = _Reader(document).value(node, ())
    return document


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.seen: set[int] = set()
        self.scalars = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, where: Where) -> Any:
        line = node.start_mark.line + 1
        self.document.lines.setdefault(where, line)
        if id(node) in self.seen:
            self._refuse(line, "an alias (*name) stands for a value written elsewhere; write the value out here.")
            return None
        self.seen.add(id(node))
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
                self._refuse(
                    line, f"the key “{shown}” is not text; allowed are plain words as keys; correct or quote it."
                )
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
            return self.scalars.construct_object(node)  # type: ignore[no-untyped-call]
        except (ValueError, yaml.YAMLError):
            self._refuse(
                line, f"“{node.value}” looks like a date or number but is none; correct it, or put text in quotes."
            )
            return None

    def _refuse(self, line: int, message: str) -> None:
        self.document.problems.append(Problem(self.document.file, line, message))
