"""The static release: made from the declared site, the same bytes each time, and any change is found."""

import base64
import json
import re
import shutil

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from azukari.content import content
from azukari.errors import InputError, SafeguardFails
from azukari.provision.ansible.action.azukari_release import arguments
from azukari.provision.release import (
    ERROR_CODES,
    MANIFEST,
    SIGNATURE,
    build,
    forms,
    policy_digest,
    shells,
    signing_key,
    verify,
)
from azukari.site import holders_dir, load
from reference_site.forms import form
from reference_site.pages import MAIN, TITLE, Pages, Shell
from reference_site.web import LARGEST, PATHS

DOMAIN_OF_RELEASE = b"azukari-release-v1\n"


@pytest.fixture
def site(tmp_path):
    shutil.copytree(content("inventory") / "lab", tmp_path / "lab")
    return load(tmp_path / "lab")


def public_line(key):
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


def test_the_same_site_gives_the_same_release(site):
    assert build(site).digest == build(site).digest


def test_pages_in_both_languages_and_every_error_page(site):
    release = build(site)
    said = json.loads(release.manifest)
    assert said["pages"] == ["/", "/en/", "/en/privacy/", "/privacy/"]
    assert set(said["errors"]) == {str(code) for code in ERROR_CODES}
    assert set(said["files"]) == set(release.files)
    assert b'lang="ja"' in release.files["/index.html"]
    assert b'lang="en"' in release.files["/en/index.html"]


def test_the_policy_page_says_what_the_policy_declares(site):
    files = build(site).files
    for lang, path in (("ja", "/privacy/index.html"), ("en", "/en/privacy/index.html")):
        text = files[path].decode()
        for collection in site.policy.collections:
            assert getattr(collection.title, lang) in text
            for item in collection.items:
                assert getattr(item.title, lang).replace("'", "&#39;") in text
        assert all(cookie.name in text for cookie in site.policy.cookies)
    assert "90 days" in files["/en/privacy/index.html"].decode()
    assert "until you unsubscribe" in files["/en/privacy/index.html"].decode()


def test_the_policy_page_says_what_each_item_is_for(site):
    files = build(site).files
    said = '<th scope="row">{}</th><td>{}</td><td>{}</td>'
    japanese, english = files["/privacy/index.html"].decode(), files["/en/privacy/index.html"].decode()
    assert said.format("ご意見", "必須", "今後の施策の参考") in japanese
    assert said.format("comments", "required", "reference in future policymaking") in english
    assert said.format("e-mail address", "required", "delivery of information about the website") in english
    assert said.format("e-mail address", "optional", "reply") in english


def test_a_changed_policy_changes_the_page_and_the_release(site):
    path = site.path / "group_vars" / "all" / "policy.yml"
    path.write_text(path.read_text().replace("{days: 90}", "{days: 91}"))
    changed = load(site.path)
    assert build(changed).digest != build(site).digest
    assert policy_digest(changed) != policy_digest(site)
    assert "91日" in build(changed).files["/privacy/index.html"].decode()
    settings = (content("roles") / "web/templates/etc/nginx/azukari/site.conf.j2").read_text("utf-8")
    assert f"client_max_body_size {LARGEST};" in settings
    assert f"client_body_buffer_size {LARGEST};" in settings


def test_every_page_leads_to_the_form_in_its_language(site):
    assert forms(site) == ("contact", "mail_service")
    titles = {
        "/contact/": ("Contact us", "お問い合わせ"),
        "/mail-service/": ("E-mail Information Service", "メールマガジン"),
    }
    for path, body in build(site).files.items():
        for form_path, (english, japanese) in titles.items() if path.endswith(".html") else ():
            own, title = (f"/en{form_path}", english) if path.startswith("/en/") else (form_path, japanese)
            assert f'<li><a href="{own}">{title}</a></li>' in body.decode(), path


def test_a_form_is_there_only_where_it_is_declared(site):
    path = site.path / "group_vars" / "all" / "policy.yml"
    said = yaml.safe_load(path.read_text())
    said["policy"]["collections"] = [one for one in said["policy"]["collections"] if one["name"] != "contact"]
    for purpose in ("reply", "policymaking"):
        del said["policy"]["purposes"][purpose]
    path.write_text(yaml.safe_dump(said, allow_unicode=True))
    changed = load(site.path)
    assert forms(changed) == ("mail_service",)
    assert not [path for path, body in build(changed).files.items() if b"/contact/" in body]


@pytest.mark.parametrize(("tongue", "title"), [("ja", "預かり試験サイト"), ("en", "azukari test site")])
def test_a_form_is_shown_in_the_releases_shell(site, tongue, title):
    declared = {one.name: one.model_dump(mode="json") for one in site.policy.collections}
    made = {lang: Shell(**shell) for lang, shell in shells(site).items()}
    contact = form(declared["contact"])
    shell = made[tongue].html
    assert shell.count(TITLE) == shell.count(MAIN) == 1
    assert f"<title>{TITLE} | {title}</title>" in shell
    assert 'content="noindex"' in shell
    assert "aria-current" not in shell
    page = Pages(made).form(tongue, contact, PATHS["contact"][tongue], "token")
    assert f"<title>{contact.title[tongue]} | {title}</title>" in page
    inside = page[page.index("<main") : page.index("</main>")]
    assert f'<form method="post" action="{PATHS["contact"][tongue]}"' in inside
    assert f'href="{made[tongue].privacy}"' in inside
    styles = build(site).files
    assert all(path in styles for path in re.findall(r'href="(/assets/[^"]*)"', page))


def test_nothing_foreign_and_nothing_inline(site):
    for path, body in build(site).files.items():
        if path.endswith(".html"):
            text = body.decode()
            assert not re.search(r"""<script|\sstyle=|<style|\son[a-z]+=|src=["']?(https?:)?//""", text), path
            links = re.findall(r'<a[^>]*href="(https?:[^"]*)"[^>]*>', text)
            marked = re.findall(r'<a class="external"[^>]*href="(https?:[^"]*)"', text)
            assert links == marked, path
            assert 'href="/privacy/"' in text or 'href="/en/privacy/"' in text, path


def test_text_of_the_site_is_escaped(site):
    path = site.path / "group_vars" / "all" / "site.yml"
    path.write_text(path.read_text().replace("azukari test site", "<b>bold</b> & co"))
    assert b"<b>bold" not in build(load(site.path)).files["/en/index.html"]


def test_a_signed_manifest_is_verified_and_any_change_is_found(site):
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    files = build(site).signed(key)
    said = verify(files[MANIFEST], files[SIGNATURE], public_line(key))
    assert said["site"] == site.name
    for manifest, signature, public in (
        (files[MANIFEST].replace(b'"schema": 1', b'"schema": 2'), files[SIGNATURE], public_line(key)),
        (files[MANIFEST], files[SIGNATURE], public_line(other)),
        (files[MANIFEST], b"AAAA", public_line(key)),
        (files[MANIFEST], b"not base64!", public_line(key)),
        # a signature that the same key made over the same bytes for another purpose
        (files[MANIFEST], base64.b64encode(key.sign(files[MANIFEST])), public_line(key)),
    ):
        with pytest.raises(SafeguardFails):
            verify(manifest, signature, public)


def test_a_key_that_is_none_is_said(site):
    files = build(site).signed(Ed25519PrivateKey.generate())
    with pytest.raises(InputError):
        verify(files[MANIFEST], files[SIGNATURE], b"no key at all")


def test_without_the_signing_key_nothing_is_released(site, tmp_path, monkeypatch):
    monkeypatch.setenv("AZUKARI_HOME", str(tmp_path / "home"))
    with pytest.raises(InputError, match="evidence key"):
        signing_key(site)
    key = holders_dir(site) / "contractor" / "evidence.pem"
    key.parent.mkdir(parents=True)
    key.write_text("nonsense")
    with pytest.raises(InputError, match="Ed25519"):
        signing_key(site)


def test_what_is_put_on_the_host_is_exactly_the_release():
    wanted = arguments("/srv/r", "abc", {"/index.html": b"x", "/en/privacy/index.html": b"y"})
    only = {rule["dir"]: rule["keep"] for rule in wanted["only"]}
    assert only == {
        "/srv/r": ["abc", "current"],
        "/srv/r/abc": ["en", "index.html"],
        "/srv/r/abc/en": ["privacy"],
        "/srv/r/abc/en/privacy": ["index.html"],
    }
    assert wanted["links"] == [{"path": "/srv/r/current", "to": "abc"}]
    assert [one["path"] for one in wanted["directories"]] == [
        "/srv", "/srv/r", "/srv/r/abc", "/srv/r/abc/en", "/srv/r/abc/en/privacy",
    ]  # fmt: skip
