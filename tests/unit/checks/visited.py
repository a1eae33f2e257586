"""What one visit to the public website finds where `apply` made it, and how a test changes it."""

import base64
import hashlib
import json

from azukari.provision.release import MANIFEST, SIGNATURE, build, shells
from azukari.verify.website import CHALLENGE, form_paths, letter_paths, paths_of

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


def reply(body, status=200, **headers):
    """Return an answer as it is kept."""
    found = {"status": status, "headers": {**RECORDED, **headers}, "sha256": hashlib.sha256(body).hexdigest()}
    return {**found, "text": body.decode()} if body.startswith(b"<!doctype") else found


def visit(site, key):
    """Return what is collected of a site whose release was signed by a key."""
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
        "challenges": {"198.18.64.11": {"status": 301, "headers": {"location": f"https://www.lab.test{CHALLENGE}"}}},
        "homes": {"198.18.64.11": reply(home), "2001:2:0:64::11": reply(home)},
        "burst": {"200": 63, "429": 137},
    }


def page(visit, url, old, new):
    """Change a page's text."""
    one = {**visit["pages"], **visit["forms"]}[url]
    assert old in one["text"]
    one["text"] = one["text"].replace(old, new)
    one["sha256"] = hashlib.sha256(one["text"].encode()).hexdigest()


def set_in(*path, value):
    """Have a test set one value of a visit."""

    def change(visit):
        *way, last = path
        for step in way:
            visit = visit[step]
        visit[last] = value

    return change
