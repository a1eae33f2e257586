"""The pages of the forms: plain HTML that works without a script and without a style, in Japanese and in English.

Each is written into a shell (header, menu, footer) that comes with the site's signed release, so that the forms look
like the other pages and no second copy of those has to be kept.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from reference_site.answers import PATHS
from reference_site.forms import Field, Form, Problem, Tongue

HERE = Path(__file__).parent
TITLE, MAIN, ALTERNATE = "%title%", "%main%", "%alternate-{}%"
# What a browser may fill in: WCAG 2.2 criterion 1.3.5.
_AUTOCOMPLETE = {"email": "email", "gender": "sex", "country": "country-name"}


@dataclass(frozen=True)
class Shell:
    """What is around a page of one language.

    Attributes:
        html: a whole document, with `%title%` and `%main%` where the page's own title and content go, and with
            `%alternate-ja%` and `%alternate-en%` where it leads to the form in each language.
        privacy: where the privacy policy stands.
    """

    html: str
    privacy: str


class Pages:
    """Writes the pages.

    Args:
        shells: by language.
    """

    def __init__(self, shells: Mapping[Tongue, Shell]) -> None:
        self._shells = shells
        self._words: dict[Tongue, dict[str, Any]] = yaml.safe_load((HERE / "words.yml").read_text(encoding="utf-8"))
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def form(
        self,
        tongue: Tongue,
        form: Form,
        action: str,
        token: str,
        *,
        values: Mapping[str, str] | None = None,
        problems: Iterable[tuple[str, Problem]] = (),
        notice: str = "",
    ) -> str:
        """Return the page of a form.

        Args:
            tongue: the page's language.
            form: what is asked.
            action: the path that takes the answer.
            token: goes back with the answer.
            values: what the visitor has already written, so that nothing is to be written twice.
            problems: as `Refused` names them.
            notice: which of the words is said above the form: `expired`, `foreign`, `unavailable`; `wrong` where there
                are problems.
        """
        words = self._words[tongue]
        wrong = dict(problems)
        known = {field.name: field for field in form.fields}
        listed = [
            {
                "name": name,
                "known": name in known,
                "title": known[name].title[tongue] if name in known else name,
                "said": _said(words, problem, known.get(name)),
            }
            for name, problem in wrong.items()
        ]
        shown = [_shown(words, tongue, field, (values or {}).get(field.name, ""), wrong) for field in form.fields]
        said = words[notice] if notice else words["wrong"] if listed else ""
        return self._page(
            tongue, "form.html.j2", form.title[tongue], form.name,
            action=action, token=token, notice=said, problems=listed, fields=shown,
            privacy_text=words[form.name]["privacy_text"],
        )  # fmt: skip

    def message(self, tongue: Tongue, form: str, words: str, *, action: str = "", notice: str = "") -> str:
        """Return a page that says one thing, and may have one button.

        Args:
            tongue: the page's language.
            form: the name of the form whose words are said.
            words: the heading's, such as `received`; the text is that of the same name.
            action: the path to which the button posts; without one there is no button.
            notice: which of the general words is said above: `unavailable`.
        """
        own = self._words[tongue][form]
        return self._page(
            tongue, "message.html.j2", own[words], form, text=own[f"{words}_text"], action=action,
            button=own[f"{words}_button"] if action else "", notice=self._words[tongue][notice] if notice else "",
        )  # fmt: skip

    def _page(self, tongue: Tongue, template: str, title: str, form: str, **more: Any) -> str:
        shell = self._shells[tongue]
        error = self._words[tongue]["error"] if more.get("notice") else ""  # read out before anything else
        main = self._templates.get_template(template).render(
            title=title, t=self._words[tongue], privacy=shell.privacy, **more
        )
        html = shell.html
        for other, path in PATHS[form].items():
            html = html.replace(ALTERNATE.format(other), path)
        return html.replace(TITLE, str(escape(error + title))).replace(MAIN, main)


def _shown(
    words: Mapping[str, Any], tongue: Tongue, field: Field, value: str, wrong: Mapping[str, Problem]
) -> dict[str, Any]:
    problem = wrong.get(field.name)
    described = [f"{field.name}-hint"] if field.kind == "paragraphs" else []
    described += [f"{field.name}-wrong"] if problem is not None else []
    attributes = Markup(" required") if field.required else Markup()
    if field.name in _AUTOCOMPLETE:
        attributes += Markup(' autocomplete="{}"').format(_AUTOCOMPLETE[field.name])
    if problem is not None:
        attributes += Markup(' aria-invalid="true"')
    if described:
        attributes += Markup(' aria-describedby="{}"').format(" ".join(described))
    return {
        "name": field.name,
        "title": field.title[tongue],
        "required": field.required,
        "kind": field.kind,
        "longest": field.longest,
        "choices": [{"name": choice.name, "title": choice.title[tongue]} for choice in field.choices],
        "value": value,
        "attributes": attributes,
        "said": _said(words, problem, field) if problem is not None else "",
    }


def _said(words: Mapping[str, Any], problem: Problem, field: Field | None) -> str:
    longest = field.longest if field is not None else 0
    return str(words["problems"][problem]).replace("{n}", str(longest))
