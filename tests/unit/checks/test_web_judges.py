"""The judges of the public website, with the answers of a lab's web server to one visit."""

import base64
import copy
import hashlib
import json
import re
import shutil
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from azukari.provision.release import MANIFEST, SIGNATURE, build, forms, shells
from azukari.site import load
from azukari.verify.authoring import NotEvaluated
from azukari.verify.pages import Page
from azukari.verify.website import form_paths, letter_paths, paths_of, provoked
from checks import test_web as judged
from reference_site.answers import PATHS

HOST = SimpleNamespace(name="web")
# As Debian's nginx of the lab answered on 2026-11-25.
RECORDED = {
    "date": "Wed, 25 Nov 2026 14:22:49 GMT",
    "content-type": "text/html; charset=utf-8",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-cache",
}


@pytest.fixture(scope="module")
def key():
    return Ed25519PrivateKey.generate()


@pytest.fixture(scope="module")
def site(lab_site, key):
    path = lab_site.path / lab_site.contract.contractor.evidence_key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" contractor\n")
    return lab_site


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


def reply(body, status=200, **headers):
    found = {"status": status, "headers": {**RECORDED, **headers}, "sha256": hashlib.sha256(body).hexdigest()}
    return {**found, "text": body.decode()} if body.startswith(b"<!doctype") else found


@pytest.fixture
def visit(site, key):
    files = build(site).signed(key)
    said = json.loads(files[MANIFEST])
    error = {int(code): files[path] for code, path in said["errors"].items()}
    statuses = {
        "a page that is not there": 404, "a form sent where there is none": 405, "an address that is too long": 414,
        "a body that is too large": 413, "headers that are too large": 400,
    }  # fmt: skip
    statuses |= {f"more than {path} takes": 413 for path in form_paths(site)}
    statuses |= {f"a form sent to the page after {path}": 405 for path in form_paths(site)}
    shown = {lang: shell["html"].encode() for lang, shell in shells(site).items()}
    home = files["/index.html"]
    redirect = {"status": 301, "headers": {"location": "https://www.lab.test/x?y=z"}, "sha256": ""}
    return {
        "manifest": base64.b64encode(files[MANIFEST]).decode(),
        "signature": base64.b64encode(files[SIGNATURE]).decode(),
        "pages": {url: reply(files[path]) for url, path in paths_of(files[MANIFEST]).items()},
        "errors": {what: reply(error[status], status) for what, status in statuses.items()},
        "forms": {
            path + more: reply(shown["en" if path.startswith("/en/") else "ja"])
            for path in form_paths(site)
            for more in ("", "received/")
        }
        | {path: reply(shown["en" if path.startswith("/en/") else "ja"]) for path in letter_paths(site)},
        "hidden": {path: reply(error[404], 404) for path in ("/.git/HEAD", "/assets/")},
        "other": {"https://undeclared.example/ asked for in TLS": False, "Host: undeclared.example over https": 0},
        "redirects": {"198.18.64.11": redirect, "2001:2:0:64::11": redirect},
        "homes": {"198.18.64.11": reply(home), "2001:2:0:64::11": reply(home)},
        "burst": {"200": 63, "429": 137},
    }


def settings(site, **more):
    return {"limits": judged.promised_limits(site), "newer": [], **more}


JUDGES = {
    "LEAK-03": lambda site, visit: judged.test_plain_http_only_redirects(HOST, site, visit),
    "LEAK-06": lambda site, visit: judged.test_every_answer_protects_the_browser(HOST, site, visit),
    "LEAK-07": lambda _site, visit: judged.test_nothing_is_betrayed(HOST, visit),
    "LEAK-09": lambda site, visit: judged.test_floods_are_bounded(HOST, site, visit, settings(site)),
    "DEST-07": lambda site, visit: judged.test_every_page_is_of_the_signed_release(HOST, site, visit),
    "USE-09": lambda site, visit: judged.test_the_policy_page_is_the_declared_policy(HOST, site, visit),
    "USE-11": lambda site, visit: judged.test_only_declared_names_are_served(HOST, site, visit),
}


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
def test_a_website_as_apply_made_it_holds(site, visit, judge):
    assert judge(site, visit)


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
def test_a_website_that_cannot_be_visited_is_not_judged(site, judge):
    with pytest.raises(NotEvaluated, match="no way"):
        judge(site, {"error": "no way there"})


def page(visit, url, old, new):
    one = {**visit["pages"], **visit["forms"]}[url]
    assert old in one["text"]
    one["text"] = one["text"].replace(old, new)
    one["sha256"] = hashlib.sha256(one["text"].encode()).hexdigest()


def lose(name):
    return lambda visit: visit["errors"]["a page that is not there"]["headers"].pop(name)


def set_in(*path, value):
    def change(visit):
        *way, last = path
        for step in way:
            visit = visit[step]
        visit[last] = value

    return change


SHOP = '<a href="https://shop.example/">Souvenirs</a>'
WRONG = {
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
    "DEST-07 a form is taken where none is": set_in(
        "errors", "a form sent to the page after /contact/", value=reply(b"<!doctype html>thanks", 405)
    ),
    "DEST-07 page altered": lambda v: page(v, "/", "+81 3", "+81 9"),
    "DEST-07 page gone": lambda v: v["pages"].pop("/en/"),
    "DEST-07 error page altered": set_in("errors", "a page that is not there", "sha256", value="0" * 64),
    "DEST-07 altered over IPv6": set_in("homes", "2001:2:0:64::11", "sha256", value="0" * 64),
    "DEST-07 signature of nobody": set_in("signature", value=base64.b64encode(b"AAAA").decode()),
    "DEST-07 no manifest": set_in("manifest", value=""),
    "USE-09 another time": lambda v: page(v, "/privacy/", "90日", "9000日"),
    "USE-09 required made optional": lambda v: page(v, "/en/privacy/", "<td>required</td>", "<td>optional</td>"),
    "USE-09 an item less": lambda v: page(v, "/en/privacy/", '<th scope="row">gender</th>', '<th scope="row">sex</th>'),
    "USE-09 a purpose more": lambda v: page(v, "/privacy/", "<td>返信</td>", "<td>返信、広告</td>"),
    "USE-09 a purpose less": lambda v: page(v, "/en/privacy/", "in future policymaking</td>", "</td>"),
    "USE-09 no purpose": lambda v: page(v, "/privacy/", "<td>ウェブサイト情報の配信</td>", "<td></td>"),
    "USE-09 a column of something else": lambda v: page(
        v, "/en/privacy/", '<th scope="col">Purposes of use</th>', '<th scope="col">Remarks</th>'
    ),
    "USE-09 a collection more": lambda v: page(
        v, "/privacy/", '<h3 id="cookies">', '<h3 id="collection-x">x</h3><h3 id="cookies">'
    ),
    "USE-09 a cookie more": lambda v: page(v, "/privacy/", '<th scope="row">visit</th>', '<th scope="row">track</th>'),
    "USE-09 no link": lambda v: page(v, "/", 'href="/privacy/"', 'href="/"'),
    "USE-09 a form without the link": lambda v: page(v, "/en/contact/", 'href="/en/privacy/"', 'href="/en/"'),
    "USE-09 language": lambda v: page(v, "/en/privacy/", '<html lang="en">', '<html lang="ja">'),
    "USE-11 another name": set_in("other", "Host: undeclared.example over https", value=200),
    "USE-11 a handshake": set_in("other", "https://undeclared.example/ asked for in TLS", value=True),
    "USE-11 an unmarked link": lambda v: page(v, "/en/", "</footer>", SHOP + "</footer>"),
    "USE-11 an unmarked link in a form": lambda v: page(v, "/contact/received/", "%main%", SHOP),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_turns_its_own_check_red(site, visit, wrong):
    changed = copy.deepcopy(visit)
    WRONG[wrong](changed)
    with pytest.raises(AssertionError):
        JUDGES[wrong.split()[0]](site, changed)


REPLY = '<th scope="row">e-mail address</th><td>optional</td><td>reply</td>'
MOVED = REPLY.replace("reply", "delivery of information about the website")


def test_a_purpose_of_another_item_is_found_and_named(site, visit):
    page(visit, "/en/privacy/", REPLY, MOVED)
    with pytest.raises(AssertionError) as found:
        JUDGES["USE-09"](site, visit)
    assert str(found.value).split(". Where")[0].split("; ") == [
        "/en/privacy/: the purpose “delivery of information about the website” of “e-mail address” in contact is on "
        "the page, but not declared",
        "/en/privacy/: the purpose “reply” of “e-mail address” in contact is declared, but not on the page",
    ]


def test_an_item_that_is_not_there_is_told_once(site, visit):
    page(visit, "/en/privacy/", REPLY, "")
    with pytest.raises(AssertionError) as found:
        JUDGES["USE-09"](site, visit)
    assert "the items of contact are" in str(found.value)
    assert "the purpose" not in str(found.value)


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


def test_a_release_of_another_policy_is_found(site, visit, key, tmp_path):
    said = json.loads(base64.b64decode(visit["manifest"]))
    for change in ({"policy": "0" * 64}, {"site": "other"}, {"names": ["x.test"]}):
        manifest = json.dumps({**said, **change}).encode()
        signature = base64.b64encode(key.sign(b"azukari-release-v1\n" + manifest))
        other = {"manifest": base64.b64encode(manifest).decode(), "signature": base64.b64encode(signature).decode()}
        with pytest.raises(AssertionError, match="release"):
            judged.test_every_page_is_of_the_signed_release(HOST, site, {**visit, **other})


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


def tree(visit, **more):
    manifest = base64.b64decode(visit["manifest"])
    digest = hashlib.sha256(manifest).hexdigest()
    root = f"{judged.RELEASES}/{digest}"
    files = {path: one["sha256"] for path, one in json.loads(manifest)["files"].items()}
    digests = {root + path: value for path, value in {**files, MANIFEST: "m", SIGNATURE: "s"}.items()}
    found = {
        "paths": [["d", "755", "0", "0", root], ["l", "777", "0", "0", f"{judged.RELEASES}/current"]]
        + [["f", "644", "0", "0", path] for path in digests],
        "digests": digests,
        "current": digest,
        "unit": {"User": "www-data", "ProtectSystem": "strict", "ReadWritePaths": "/var/lib/nginx"},
    }
    return {**found, **more}


def test_a_tree_that_only_root_can_write_holds(site, visit):
    assert judged.test_only_root_can_change_the_release(HOST, site, visit, tree(visit))


def test_a_tree_that_others_can_change_is_found(site, visit):
    there = tree(visit)
    extra = {**there["digests"], f"{judged.RELEASES}/{there['current']}/.git/HEAD": "x"}
    beside = {**there["digests"], f"{judged.RELEASES}/old/index.html": "x"}
    open_file, open_folder = ["f", "666", "0", "0", "/x"], ["d", "775", "0", "0", "/y"]
    for wrong in (
        {"current": "0" * 64},
        {"digests": extra},
        {"digests": beside},
        {"digests": {}},
        {"paths": [*there["paths"], open_file]},
        {"paths": [*there["paths"], open_folder]},
        {"paths": [*there["paths"], ["f", "644", "33", "0", "/z"]]},
        {"unit": {**there["unit"], "ReadWritePaths": "/var/lib/nginx /srv"}},
        {"unit": {**there["unit"], "User": ""}},
    ):
        with pytest.raises(AssertionError):
            judged.test_only_root_can_change_the_release(HOST, site, visit, tree(visit, **wrong))


def test_a_page_is_read_as_a_visitor_reads_it():
    read = Page(
        '<html lang="ja"><h2 id="a">A</h2><table><tr><th>x</th><td>1 &amp;\n 2</td></tr></table>'
        '<dl><dt>t</dt><dd>d <a href="/y" rel="external">go <b>there</b></a></dd></dl><h2>B</h2><p><a>no</a></p></html>'
    )
    assert read.lang == "ja"
    assert read.sections["a"].rows == [("x", "1 & 2")]
    assert read.sections["a"].terms == {"t": "d go there"}
    assert [(link.href, link.text) for link in read.links] == [("/y", "go there"), ("", "no")]


def test_a_limit_that_is_gone_is_no_altered_page(site, visit):
    visit["errors"]["a body that is too large"] = visit["pages"]["/"]
    JUDGES["DEST-07"](site, visit)
    with pytest.raises(AssertionError, match="too large"):
        JUDGES["LEAK-09"](site, visit)
    visit["errors"]["a body that is too large"] = reply(b"<!doctype html>of nobody", 502)
    with pytest.raises(AssertionError, match="502"):
        JUDGES["DEST-07"](site, visit)
