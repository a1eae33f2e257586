"""Builds and signs the static release: every public page, made from the declared site, and a manifest of digests.

The same site gives the same bytes, so that the release's name (its manifest's digest) changes only when a page does.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from azukari.content import content
from azukari.errors import InputError, SafeguardFails
from azukari.site import Site, holders_dir
from azukari.site.models import Retention
from reference_site.answers import MAIL_SERVICE, PATHS
from reference_site.forms import Tongue

LANGUAGES: tuple[Tongue, ...] = ("ja", "en")
# The forms behind which everything stands, by the name of the policy's collection.
FORMS = ("contact", MAIL_SERVICE)
ERROR_CODES = (400, 403, 404, 405, 408, 413, 414, 421, 429, 500, 503)
MANIFEST = "/.well-known/azukari/release.json"
SIGNATURE = "/.well-known/azukari/release.sig"
# A signature over a release must never pass for one over something else that the same key signs.
_PURPOSE = b"azukari-release-v1\n"


@dataclass(frozen=True)
class Release:
    """A built release.

    Attributes:
        files: contents by path below the web root, the manifest and its signature not among them.
        manifest: the signed bytes.
    """

    files: dict[str, bytes]
    manifest: bytes

    @cached_property
    def digest(self) -> str:
        """The release's name: SHA-256 of the manifest, in hexadecimal."""
        return hashlib.sha256(self.manifest).hexdigest()

    def signed(self, key: Ed25519PrivateKey) -> dict[str, bytes]:
        """Return every file to be put below the web root, the manifest and its signature among them."""
        signature = base64.b64encode(key.sign(_PURPOSE + self.manifest)) + b"\n"
        return {**self.files, MANIFEST: self.manifest, SIGNATURE: signature}


def build(site: Site) -> Release:
    """Build the release of a site, unsigned.

    Raises:
        azukari.errors.OwnFault: this installation lacks the pages' templates.
    """
    pages = _pages(site)
    files = {**pages.assets, **pages.documents(), **pages.errors()}
    return Release(files, _manifest(site, files))


def forms(site: Site) -> tuple[str, ...]:
    """Return the names of the site's forms: those that its policy declares, where an application takes them.

    Who registers for the E-mail Information Service is sent a letter, so it needs hosts of the group mail.
    """
    declared = {collection.name for collection in site.policy.collections}
    standing = [name for name in FORMS if name != MAIL_SERVICE or site.group("mail")]
    return tuple(name for name in standing if name in declared) if site.group("app") else ()


def shells(site: Site) -> dict[str, dict[str, str]]:
    """Return what is around the forms' pages, by language, so that they look like the release's own.

    Each has `html`, a whole document with `%title%` and `%main%` where a page's own title and content go, and
    `privacy`, the path of the policy page: what `reference_site.pages.Shell` takes.

    Raises:
        azukari.errors.OwnFault: this installation lacks the pages' templates.
    """
    return _pages(site).shells()


def _pages(site: Site) -> "_Pages":
    folder = content("roles") / "web" / "files" / "release"
    return _Pages(site, folder, yaml.safe_load((folder / "text.yml").read_text(encoding="utf-8")))


def signing_key(site: Site) -> Ed25519PrivateKey:
    """Return the contractor's evidence key, which signs releases too.

    Raises:
        InputError: it is not on this machine, or is no Ed25519 key.
    """
    path = holders_dir(site) / "contractor" / "evidence.pem"
    if not path.is_file():
        raise InputError(f"The release cannot be signed: the contractor's evidence key {path} is not on this machine.")
    wrong = InputError(f"The release cannot be signed: {path} is not an unencrypted Ed25519 key in PEM.")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise wrong from error
    if not isinstance(key, Ed25519PrivateKey):
        raise wrong
    return key


def verify(manifest: bytes, signature: bytes, public_key: bytes) -> dict[str, Any]:
    """Return what a manifest says, once its signature is proven.

    Args:
        manifest: the bytes as served.
        signature: base64, as served.
        public_key: the contractor's evidence key: PEM, or one OpenSSH line.

    Raises:
        SafeguardFails: the signature is not this key's over these bytes.
        InputError: the public key is no Ed25519 key.
    """
    try:
        _public_key(public_key).verify(base64.b64decode(signature.strip(), validate=True), _PURPOSE + manifest)
    except (InvalidSignature, ValueError) as error:
        raise SafeguardFails("The release's manifest is not signed by the contractor's evidence key.") from error
    said: dict[str, Any] = json.loads(manifest)
    return said


def _public_key(text: bytes) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        key = load_ssh_public_key(text) if text.startswith(b"ssh-") else load_pem_public_key(text)
    except ValueError as error:
        raise InputError("The contractor's evidence key in the site's keys/evidence/ cannot be read.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError("The contractor's evidence key in the site's keys/evidence/ is not an Ed25519 key.")
    return key


def policy_digest(site: Site) -> str:
    """Return the SHA-256 of the declared policy, from which the policy page is made."""
    return hashlib.sha256(_canonical(site.policy.model_dump(mode="json"))).hexdigest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _manifest(site: Site, files: dict[str, bytes]) -> bytes:
    entries = {path: {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)} for path, body in files.items()}
    said = {
        "schema": 1,
        "site": site.name,
        "names": list(site.settings.names),
        "policy": policy_digest(site),
        "pages": sorted(path.removesuffix("index.html") for path in files if path.endswith("index.html")),
        "errors": {str(code): f"/error/{code}.html" for code in ERROR_CODES},
        "files": entries,
    }
    return json.dumps(said, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"


class _Pages:
    """Renders the public pages in each language."""

    def __init__(self, site: Site, folder: Path, words: dict[str, Any]) -> None:
        self._site = site
        self._words = words
        drawing = (folder / "favicon.svg").read_text(encoding="utf-8").strip()
        self._logo = Markup(drawing.replace("#1d4e89", "currentColor"))  # noqa: S704  a drawing of our own
        # Names with a digest: a browser may keep them for ever, and never shows an old style with a new page.
        self._stylesheet = _named("site", ".css", (folder / "site.css").read_bytes())
        self._favicon = _named("favicon", ".svg", (folder / "favicon.svg").read_bytes())
        self.assets = dict([self._stylesheet, self._favicon])
        self._templates = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        privacy = site.policy.url
        self._home = {"ja": "/", "en": "/en/"}
        self._privacy = {"ja": privacy.ja, "en": privacy.en}
        titles = {collection.name: collection.title for collection in site.policy.collections}
        self._forms = {
            lang: [
                {"name": name, "path": PATHS[name][lang], "title": getattr(titles[name], lang)} for name in forms(site)
            ]
            for lang in LANGUAGES
        }

    def documents(self) -> dict[str, bytes]:
        """Return the homepage and the policy page in both languages."""
        made = {}
        for lang in LANGUAGES:
            title = getattr(self._site.settings.title, lang)
            privacy = self._words[lang]["privacy"]
            for template, urls, name in (
                ("home.html.j2", self._home, title),
                ("privacy.html.j2", self._privacy, privacy),
            ):
                page = {"title": name, "description": f"{title}: {name}" if name != title else title}
                made[urls[lang] + "index.html"] = self._render(template, lang, urls, page)
        return made

    def shells(self) -> dict[str, dict[str, str]]:
        """Return what is around the forms' pages; where the same form stands in each language is put in there."""
        page = {"title": "%title%", "here": "", "robots": "noindex"}
        alternates: dict[str, str] = {lang: f"%alternate-{lang}%" for lang in LANGUAGES}
        return {
            lang: {
                "html": self._render("shell.html.j2", lang, alternates, page).decode(),
                "privacy": self._privacy[lang],
            }
            for lang in LANGUAGES
        }

    def errors(self) -> dict[str, bytes]:
        """Return one page for each error, in both languages at once: the server cannot know which was wanted."""
        made = {}
        for code in ERROR_CODES:
            (title, text), (title_en, text_en) = (self._words["errors"][str(code)][lang] for lang in LANGUAGES)
            english = self._words["en"]
            page = {
                "code": code, "title": title, "title_en": title_en, "text": {"ja": text, "en": text_en},
                "home_en": self._home["en"], "back_en": english["back"],
                "privacy_en": self._privacy["en"], "privacy_title_en": english["privacy"], "robots": "noindex",
            }  # fmt: skip
            made[f"/error/{code}.html"] = self._render("error.html.j2", "ja", {}, page)
        return made

    def _render(self, template: str, lang: Tongue, urls: dict[str, str], page: dict[str, Any]) -> bytes:
        settings, contract = self._site.settings, self._site.contract
        words = self._words[lang]
        text = self._templates.get_template(template).render(
            {
                "lang": lang, "t": words, "site_title": getattr(settings.title, lang), "here": urls.get(lang, ""),
                "home": self._home[lang], "privacy": self._privacy[lang], "alternates": urls, "logo": self._logo,
                "stylesheet": self._stylesheet[0], "favicon": self._favicon[0], "robots": "", "description": "",
                "office": getattr(contract.office.name, lang), "contractor": contract.contractor.name,
                "contact": settings.contact, "forms": self._forms[lang],
                "policy": self._site.policy.model_dump(mode="json"),
                "days": lambda number: _days(words, number),
                "retention": lambda kept: _retention(words, Retention.model_validate(kept)),
                **page,
            }
        )  # fmt: skip
        return text.encode()


def _named(stem: str, suffix: str, body: bytes) -> tuple[str, bytes]:
    return f"/assets/{stem}-{hashlib.sha256(body).hexdigest()[:16]}{suffix}", body


def _days(words: dict[str, Any], number: int) -> str:
    if number == 1 and "one_day" in words:
        return str(words["one_day"])
    return str(words["days"]).replace("{n}", str(number))


def _retention(words: dict[str, Any], retention: Retention) -> str:
    return str(words["unsubscribed"]) if retention.days is None else _days(words, retention.days)
