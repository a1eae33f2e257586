"""What a cookie may be: declared, the same for everybody, safe, and bounded; and who is given one."""

from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotEvaluated
from azukari.verify.website import COMES_BACK
from checks import test_site_cookies as judged

WEB = SimpleNamespace(name="web")
GOOD = "visit=1; Max-Age=86400; Path=/; Secure; HttpOnly; SameSite=Lax"


def reply(line=None, status=200):
    return {"status": status, "headers": {"set-cookie": line} if line else {}}


@pytest.fixture
def visit():
    return {
        "pages": {"/": reply(GOOD), "/privacy/": reply(GOOD), "/assets/site-1.css": reply()},
        "forms": {"/contact/": reply(GOOD), "/contact/received/": reply(GOOD)},
        "errors": {"a page that is not there": reply(status=404)},
        "hidden": {"/.env": reply(status=404)},
        "homes": {"198.18.64.11": reply(GOOD)},
        "redirects": {"198.18.64.11": reply(status=301)},
        "returning": reply(),
    }


def judge(site, visit):
    return judged.test_cookies_serve_their_purpose_alone(WEB, site, visit)


def test_the_declared_cookie_on_pages_alone_is_as_promised(lab_site, visit):
    assert judge(lab_site, visit) == "5 times set, each as declared; not to who comes back"


def test_a_stricter_one_and_none_at_all_are_lawful(lab_site, visit):
    visit["pages"]["/"] = reply(GOOD.replace("Lax", "Strict").replace("; Path=/", ";path=/"))
    assert judge(lab_site, visit)
    for part in ("pages", "forms", "homes"):
        visit[part] = {what: reply() for what in visit[part]}
    assert judge(lab_site, visit).startswith("0 times")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (GOOD.replace("visit", "track"), "“track” is not declared"),
        (GOOD.replace("visit=1", "visit=8f1c"), "does not say the same of everybody: “8f1c”"),
        (GOOD.replace("; Secure", ""), "is not Secure"),
        (GOOD.replace("; HttpOnly", ""), "is not HttpOnly"),
        (GOOD.replace("Lax", "None"), "SameSite is None"),
        (GOOD.replace("; SameSite=Lax", ""), "SameSite is None"),
        (GOOD.replace("86400", "864000"), "stays 864000 s, promised are 86400 s"),
        (GOOD.replace("Max-Age=86400; ", ""), "stays an unsaid number of s"),
        (GOOD.replace("Path=/", "Path=/en/"), "for the path /en/"),
        (GOOD + "; Domain=example.jp", "says more: domain"),
        (GOOD + "; Expires=Wed, 21 Oct 2099 07:28:00 GMT", "says more: expires"),
        (GOOD + "; Max-Age=86400", "says something twice"),
        (GOOD + "\nid=2", "“id” is not declared"),
    ],
)
@pytest.mark.parametrize("where", ["/", "/privacy/"])
def test_what_is_otherwise_is_found(lab_site, visit, where, line, said):
    visit["pages"][where] = reply(line)
    with pytest.raises(AssertionError, match=said):
        judge(lab_site, visit)


@pytest.mark.parametrize(
    ("part", "what"),
    [("errors", "a page that is not there"), ("hidden", "/.env"), ("pages", "/assets/site-1.css")],
)
def test_what_is_no_page_sets_none(lab_site, visit, part, what):
    visit[part][what] = reply(GOOD)
    with pytest.raises(AssertionError, match=f"{what} is no page"):
        judge(lab_site, visit)


def test_who_has_it_is_not_given_it_anew(lab_site, visit):
    visit["returning"] = reply(GOOD)
    with pytest.raises(AssertionError, match="given it anew"):
        judge(lab_site, visit)
    assert COMES_BACK.startswith("/ ")


def test_a_visit_that_could_not_come_back_proves_nothing(lab_site, visit):
    visit["returning"] = reply(status=429)
    with pytest.raises(NotEvaluated, match="429"):
        judge(lab_site, visit)
