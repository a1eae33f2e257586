"""The judges of how the public website answers, with the answers of a lab's web server to one visit."""

import base64
import copy
import json
import re
import shutil
from types import SimpleNamespace

import pytest

from azukari.provision.release import MANIFEST, build, forms
from azukari.site import load
from azukari.verify.authoring import NotEvaluated
from azukari.verify.website import form_paths, letter_paths, paths_of, provoked
from checks import test_web as judged
from reference_site.answers import PATHS
from tests.unit.checks import visited
from tests.unit.checks.visited import RECORDED, page, reply, set_in

HOST = SimpleNamespace(name="web")


@pytest.fixture(scope="module")
def quiet(site, tmp_path_factory):
    """The same site without an application, and so without forms."""
    folder = tmp_path_factory.mktemp("site") / "lab"
    shutil.copytree(site.path, folder)
    (folder / "hosts.yml").write_text(
        re.sub(r"    app:\n.*\n.*\n", "", (folder / "hosts.yml").read_text("utf-8")), "utf-8"
    )
    contract = folder / "group_vars" / "all" / "contract.yml"
    contract.write_text(contract.read_text("utf-8").replace("web, app, db", "web, db"), "utf-8")
    flows = folder / "group_vars" / "all" / "flows.yml"
    flows.write_text(re.sub(r".*\b(to|from): app\b.*\n", "", flows.read_text("utf-8")), "utf-8")
    return load(folder)


@pytest.fixture
def visit(site, key):
    return visited.visit(site, key)


def settings(site, **more):
    return {"limits": judged.promised_limits(site), "newer": [], **more}


JUDGES = {
    "LEAK-03": lambda site, visit: judged.test_plain_http_only_redirects(HOST, site, visit),
    "LEAK-06": lambda site, visit: judged.test_every_answer_protects_the_browser(HOST, site, visit),
    "LEAK-07": lambda _site, visit: judged.test_nothing_is_betrayed(HOST, visit),
    "LEAK-09": lambda site, visit: judged.test_floods_are_bounded(HOST, site, visit, settings(site)),
}


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
def test_a_website_as_apply_made_it_holds(site, visit, judge):
    assert judge(site, visit)


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
def test_a_website_that_cannot_be_visited_is_not_judged(site, judge):
    with pytest.raises(NotEvaluated, match="no way"):
        judge(site, {"error": "no way there"})


def lose(name):
    return lambda visit: visit["errors"]["a page that is not there"]["headers"].pop(name)


WRONG = {
    "LEAK-03 page where authorities look": set_in("challenges", "198.18.64.11", "status", value=200),
    "LEAK-03 page over plain HTTP": set_in("redirects", "198.18.64.11", "status", value=200),
    "LEAK-03 redirect elsewhere": set_in(
        "redirects", "2001:2:0:64::11", "headers", value={"location": "https://x.test/"}
    ),
    "LEAK-03 no HSTS": lambda v: v["homes"]["2001:2:0:64::11"]["headers"].pop("strict-transport-security"),
    "LEAK-06 error page without CSP": lose("content-security-policy"),
    "LEAK-06 unsafe-inline": set_in(
        "pages", "/en/", "headers", value={**RECORDED, "content-security-policy": "default-src 'self' 'unsafe-inline'"}
    ),
    "LEAK-06 no answer at all": set_in("errors", "a page that is not there", "status", value=0),
    "LEAK-06 a form without CSP": lambda v: v["forms"]["/en/contact/"]["headers"].pop("content-security-policy"),
    "LEAK-06 a form that is not shown": set_in("forms", "/contact/", "status", value=503),
    "LEAK-06 nothing is said after it": set_in("forms", "/en/contact/received/", "status", value=404),
    "LEAK-06 a form that was not asked for": lambda v: v["forms"].pop("/en/contact/"),
    "LEAK-07 the application's name": set_in("forms", "/contact/", "headers", "x-powered-by", value="Flask"),
    "LEAK-07 the server's name in a form": lambda v: page(v, "/contact/", "%main%", "nginx"),
    "LEAK-07 version": set_in("pages", "/", "headers", "server", value="nginx/1.26.3"),
    "LEAK-07 the server's own error page": set_in(
        "errors", "a page that is not there", "text", value="<center>nginx</center>"
    ),
    "LEAK-07 git": set_in("hidden", "/.git/HEAD", value=reply(b"ref: refs/heads/main")),
    "LEAK-07 a page that is not its own": set_in("hidden", "/assets/", value=reply(b"<!doctype html>403", 403)),
    "LEAK-09 no limit": set_in("burst", value={"200": 200}),
    "LEAK-09 everybody shut out": set_in("burst", value={"429": 200}),
    "LEAK-09 a large body": set_in("errors", "a body that is too large", "status", value=200),
    "LEAK-09 a large form": set_in("errors", "more than /en/contact/ takes", "status", value=303),
    "LEAK-09 a large form, not tried": lambda v: v["errors"].pop("more than /contact/ takes"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_turns_its_own_check_red(site, visit, wrong):
    changed = copy.deepcopy(visit)
    WRONG[wrong](changed)
    with pytest.raises(AssertionError):
        JUDGES[wrong.split()[0]](site, changed)


@pytest.mark.parametrize(
    "wrong", [{"limit_conn": []}, {"client_max_body_size": ["0", "10m", "160000", "16k"]}, {"limit_req": ["x"] * 5}, {}]
)
def test_limits_that_do_not_stand_in_the_settings_are_found(site, visit, wrong):
    changed = {"limits": judged.promised_limits(site) | wrong} if wrong else {"newer": ["/etc/nginx/nginx.conf"]}
    with pytest.raises(AssertionError):
        judged.test_floods_are_bounded(HOST, site, visit, settings(site, **changed))


def test_of_each_form_the_limits_stand_once(site, quiet):
    promised = judged.promised_limits(site)
    assert promised["client_max_body_size"] == ["0", *["160000"] * 4, *["16k"] * 5]
    assert promised["limit_req"].count("zone=forms burst=20 nodelay") == 4 + len(letter_paths(site)) == 8
    assert judged.promised_limits(quiet)["client_max_body_size"] == ["0", "16k"]


def test_the_forms_of_the_release_are_those_that_are_asked_for(site, quiet):
    for one in (site, quiet):
        assert form_paths(one) == [path for name in forms(one) for path in PATHS[name].values()]
    assert provoked(site)["more than /en/contact/ takes"] == ("/en/contact/", "POST", {"Content-Length": "170000"})
    assert not [what for what in provoked(quiet) if "contact" in what]


def test_a_site_without_forms_is_asked_for_none(quiet, key):
    files = build(quiet).signed(key)
    said = json.loads(files[MANIFEST])
    pages = {url: reply(files[path]) for url, path in paths_of(files[MANIFEST]).items()}
    assert not [url for url, one in pages.items() if "/contact/" in one.get("text", "")]
    visit = {"pages": pages, "forms": {}, "errors": {}, "hidden": {}}
    assert said["pages"] == ["/", "/en/", "/en/privacy/", "/privacy/"]
    assert judged.test_every_answer_protects_the_browser(HOST, quiet, visit)
    assert judged.test_nothing_is_betrayed(HOST, {**visit, "manifest": base64.b64encode(files[MANIFEST]).decode()})


OFFER = {
    "suites": {version: sorted(suites) for version, suites in judged.SUITES.items()},
    "groups": sorted(judged.GROUPS),
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"suites": {**OFFER["suites"], "TLS 1.0": ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"]}},
        {"suites": {**OFFER["suites"], "TLS 1.2": [*OFFER["suites"]["TLS 1.2"], "TLS_RSA_WITH_AES_128_CBC_SHA"]}},
        {"suites": {"TLS 1.2": OFFER["suites"]["TLS 1.2"]}},
        {"groups": ["x25519", "secp256r1"]},
        {"groups": [*OFFER["groups"], "ffdhe2048"]},
    ],
    ids=["old version", "old suite", "no TLS 1.3", "no hybrid", "old group"],
)
def test_any_other_handshake_is_found(wrong):
    assert judged.test_tls_is_modern_and_nothing_else(HOST, {"x at 198.18.64.11": OFFER})
    with pytest.raises(AssertionError):
        judged.test_tls_is_modern_and_nothing_else(HOST, {"x at 198.18.64.11": OFFER, "x at ::1": {**OFFER, **wrong}})
