"""What a page, a stylesheet or a header makes a browser ask for without a click, and where a form sends.

The words are read, whether or not a browser would follow them today: a rule for a font that no line uses yet, or a
name that is only looked up ahead (`dns-prefetch`), never shows among a browser's requests, and gives the visitor away
all the same. Links that are clicked are no references.
"""

import re
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

_CLICKED = ("a", "area")  # whose href is followed by a click; everything else is followed without
_ONE = ("src", "href", "xlink:href", "action", "formaction", "poster", "data", "background", "manifest", "classid")
_MANY = ("srcset", "imagesrcset", "ping", "archive")
_CSS = re.compile(
    r"""(?:url\(|@import)\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^)"';\s]+))""", re.IGNORECASE
)
_DATA = re.compile(r"""url\(\s*(["']?)data:.*?\1\s*\)""", re.IGNORECASE | re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)
_REFRESH = re.compile(r"^[\s\d.;,]*(?:url\s*=\s*)?[\"']?(?P<url>[^\"']+)", re.IGNORECASE)
_ABSOLUTE = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//[^\s\"'<>;,()]+", re.IGNORECASE)
_SPECIAL = re.compile(r"^(https?|wss?|ftp):/*", re.IGNORECASE)


class _Referring(HTMLParser):
    """Collects (where, reference) of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str]] = []
        self._in_style = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        given = {name: value or "" for name, value in reversed(attrs)}  # of two, browsers take the first
        for name, value in given.items():
            where = f"<{tag} {name}>"
            if name in _ONE and not (tag in _CLICKED and name.endswith("href")):
                self.found.append((where, value))
            elif name in _MANY:
                self.found += [(where, one) for one in re.split(r"[\s,]+", value) if one]
            elif name == "style":
                self.found += [(where, url) for url in of_stylesheet(value)]
            elif name == "srcdoc":
                self.found += of_page(value)
        if tag == "meta" and given.get("http-equiv", "").strip().lower() == "refresh":
            url = _REFRESH.match(given.get("content", ""))
            self.found += [("<meta refresh>", url["url"])] if url else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._in_style = False

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  the parser's own signature
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.found += [("<style>", url) for url in of_stylesheet(data)]


def of_page(text: str) -> list[tuple[str, str]]:
    """Return (where, reference) of everything in a page that is asked for, or sent to, without a click on a link."""
    return _Referring(text).found


def of_stylesheet(text: str) -> list[str]:
    """Return the references of a stylesheet, with its escapes undone."""
    plain = _DATA.sub(" ", _COMMENT.sub(" ", text))
    plain = _ESCAPE.sub(lambda one: chr(int(one[1], 16) % 0x110000) if one[1] else one[2], plain)
    named = [next(filter(None, one.groups()), "") for one in _CSS.finditer(plain)]
    return list(dict.fromkeys([*named, *_ABSOLUTE.findall(plain)]))  # the latter where a word is new to us


def of_headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return (header, reference) of every address in an answer's headers: preloads, redirects, where reports go."""
    return [(name, url) for name, value in headers.items() for url in _ABSOLUTE.findall(value)]


def foreign(references: Iterable[tuple[str, str]], base: str, names: Iterable[str]) -> list[str]:
    """Return a sentence for each reference that leads away from the site.

    Args:
        references: (where, reference).
        base: the address of the page that they stand in.
        names: the site's own.
    """
    own = set(names)
    return [f"{where} leads to {url.strip()}" for where, url in references if _leaves(url, base, own)]


def _leaves(reference: str, base: str, names: set[str]) -> bool:
    # As browsers read it (WHATWG URL): no tabs or line ends, a backslash is a slash, and so are many or none.
    url = re.sub(r"[\t\n\r]", "", reference.strip("\x00\x01\x0b\x0c\x1f ")).replace("\\", "/")
    if url.lower().startswith(("data:", "about:blank")):
        return False
    url = re.sub(r"^//+", "//", _SPECIAL.sub(lambda one: f"{one[1]}://", url))
    try:
        parts = urlsplit(urljoin(base, url))
        port = parts.port
    except ValueError:  # no address at all
        return True
    return parts.scheme not in ("http", "https") or parts.hostname not in names or port not in (None, 80, 443)
