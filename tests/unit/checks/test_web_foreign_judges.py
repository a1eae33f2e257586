"""The judges of USE-06 and USE-03, with what Chromium recorded of a release on the loopback interface on 2026-11-26."""

import copy
import json
from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotEvaluated
from checks import test_site_cookies as cookies
from checks import test_web_foreign as judged

HOST = SimpleNamespace(name="web")
PAGE = "<!doctype html><html><link rel=stylesheet href=/assets/site.css>"
HTML = {"content-type": "text/html; charset=utf-8", "date": "Thu, 26 Nov 2026 22:35:00 GMT"}


@pytest.fixture(scope="module")
def recorded(answers):
    return json.loads((answers / "browsed.json").read_text())


def visit(text=PAGE, style="p {}", **headers):
    page = {"status": 200, "headers": {**HTML, **headers}, "text": text}
    css = {"status": 200, "headers": {**HTML, "content-type": "text/css"}, "text": style}
    redirect = {"status": 301, "headers": {"location": "https://www.lab.test/x?y=z"}}
    return {
        "pages": {"/": page, "/assets/site.css": css}, "forms": {}, "errors": {}, "hidden": {},
        "homes": {"198.18.64.11": page}, "redirects": {"198.18.64.11": redirect},
    }  # fmt: skip


def browsing(site, browsed):
    return judged.test_pages_ask_the_site_alone(HOST, site, browsed)


def referring(site, visit):
    return judged.test_no_page_refers_elsewhere(HOST, site, visit)


def left(site, browsed):
    return cookies.test_a_browser_is_left_with_declared_cookies(HOST, site, browsed)


@pytest.mark.parametrize("which", ["as applied", "declared cookie", "tracking cookie"])
def test_pages_that_ask_the_site_alone_hold(contact_site, recorded, which):
    said = browsing(contact_site, recorded[which])
    assert said.startswith("9 pages in HeadlessChrome/")
    assert said.endswith("18 requests, all for www.lab.test")


@pytest.mark.parametrize("which", ["foreign font", "foreign font, stopped by the policy"])
def test_a_foreign_font_is_found_whether_or_not_it_was_stopped(contact_site, recorded, which):
    with pytest.raises(AssertionError, match=r"/privacy/ asked for https://fonts\.example/x\.woff2 \(Font\)"):
        browsing(contact_site, recorded[which])


def ask(url):
    return lambda browsed: browsed["pages"]["/en/"]["requests"].append({"url": url, "kind": "Image", "stopped": ""})


@pytest.mark.parametrize(
    "url", ["https://192.0.2.7/x", "https://www.lab.test:8443/x", "wss://www.lab.test/", "https://lab.test/x"]
)
def test_whoever_else_is_asked_is_found(contact_site, recorded, url):
    browsed = copy.deepcopy(recorded["as applied"])
    ask(url)(browsed)
    with pytest.raises(AssertionError, match="/en/ asked for"):
        browsing(contact_site, browsed)


def test_pages_that_were_not_shown_are_not_judged(contact_site, recorded):
    for change in (
        lambda pages: pages.pop("/privacy/"),
        lambda pages: pages.pop("/contact/"),
        lambda pages: pages["/"].update(status=429),
        lambda pages: pages["/"].update(status=0),
        lambda pages: pages["/"].update(requests=[]),
        lambda pages: pages["/"]["requests"][1].update(stopped="status 429"),
    ):
        browsed = copy.deepcopy(recorded["as applied"])
        change(browsed["pages"])
        with pytest.raises(NotEvaluated, match="was not shown"):
            browsing(contact_site, browsed)


def test_without_a_browser_nothing_is_judged(contact_site):
    without = {"error": "this machine has no browser"}
    for judge in (lambda: browsing(contact_site, without), lambda: left(contact_site, without)):
        with pytest.raises(NotEvaluated, match="no browser"):
            judge()
    with pytest.raises(NotEvaluated, match="no way"):
        referring(contact_site, {"error": "no way there"})


def test_pages_that_refer_to_the_site_alone_hold(contact_site):
    own = {"link": "<https://www.lab.test/assets/site.css>; rel=preload; as=style"}
    marked = '<a href="https://shop.example/" rel="external noopener noreferrer">Shop (external site)</a>'
    assert referring(contact_site, visit(PAGE + marked, **own)) == "4 answers refer to www.lab.test alone"


@pytest.mark.parametrize(
    "wrong",
    [
        visit(PAGE + "<link rel=preconnect href=//fonts.example>"),
        visit(style="@font-face { src: url(https://fonts.example/x) }"),
        visit(link="<https://fonts.example/x>; rel=preload"),
        {**visit(), "redirects": {"198.18.64.11": {"status": 301, "headers": {"location": "https://x.example/"}}}},
        {**visit(), "errors": {"a broken address": {"headers": HTML, "text": "<img src=//x.example/y>"}}},
        {**visit(), "forms": {"/contact/": {"headers": HTML, "text": "<form action=//x.example/y>"}}},
    ],
)
def test_a_reference_to_somebody_else_is_found(contact_site, wrong):
    with pytest.raises(AssertionError, match="example"):
        referring(contact_site, wrong)


def test_no_cookie_at_all_and_a_declared_one_hold(contact_site, recorded):
    assert left(contact_site, recorded["as applied"]) == "cookies: none; declared: visit"
    assert left(contact_site, recorded["declared cookie"]) == "cookies: visit; declared: visit"


def test_a_tracking_cookie_is_found_in_the_browser(contact_site, recorded):
    with pytest.raises(AssertionError) as found:
        left(contact_site, recorded["tracking cookie"])
    for clause in ("lacks HttpOnly", "SameSite=None", "lives 365 days, promised is 1"):
        assert clause in str(found.value)


WRONG = {
    "not declared": {"name": "_track"},
    "lacks Secure": {"secure": False},
    "lacks HttpOnly": {"http_only": False},
    "SameSite=None": {"same_site": "None"},
    "SameSite=nothing": {"same_site": ""},
    "lives 2 days": {"lives": 2 * 86400},
    "has no end": {"lives": None},
    "all of lab.test": {"domain": ".lab.test"},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_cookie_that_is_otherwise_is_found_in_the_browser(contact_site, recorded, wrong):
    browsed = copy.deepcopy(recorded["declared cookie"])
    browsed["cookies"][0] |= WRONG[wrong]
    with pytest.raises(AssertionError, match=wrong):
        left(contact_site, browsed)


def test_cookies_of_pages_that_were_not_shown_are_not_judged(contact_site, recorded):
    browsed = copy.deepcopy(recorded["as applied"])
    browsed["pages"]["/contact/"]["status"] = 503
    with pytest.raises(NotEvaluated, match="/contact/"):
        left(contact_site, browsed)
