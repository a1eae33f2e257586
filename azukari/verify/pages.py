"""A page as a check reads it: its language, its links, its forms, and under each heading its table and its terms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_HEADINGS = ("h1", "h2", "h3")
_CELLS = ("th", "td", "dt", "dd")
_CONTROLS = ("input", "select", "textarea", "button")
_PRESSED = ("submit", "button", "reset")


@dataclass(frozen=True)
class Link:
    """One link: where it leads, its attributes, and the words that a visitor clicks."""

    href: str
    attributes: dict[str, str]
    text: str


@dataclass(frozen=True)
class Control:
    """What a visitor fills in, chooses or presses, inside a form or outside: `form=` can give it to any.

    Attributes:
        tag: `input`, `select`, `textarea` or `button`.
        attributes: its attributes.
        choices: of a select, the values of its options in order; of an option without one, `(its words)`.
    """

    tag: str
    attributes: dict[str, str]
    choices: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Its `type`, or what it is without one."""
        otherwise = {"input": "text", "button": "submit"}.get(self.tag, self.tag)
        return self.attributes.get("type", otherwise).strip().lower()

    @property
    def names(self) -> tuple[str, ...]:
        """The names under which it sends something; a nameless field counts, a nameless button sends nothing."""
        own = self.attributes.get("name", "")
        pressed = self.tag == "button" or self.kind in _PRESSED
        direction = self.attributes.get("dirname", "")
        return (*(() if pressed and not own else (own,)), *((direction,) if direction else ()))


@dataclass
class Section:
    """What stands under one heading: rows of its tables, and its terms with their descriptions."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    terms: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """A read page.

    Attributes:
        lang: as the document says.
        links: all links, in order.
        forms: the attributes of all forms, in order.
        controls: all that a visitor can fill in or press, in order.
        sections: by the `id` of their headings.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.lang = ""
        self.links: list[Link] = []
        self.forms: list[dict[str, str]] = []
        self.controls: list[Control] = []
        self.sections: dict[str, Section] = {}
        self._section = Section()
        self._link: tuple[dict[str, str], list[str]] | None = None
        self._cell: list[str] | None = None
        self._row: list[str] = []
        self._term = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where something begins."""
        attributes = {name: value or "" for name, value in reversed(attrs)}  # of two, browsers take the first
        if tag == "html":
            self.lang = attributes.get("lang", "")
        elif tag == "a":
            self._link = (attributes, [])
        elif tag == "tr":
            self._row = []
        elif tag == "form":
            self.forms.append(attributes)
        elif tag in _CONTROLS:
            self.controls.append(Control(tag, attributes))
        elif tag == "option" and self.controls:
            self.controls[-1].choices.append(attributes.get("value", "(its words)"))
        elif tag in _HEADINGS:
            self._section = Section()
            if "id" in attributes:
                self.sections[attributes["id"]] = self._section
        if tag in _CELLS:
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        """Keep what has ended."""
        if tag == "a" and self._link is not None:
            attributes, clicked = self._link
            self.links.append(Link(attributes.get("href", ""), attributes, _plain(clicked)))
            self._link = None
        elif tag in _CELLS and self._cell is not None:
            words = _plain(self._cell)
            if tag == "dt":
                self._term = words
            elif tag == "dd":
                self._section.terms[self._term] = words
            else:
                self._row.append(words)
            self._cell = None
        elif tag == "tr":
            self._section.rows.append(tuple(self._row))

    def handle_data(self, data: str) -> None:
        """Keep words where they stand in a link or a cell."""
        if self._cell is not None:
            self._cell.append(data)
        if self._link is not None:
            self._link[1].append(data)


def _plain(words: list[str]) -> str:
    return " ".join("".join(words).split())
