"""The forms over HTTP: what is acknowledged was kept, and whatever is refused comes back to be corrected."""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

from flask import Flask, Request, Response, redirect, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from reference_site.answers import (
    CONFIRM,
    FORM,
    LETTER,
    MAIL_SERVICE,
    PATHS,
    RECEIVED,
    TOKEN,
    UNSUBSCRIBE,
    identifier,
    is_whole,
)
from reference_site.forms import Form, Problem, Refused, Tongue
from reference_site.pages import Pages

# Bytes of a request: the longest answer that a form takes, 12 bytes a sign at most (four bytes of UTF-8, each written
# as %XX), and room for the rest. What is in front must let as much through.
LARGEST = 12 * 10_000 + 40_000
MOST_FIELDS = 50
SECRET_BYTES = 32
TOKEN_SECONDS = 24 * 3600


class Unavailable(Exception):
    """An answer was not kept, as far as is known: a connection can break while it is being kept."""


class Erased(Exception):
    """What an answer's identifier named was erased meanwhile, so that nothing is kept under it any more."""


class Intake(Protocol):
    """Where answers go."""

    def keep(self, form: str, row: str, answer: Mapping[str, str], tongue: Tongue) -> None:
        """Seal and keep an answer; when this returns, it is on the disk of the database.

        Args:
            form: the form's name.
            row: the answer's identifier; an answer that was kept under it before is not kept twice.
            answer: what was given, by item.
            tongue: the language of the page that it was given on.

        Raises:
            Unavailable: it is not known to be kept.
            Erased: what was kept under this identifier has been erased meanwhile.
        """

    def confirm(self, letter: str) -> bool:
        """Complete a registration; tell whether it is complete now, be it by this letter's second reading.

        Args:
            letter: the secret that went to the address.

        Raises:
            Unavailable: it could not be completed.
        """

    def unsubscribe(self, letter: str) -> None:
        """Erase a registration, if there is one.

        Args:
            letter: the secret that goes with each letter to the address.

        Raises:
            Unavailable: it could not be erased.
        """


@dataclass(frozen=True)
class Settings:
    """What the application is told.

    Args:
        names: the DNS names under which the site is served.
        secret: signs the forms' tokens; at least 32 bytes, the same in every process.
        forms: the forms, by name.
    """

    names: tuple[str, ...]
    secret: bytes
    forms: Mapping[str, Form]


def application(settings: Settings, pages: Pages, intake: Intake) -> Flask:
    """Return the application (WSGI).

    Args:
        settings: what it is told.
        pages: writes the pages.
        intake: keeps the answers.

    Raises:
        ValueError: the secret is too short.
    """
    if len(settings.secret) < SECRET_BYTES:
        raise ValueError(f"The secret has {len(settings.secret)} bytes; at least {SECRET_BYTES} are needed.")
    app = Flask("reference_site", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=LARGEST, TRUSTED_HOSTS=list(settings.names))
    signing = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    tokens = URLSafeTimedSerializer(settings.secret, salt="form", signer_kwargs=signing)
    for name, form in settings.forms.items():
        for tongue, path in PATHS[name].items():
            one = _Corner(form, tongue, path, settings.names, pages, intake, tokens)
            app.add_url_rule(path, f"{name}-{tongue}", one.show, methods=["GET"])
            app.add_url_rule(path, f"{name}-{tongue}-send", one.take, methods=["POST"])
            app.add_url_rule(path + RECEIVED, f"{name}-{tongue}-received", one.received, methods=["GET"])
    for tongue, path in PATHS[MAIL_SERVICE].items() if MAIL_SERVICE in settings.forms else ():
        list_ = _List(tongue, path, pages, intake)
        for at, look, act in ((CONFIRM, list_.ask, list_.confirm), (UNSUBSCRIBE, list_.leave, list_.unsubscribe)):
            app.add_url_rule(path + at, f"{at}-{tongue}", list_.by_letter(look), methods=["GET"])
            app.add_url_rule(path + at, f"{at}-{tongue}-done", list_.by_letter(act), methods=["POST"])
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    return app


@dataclass(frozen=True)
class _Corner:
    """One form in one language."""

    form: Form
    tongue: Tongue
    path: str
    names: tuple[str, ...]
    pages: Pages
    intake: Intake
    tokens: URLSafeTimedSerializer

    def show(self) -> Response:
        return self._page(200)

    def received(self) -> Response:
        return _html(self.pages.message(self.tongue, self.form.name, "received"), 200)

    def take(self) -> AnyResponse:
        try:
            sent = _sent()
        except ValueError:
            return self._page(400, notice="foreign")
        values = dict(reversed(sent))  # of a field that was sent twice, the first
        token = values.pop(TOKEN, "")
        if not self._own(request):
            return self._page(403, values, notice="foreign")
        if not self._knows(token):
            return self._page(400, values, notice="expired")
        try:
            answer = self.form.accept((name, value) for name, value in sent if name != TOKEN)
        except Refused as refused:
            return self._page(400, values, token=token, problems=refused.problems)
        return self._keep(answer, values, token)

    def _keep(self, answer: Mapping[str, str], values: Mapping[str, str], token: str) -> AnyResponse:
        try:
            self.intake.keep(self.form.name, identifier(token, answer), answer, self.tongue)
        except Unavailable:
            return self._page(503, values, token=token, notice="unavailable")
        except Erased:
            return self._page(400, values, notice="erased")  # the page has another token, so that the same is another
        return redirect(self.path + RECEIVED, 303)

    def _page(
        self,
        status: int,
        values: Mapping[str, str] | None = None,
        *,
        token: str = "",
        problems: tuple[tuple[str, Problem], ...] = (),
        notice: str = "",
    ) -> Response:
        token = token or str(self.tokens.dumps([self.form.name, secrets.token_urlsafe(16)]))
        text = self.pages.form(
            self.tongue, self.form, self.path, token, values=values, problems=problems, notice=notice
        )
        return _html(text, status)

    def _knows(self, token: str) -> bool:
        try:
            said: Any = self.tokens.loads(token, max_age=TOKEN_SECONDS)
        except BadSignature:  # SignatureExpired is one
            return False
        return bool(said[0] == self.form.name)

    def _own(self, sent: Request) -> bool:
        """Tell whether the form was sent from this site's own page.

        Browsers say so in Sec-Fetch-Site (W3C Fetch Metadata), which no page can forge. Older ones say it in Origin:
        `null` comes from other pages alone, as the edge's referrer policy is `same-origin`. The oldest say neither.
        """
        site = sent.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site == "same-origin"
        origin = sent.headers.get("Origin")
        return origin is None or origin in {f"https://{name}" for name in self.names}


def _sent() -> list[tuple[str, str]]:
    """Return the names and values of the form that was sent, in its order.

    Bytes that are not UTF-8 become U+FFFD, which no field takes.

    Raises:
        ValueError: no browser sends this from a form of ours.
    """
    if request.mimetype != FORM:
        raise ValueError("another kind of body")
    body = request.get_data(cache=False).decode("ascii")
    return parse_qsl(body, keep_blank_values=True, errors="replace", max_num_fields=MOST_FIELDS)


@dataclass(frozen=True)
class _List:
    """Joining and leaving the mailing list, by the links of a letter.

    To look at a page changes nothing: programs follow the links of letters before their readers do. Who holds the
    letter's secret may act, from wherever: mail programs unsubscribe by themselves (RFC 8058), and take no redirect.
    """

    tongue: Tongue
    path: str
    pages: Pages
    intake: Intake

    def by_letter(self, view: Callable[[], Response]) -> Callable[[], Response]:
        """Return a view that answers to whole links alone: one that was cut short leads to nobody, and says so."""
        return lambda: view() if is_whole(self._letter) else self._page("cut_short", 404)

    def ask(self) -> Response:
        return self._page("confirm", 200, CONFIRM)

    def confirm(self) -> Response:
        try:
            done = self.intake.confirm(self._letter)
        except Unavailable:
            return self._page("confirm", 503, CONFIRM, "unavailable")
        return self._page("confirmed", 200) if done else self._page("unknown", 404)

    def leave(self) -> Response:
        return self._page("unsubscribe", 200, UNSUBSCRIBE)

    def unsubscribe(self) -> Response:
        try:
            self.intake.unsubscribe(self._letter)
        except Unavailable:
            return self._page("unsubscribe", 503, UNSUBSCRIBE, "unavailable")
        return self._page("unsubscribed", 200)  # to whomever: who was on the list is nobody's to find out

    @property
    def _letter(self) -> str:
        try:
            return request.args.get(LETTER, "")
        except UnicodeDecodeError:  # bytes in the query that are no UTF-8: no letter carries such a link
            return ""

    def _page(self, words: str, status: int, at: str = "", notice: str = "") -> Response:
        action = f"{self.path}{at}?{urlencode({LETTER: self._letter})}" if at else ""
        text = self.pages.message(self.tongue, MAIL_SERVICE, words, action=action, notice=notice)
        return _html(text, status)


def _too_large(_error: RequestEntityTooLarge) -> Response:
    return _html("", 413)  # nginx shows its own page for this code


def _html(text: str, status: int) -> Response:
    return Response(text, status, mimetype="text/html")
