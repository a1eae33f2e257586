"""A visitor of the website's forms: asks for the page, fills in, sends, and notes what was acknowledged."""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from azukari.errors import Unreachable
from azukari.site import Site
from azukari.ssh.http import NO_ANSWER, Reply, exchange, request
from azukari.ssh.tls import Place
from azukari.ssh.trust import visitors_trust
from reference_site.answers import FORM, PATHS, TOKEN, identifier
from reference_site.forms import Form, form

ACKNOWLEDGED = 303  # RFC 9110, 15.4.4: received; the thanks are on another page
# What comes by itself with a request, and is kept nowhere: whose telephone it is (policy 2(1)), its kind, where it was.
UNASKED = ("X-DCMGUID", "X-UP-SUBNO", "X-JPHONE-UID", "X-EM-UID", "User-Agent", "Referer", "Cookie")
_TOKEN = re.compile(rf'name="{TOKEN}" value="([^"]+)"')


@dataclass(frozen=True)
class Sent:
    """One answer that was sent.

    Attributes:
        row: its identifier, under which it is kept; empty where the page itself was not to be had.
        answer: what was given, by item.
        status: of the reply; 0 where none came.
        unasked: what came by itself with it: marks, by header, and by `query`.
    """

    row: str
    answer: Mapping[str, str]
    status: int
    unasked: Mapping[str, str] = field(default_factory=dict)

    @property
    def acknowledged(self) -> bool:
        """Whether the visitor was told that it was received."""
        return self.status == ACKNOWLEDGED


def chosen(asked: Form, sent: Iterable[Sent]) -> list[tuple[str, str]]:
    """Return item and choice of all that answers gave of offered choices, which the website counts."""
    offered = [field.name for field in asked.fields if field.choices]
    return [(name, one.answer[name]) for one in sent for name in offered if name in one.answer]


class Visitor:
    """Visits one form of a site, from where azukari runs.

    Args:
        site: the declared site.
        name: the form's collection.

    Raises:
        NotJudged: there is nobody to trust here for the website's certificate.
    """

    def __init__(self, site: Site, name: str) -> None:
        web = site.group("web")[0]
        self._ca = visitors_trust(site)
        self._name = site.settings.names[0]
        self._place = Place(str(web.address), 443, self._name)
        self._path = PATHS[name]["ja"]
        [collection] = [one for one in site.policy.collections if one.name == name]
        self.form = form(collection.model_dump(mode="json"))

    def page(self) -> Reply:
        """Return the form's page; NO_ANSWER where there is none."""
        return self._exchanged(request(self._name, self._path))

    def send(self, answer: Mapping[str, str]) -> Sent:
        """Fill in and send the form."""
        found = _TOKEN.search(self.page().body.decode("utf-8", "replace"))
        if found is None:
            return Sent("", answer, 0)
        body = urlencode({TOKEN: found[1], **answer}).encode()
        unasked = {name: secrets.token_hex(16) for name in (*UNASKED, "query")}
        headers = {
            "Content-Type": FORM,
            "Content-Length": str(len(body)),
            "Sec-Fetch-Site": "same-origin",
            "Origin": f"https://{self._name}",
            **{name: f"https://elsewhere.invalid/{unasked[name]}" for name in UNASKED},
        }
        path = f"{self._path}?{urlencode({'from': unasked['query']})}"
        reply = self._exchanged(request(self._name, path, method="POST", headers=headers) + body)
        return Sent(identifier(found[1], answer), answer, reply.status, unasked)

    def look(self, path: str) -> Reply:
        """Return a page; NO_ANSWER where there is none.

        Args:
            path: with its query.
        """
        return self._exchanged(request(self._name, path))

    def click(self, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Press a page's one button, or have a mail program do it (RFC 8058).

        Args:
            path: with its query.
            body: what is sent.
            headers: what the sender's program says besides; `_` for `-`.
        """
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        said |= {"Content-Type": FORM, "Content-Length": str(len(body))}
        return self._exchanged(request(self._name, path, method="POST", headers=said) + body)

    def _exchanged(self, sent: bytes) -> Reply:
        try:
            return exchange(self._place, sent, ca_pem=self._ca)
        except (Unreachable, OSError):
            return NO_ANSWER
