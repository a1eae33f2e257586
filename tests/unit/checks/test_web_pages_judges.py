"""The judges of what the public website says, with the answers of a lab's web server to one visit."""

import base64
import copy
import hashlib
import json
from types import SimpleNamespace

import pytest

from azukari.provision.release import MANIFEST, SIGNATURE
from azukari.verify.authoring import NotEvaluated
from azukari.verify.pages import Page
from checks import test_web_pages as judged
from tests.unit.checks import visited
from tests.unit.checks.visited import page, reply, set_in

HOST = SimpleNamespace(name="web")


@pytest.fixture
def visit(site, key):
    return visited.visit(site, key)


JUDGES = {
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


SHOP = '<a href="https://shop.example/">Souvenirs</a>'
WRONG = {
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
    "USE-09 an access said to be asked": lambda v: page(v, "/en/privacy/", "<td>by itself</td>", "<td>required</td>"),
    "USE-09 a header less that is dropped": lambda v: page(v, "/privacy/", "X-DCMGUID, ", ""),
    "USE-09 nothing said of what is dropped": lambda v: page(v, "/en/privacy/", '<h3 id="dropped">', "<h3>"),
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


def test_a_release_of_another_policy_is_found(site, visit, key, tmp_path):
    said = json.loads(base64.b64decode(visit["manifest"]))
    for change in ({"policy": "0" * 64}, {"site": "other"}, {"names": ["x.test"]}):
        manifest = json.dumps({**said, **change}).encode()
        signature = base64.b64encode(key.sign(b"azukari-release-v1\n" + manifest))
        other = {"manifest": base64.b64encode(manifest).decode(), "signature": base64.b64encode(signature).decode()}
        with pytest.raises(AssertionError, match="release"):
            judged.test_every_page_is_of_the_signed_release(HOST, site, {**visit, **other})


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
    JUDGES["DEST-07"](site, visit)  # that it was not refused is LEAK-09's
    visit["errors"]["a body that is too large"] = reply(b"<!doctype html>of nobody", 502)
    with pytest.raises(AssertionError, match="502"):
        JUDGES["DEST-07"](site, visit)
