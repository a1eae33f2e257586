"""The ends of the chain clause → safeguard → role → check → breach, read from the files themselves.

One fact, one home: a check says in its decorator which safeguard it judges, and a breach in its header which one it
breaks; nobody keeps a second list of them.
"""

import ast
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_HEADER = re.compile(r"^#\s*safeguard:\s*(?P<id>[A-Z]+-\d\d)\b", re.MULTILINE)
BREACH = ".breach.sh"
NEAR_MISS = ".near-miss.sh"


@dataclass(frozen=True)
class CheckFunction:
    """A function below `checks/` that judges one safeguard.

    `sentence` is its docstring's first line; `sections` and `collected` name the facts that it judges.
    """

    safeguard: str
    file: str
    function: str
    proof: str
    sentence: str
    sections: tuple[str, ...]
    collected: tuple[str, ...]


@dataclass(frozen=True)
class Trial:
    """A breach or near miss below `tests/breaches/ROLE/`; `safeguard` is empty where the header names none."""

    safeguard: str
    role: str
    name: str
    breach: bool


def checks_in(folder: Path) -> list[CheckFunction]:
    """Return every function decorated with `@check("ID", …)` in `folder`/test_*.py."""
    found = []
    for path in sorted(folder.glob("test_*.py")):
        tree = ast.parse(path.read_text("utf-8"), filename=str(path))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                found += [_check_function(path, node, decorator) for decorator in _check_decorators(node)]
    return found


def _check_decorators(function: ast.FunctionDef) -> list[ast.Call]:
    return [
        decorator
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call)
        and _name(decorator.func) == "check"
        and decorator.args
        and isinstance(decorator.args[0], ast.Constant)
        and isinstance(decorator.args[0].value, str)
    ]


def _check_function(path: Path, function: ast.FunctionDef, decorator: ast.Call) -> CheckFunction:
    given = {keyword.arg: keyword.value for keyword in decorator.keywords}
    return CheckFunction(
        safeguard=str(ast.literal_eval(decorator.args[0])),
        file=f"checks/{path.name}",
        function=function.name,
        proof=_word_or(given.get("proof"), "ask"),
        sentence=(ast.get_docstring(function) or "").partition("\n\n")[0].replace("\n", " "),
        sections=_words(given.get("sections")),
        collected=_words(given.get("collect")),
    )


def _word_or(node: ast.expr | None, otherwise: str) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else otherwise


def _words(node: ast.expr | None) -> tuple[str, ...]:
    """The strings or names of a literal list; none where it is computed."""
    if not isinstance(node, ast.List | ast.Tuple):
        return ()
    return tuple(
        each.value if isinstance(each, ast.Constant) and isinstance(each.value, str) else _name(each)
        for each in node.elts
    )


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def trials_in(folder: Path) -> list[Trial]:
    """Return the breaches and near misses below `folder`, by role."""
    found = []
    for suffix, breach in ((BREACH, True), (NEAR_MISS, False)):
        for path in sorted(folder.glob(f"*/*{suffix}")):
            header = _HEADER.search(path.read_text("utf-8"))
            found.append(
                Trial(header["id"] if header else "", path.parent.name, path.name.removesuffix(suffix), breach)
            )
    return found


def breaches_by_safeguard(folder: Path | None) -> dict[str, tuple[str, ...]]:
    """Return the breaches as `role/name` by the safeguard that they break; none where there is no folder."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for trial in trials_in(folder) if folder is not None and folder.is_dir() else ():
        if trial.breach:
            found[trial.safeguard].append(f"{trial.role}/{trial.name}")
    return {safeguard: tuple(names) for safeguard, names in found.items()}
