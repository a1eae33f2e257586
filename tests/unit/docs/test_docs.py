"""What the documents show exists: commands, options, make's targets, quoted files and links."""

import importlib
import re
import shlex
from functools import cache
from pathlib import Path

import pytest
import typer
import typer.main

from azukari.cli.main import VERBS

CHECKOUT = Path(__file__).parents[3]
DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")])
_IN_BLOCK = re.compile(r"(?:^|`)(?:sudo )?(?:\.venv/bin/)?azukari ([a-z-][^`]*)")
_IN_LINE = re.compile(r"`(?:sudo )?(?:\.venv/bin/)?azukari ([a-z-][^`]*)`")
_QUOTED = re.compile(r"^```\w+ (\S+/\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


def ids(document: Path) -> str:
    return str(document.relative_to(CHECKOUT))


@cache
def verb(name: str):
    """Return a verb's command as typer builds it."""
    module = importlib.import_module(f"azukari.cli.{name}")
    if hasattr(module, "app"):
        return typer.main.get_command(module.app)
    one = typer.Typer()
    one.command(name)(module.command)
    return typer.main.get_command(one)


def shown_commands(text: str) -> list[str]:
    """Return the arguments of each `azukari` that a document shows, in code or in a block of code."""
    joined = re.sub(r"`([^`\n]*)\n *([^`\n]*)`", r"`\1 \2`", text)  # code that a line's end has broken
    blocks = [part for line in text.splitlines() if line.startswith("    ") for part in line.strip().split(" && ")]
    found = [match[1] for line in blocks for match in _IN_BLOCK.finditer(line)]
    found += [match[1] for line in joined.splitlines() for match in _IN_LINE.finditer(line)]
    return sorted({re.split(r"\s+#\s|\s+[>|]\s|\s{3,}", one)[0].strip() for one in found})


def wrong(arguments: str) -> str:
    """Return what does not exist of a command, or nothing."""
    words = shlex.split(arguments)
    if words[0].startswith("--"):
        return "" if words[0] in {"--version", "--help"} else f"there is no option {words[0]}"
    if words[0] not in VERBS:
        return f"there is no verb “{words[0]}”"
    command, rest = verb(words[0]), words[1:]
    if rest and (known := getattr(command, "commands", None)):
        unknown = [one for one in rest[0].split("|") if not one.startswith("-") and one not in known]
        if unknown:
            return f"`azukari {words[0]}` has no “{unknown[0]}”"
        command, rest = known.get(rest[0].split("|")[0], command), rest[1:]
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    before = rest[: rest.index("--")] if "--" in rest else rest
    unknown = [one for one in before if re.match(r"--?[a-z]", one) and one.split("=")[0] not in options]
    return f"`azukari {arguments}` knows no {unknown[0]}" if unknown else ""


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
class TestDocument:
    def test_commands_exist(self, document: Path) -> None:
        text = document.read_text(encoding="utf-8")
        assert [said for one in shown_commands(text) if (said := wrong(one))] == []

    def test_targets_of_make_exist(self, document: Path) -> None:
        targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        shown = re.findall(r"(?:^    |`|&& )make ([a-z -]+)", document.read_text(encoding="utf-8"), re.MULTILINE)
        assert {word for words in shown for word in words.split()} - targets == set()

    def test_quotations_stand_in_their_files(self, document: Path) -> None:
        for path, quoted in _QUOTED.findall(document.read_text(encoding="utf-8")):
            whole = (CHECKOUT / path).read_text(encoding="utf-8")
            for part in quoted.split("…\n"):
                assert part in whole, f"{path} has changed; it does not hold:\n{part}"

    def test_links_lead_somewhere(self, document: Path) -> None:
        links = _LINK.findall(document.read_text(encoding="utf-8"))
        assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("verify --site x --json -", ""),
        ("lab exec web -- ls --no-such-option", ""),
        ("site check|approve", ""),
        ("frobnicate", "no verb “frobnicate”"),
        ("site frobnicate", "has no “frobnicate”"),
        ("lab up|frobnicate", "has no “frobnicate”"),
        ("apply --hosts web", "knows no --hosts"),
        ("report -x", "knows no -x"),
    ],
)
def test_a_wrong_command_is_seen(arguments: str, said: str) -> None:
    found = wrong(arguments)
    assert said in found
    assert bool(said) == bool(found)


def test_commands_are_found_in_code_of_both_kinds() -> None:
    text = (
        "Run `azukari plan --diff` or\n\n    sudo .venv/bin/azukari apply --tags x    # why\n"
        "    azukari lab up && azukari report > a\n"
    )
    assert shown_commands(text) == ["apply --tags x", "lab up", "plan --diff", "report"]


def test_both_readmes_show_the_same() -> None:
    english, japanese = (
        {re.sub(r" --language ja", "", one) for one in shown_commands((CHECKOUT / name).read_text(encoding="utf-8"))}
        for name in ("README.md", "README.ja.md")
    )
    assert english == japanese
