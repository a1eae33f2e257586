"""nginx's settings in its own words: each directive with the blocks that it stands in.

Files are read as nginx reads them (ngx_conf_read_token in src/core/ngx_conf_file.c); includes are not followed.
"""

import re
from typing import NamedTuple

from azukari.verify.authoring import not_evaluated
from azukari.verify.host import CheckHost

# What the policy's collection `access` has, by the variable that writes it, and what is about the answer and nobody.
PERSONAL = {"remote_addr": "address", "time_iso8601": "time", "page": "page"}
VISIT = "visit"  # whether the request began a visit; where the policy declares a cookie for counting
OUTCOME = {"request_method", "status", "body_bytes_sent", "request_time", "ssl_protocol"}
_TOKEN = re.compile(
    r"""\s+|\#[^\n]*
    |(?P<mark>[;{}])
    |"(?P<double>(?:[^"\\]|\\.)*)"
    |'(?P<single>(?:[^'\\]|\\.)*)'
    |(?P<bare>(?:\$\{|\\.|[^\s;{}"'#\\])(?:\$\{|\\.|[^\s;{\\])*)""",
    re.DOTALL | re.VERBOSE,
)
_DEFINING_LAST = {"map", "geo", "split_clients"}
_DEFINING_FIRST = {"set", "auth_request_set", "perl_set", "js_set", "js_var"}
_CAPTURE = re.compile(r"\(\?(?:P?<|')(\w+)[>']")
_USED = re.compile(r"\$\{?(\w+)")


class Setting(NamedTuple):
    """One directive: the blocks around it, outermost first, each in its own words; and its words."""

    within: tuple[str, ...]
    words: tuple[str, ...]


def settings(text: str, *within: str) -> list[Setting]:
    """Return the directives of a file in order; a block's own line comes before what is in it.

    Args:
        text: the file.
        within: the blocks that it is included in.

    Raises:
        ValueError: nginx would not read it.
    """
    found: list[Setting] = []
    blocks, words, at = list(within), [], 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ValueError(f"nginx's settings cannot be read from “{text[at : at + 30]}” on")
        at = token.end()
        mark = token["mark"]
        if mark is None:
            words += [word for word in (token["double"], token["single"], token["bare"]) if word is not None]
            continue
        if words:
            found.append(Setting(tuple(blocks), tuple(words)))
        if mark == "{":
            blocks.append(" ".join(words))
        elif mark == "}":
            if len(blocks) <= len(within):
                raise ValueError("nginx's settings close a block that was not opened")
            blocks.pop()
        words = []
    if words or len(blocks) != len(within):
        raise ValueError("nginx's settings end within a directive")
    return found


def of_host(host: CheckHost) -> tuple[list[Setting], list[str]]:
    """Return a host's settings of nginx in order, and which of its files nginx has not read since they changed.

    Raises:
        NotEvaluated: they cannot be read.
    """
    main = host.command("cat /etc/nginx/nginx.conf")
    more = host.command("cat /etc/nginx/mime.types /etc/nginx/azukari/*.conf")
    newer = host.command("find /etc/nginx -type f -newer /run/nginx/nginx.pid")
    for answer in (main, more, newer):
        if answer.exit_code:
            not_evaluated(f"nginx's settings cannot be read: {answer.stderr.strip()}")
    try:
        return [*settings(main.stdout), *settings(more.stdout, "http")], newer.stdout.split()
    except ValueError as error:
        not_evaluated(str(error))


def defined(setting: Setting) -> set[str]:
    """Return the variables that a directive makes, in small letters: nginx does not tell them apart."""
    name, *rest = setting.words
    made = rest[-1:] if name in _DEFINING_LAST else rest[:1] if name in _DEFINING_FIRST else []
    captured = _CAPTURE.findall(" ".join(setting.words))
    return {one.lower() for one in [*captured, *(used for word in made for used in _USED.findall(word))]}


def used(words: tuple[str, ...]) -> set[str]:
    """Return the variables that words take up, in small letters."""
    return {one.lower() for word in words for one in _USED.findall(word)}
