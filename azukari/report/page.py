"""Draws the report: one HTML file that asks no network for anything."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Literal

import jinja2
from markupsafe import Markup, escape

from azukari.errors import InputError
from azukari.report.view import View

Language = Literal["ja", "en"]
_COMMAND = re.compile("`([^`]+)`")
_TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _with_code
    return environment


def _with_code(text: str) -> Markup:
    """Return the catalogue's text with `commands` set as code, all of it escaped."""
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped in the same breath


def render(view: View, language: Language = "en") -> str:
    """Return the report as HTML.

    Args:
        view: what to show.
        language: which of the two languages is shown first; the reader can switch.
    """
    style, script = _part("report.css"), _part("report.js")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            view=view,
            language=language,
            style=style,
            script=script,
            # Nothing but these two may act in the page, whatever a server's answer contained.
            style_digest=_csp_digest(style),
            script_digest=_csp_digest(script),
        )
    )


def write(page: str, path: Path) -> Path:
    """Write the page and return where it lies.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise InputError(f"The report cannot be written to {path}: {error.strerror or error}.") from error
    return path


def _part(name: str) -> Markup:
    """Return our own style or script, which must not be escaped."""
    return Markup((_TEMPLATES / name).read_text("utf-8"))  # noqa: S704  # carried by the package, nobody's input


def _csp_digest(part: Markup) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
