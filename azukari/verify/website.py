"""One visit to the public website from outside: every page, every error, what is hidden, other names, a crowd.

It collects and judges nothing; the checks of the role `web` judge.
"""

import base64
import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azukari.errors import NotJudged, Unreachable
from azukari.provision.release import MANIFEST, SIGNATURE
from azukari.site import Site
from azukari.site.models import Collection
from azukari.ssh.http import Reply, exchange, request
from azukari.ssh.tls import Place, trusting, trusting_anybody
from azukari.ssh.trust import visitors_trust
from azukari.ssh.vantage import dial
from azukari.verify import browser
from azukari.verify.authoring import collector, not_evaluated
from azukari.verify.host import CheckHost, RunContext


def places(host: CheckHost, site: Site, run: RunContext, port: int) -> list[Place]:
    """Return where the site is met: each declared name at each address of the host."""
    declared = site.hosts[host.name]
    addresses = [str(a) for a in (declared.address, declared.address6) if a]
    return [Place(a, port, name, namespace=run.outside.namespace) for a in addresses for name in site.settings.names]


# What people leave behind on web servers, and what servers tell about themselves.
BETRAYING = (
    "/.git/HEAD", "/.git/config", "/.env", "/.htpasswd", "/.svn/entries", "/.DS_Store", "/index.html~",
    "/index.html.bak", "/index.html.old", "/.index.html.swp", "/backup.zip", "/release.tar.gz", "/dump.sql",
    "/nginx_status", "/stub_status",
    "/server-status", "/status", "/phpinfo.php", "/assets/", "/error/", "/error/404.html", "/.well-known/",
    "/..%2f..%2fetc/passwd", "/assets../nginx.conf",
)  # fmt: skip
NOWHERE = "/no-such-page"
CHALLENGE = "/.well-known/acme-challenge/azukari"  # where a certificate authority looks (RFC 8555 section 8.3)
# One request for each error that a visitor can provoke.
PROVOKED: dict[str, tuple[str, str, dict[str, str]]] = {
    "a page that is not there": (NOWHERE, "GET", {}),
    "a form sent where there is none": ("/", "POST", {"Content-Length": "0"}),
    "a method nobody knows": ("/", "AZUKARI", {}),
    "an address that is too long": ("/" + "a" * 20_000, "GET", {}),
    "a body that is too large": ("/", "GET", {"Content-Length": "10000000"}),
    "headers that are too large": ("/", "GET", {f"X-{n}": "a" * 7_000 for n in range(6)}),
    "a broken address": ("/%00", "GET", {}),
}
# The forms that a site with an application has, where its policy declares what they collect, and what to provoke there.
FORM_PATHS = {"contact": ("/contact/", "/en/contact/"), "mail_service": ("/mail-service/", "/en/mail-service/")}
NOBODYS = "A" * 43  # has the form of a letter's secret, and was sent to nobody
# Who registers here is sent a letter; below its pages stand those that letters lead to, which ask nothing but a click.
BY_LETTERS, OF_LETTERS = "mail_service", ("confirm/", "unsubscribe/")
# A form's own hidden field: it proves that an answer was sent from the page, and is not kept.
TOKEN = "token"  # noqa: S105  a field's name
PROVOKED_AT_FORMS: dict[str, tuple[str, str, dict[str, str]]] = {
    "a form sent to the page after {}": ("received/", "POST", {"Content-Length": "0"}),
    "more than {} takes": ("", "POST", {"Content-Length": "170000"}),
}
FOREIGN = "undeclared.example"
COMES_BACK = "/ asked for with every declared cookie"
BURST = (5, 40)  # connections, requests on each, sent in one breath


def form_paths(site: Site, *names: str) -> list[str]:
    """Return where the forms' pages must stand, in every language; those of these collections, or of all."""
    declared = {collection.name for collection in site.policy.collections if not names or collection.name in names}
    declared -= set() if site.group("mail") else {BY_LETTERS}
    found = [path for name, paths in FORM_PATHS.items() if name in declared for path in paths]
    return found if site.group("app") else []


def form_pages(site: Site) -> list[str]:
    """Return the forms' pages, those that are shown after them, and those that letters lead to."""
    return [form + path for form in form_paths(site) for path in ("", "received/")] + letter_paths(site)


def letter_paths(site: Site) -> list[str]:
    """Return where the pages stand that letters lead to, in every language."""
    return [path + end for path in form_paths(site, BY_LETTERS) for end in OF_LETTERS]


def home_pages(site: Site) -> list[str]:
    """Return the pages that every site has, whatever its manifest says."""
    return ["/", "/en/", site.policy.url.ja, site.policy.url.en]


def visited(visit: dict[str, Any]) -> dict[str, Any]:
    """Return a visit, as collected, or end the check as not evaluated."""
    if "error" in visit:
        not_evaluated(visit["error"])
    return visit


def declared_forms(site: Site) -> dict[str, Collection]:
    """Return {path: collection} of every form that the site must have."""
    declared = {collection.name: collection for collection in site.policy.collections}
    standing = form_paths(site)
    return {path: declared[name] for name, paths in FORM_PATHS.items() for path in paths if path in standing}


def provoked(site: Site) -> dict[str, tuple[str, str, dict[str, str]]]:
    """Return {what: (path, method, headers)} of a request for each error that a visitor can provoke."""
    return PROVOKED | {
        what.format(form): (form + path, method, headers)
        for form in form_paths(site)
        for what, (path, method, headers) in PROVOKED_AT_FORMS.items()
    }


def kept(reply: Reply, *, text: bool = False) -> dict[str, Any]:
    """Return a reply as the evidence keeps it: its body as a digest, and as text where a judge reads it."""
    found = {"status": reply.status, "headers": dict(reply.headers), "sha256": hashlib.sha256(reply.body).hexdigest()}
    return {**found, "text": reply.body.decode("utf-8", "replace")} if text else found


def readable(reply: Reply) -> bool:
    """Tell whether a judge reads an answer's text: pages, stylesheets, and pictures that are written in words."""
    return any(kind in reply.headers.get("content-type", "") for kind in ("html", "css", "svg"))


def set_cookies(visit: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (what answered, the header's line) of every cookie that an answer sets."""
    answers = {**visit["pages"], **visit["forms"], **visit["errors"], **visit["hidden"]}
    answers |= {COMES_BACK: visit["returning"]} if "returning" in visit else {}  # evidence of before has none
    for name in ("homes", "redirects"):
        answers |= {f"{name} at {address}": reply for address, reply in visit[name].items()}
    return [
        (what, line)
        for what, reply in answers.items()
        for line in reply["headers"].get("set-cookie", "").split("\n")
        if line
    ]


def shakes_hands(place: Place) -> bool:
    """Tell whether a server begins TLS for the place's name, whatever certificate it shows."""
    with dial(place.address, place.port, place.timeout, place.namespace) as connection:
        try:
            trusting_anybody().wrap_socket(connection, server_hostname=place.server_name or None).close()
        except OSError:
            return False
    return True


def burst(place: Place, ca: str) -> dict[str, int]:
    """Return {status: how many} of many requests sent at once."""
    connections, each = BURST
    ask = request(place.server_name, "/", method="HEAD").replace(b"Connection: close", b"Connection: keep-alive")
    sent = ask * (each - 1) + request(place.server_name, "/", method="HEAD")

    def one(_number: int) -> list[bytes]:
        with (
            dial(place.address, place.port, 10, place.namespace) as connection,
            trusting(ca).wrap_socket(connection, server_hostname=place.server_name) as tls,
        ):
            tls.sendall(sent)
            said = b""
            while more := tls.recv(65536):
                said += more
            return re.findall(rb"^HTTP/1\.1 (\d+)", said, re.MULTILINE)

    with ThreadPoolExecutor(max_workers=connections) as pool:
        statuses = [int(status) for found in pool.map(one, range(connections)) for status in found]
    return {str(status): statuses.count(status) for status in sorted(set(statuses))}


@collector(proof="attempt")
def browsed(host: CheckHost, site: Site, run: RunContext) -> dict[str, Any]:
    """Every page and form opened in a browser: what each made it ask for, and the cookies that were left."""
    # The last address, as the crowd of a visit: one visitor's allowance is spent there, and another's left whole.
    place = places(host, site, run, 443)[-1]
    try:
        ca = visitors_trust(site)
        manifest = exchange(place, request(place.server_name, MANIFEST), ca_pem=ca).body
        pages = [url for url, file in paths_of(manifest).items() if file.endswith("/index.html")]
        wanted = dict.fromkeys([*home_pages(site), *pages, *form_pages(site), NOWHERE])
        return browser.opened(place, list(wanted), names=site.settings.names, ca_pem=ca)
    except (NotJudged, OSError) as error:
        return {"error": f"the website cannot be opened in a browser: {error}"}


def digests_of(said: dict[str, Any]) -> dict[str, str]:
    """Return {path: SHA-256} of what a release's manifest says."""
    return {path: one["sha256"] for path, one in said.get("files", {}).items()}


def paths_of(manifest: bytes) -> dict[str, str]:
    """Return {path to ask for: path in the manifest} of every file but the error pages, which errors bring."""
    try:
        said = json.loads(manifest)
        files = [path for path in said["files"] if path not in said["errors"].values()]
    except (ValueError, KeyError, AttributeError):
        return {}
    return {path.removesuffix("index.html") if path.endswith("/index.html") else path: path for path in files}


@collector(proof="attempt")
def visit(host: CheckHost, site: Site, run: RunContext) -> dict[str, Any]:
    """Every page, file and form, errors, forgotten files and foreign names, as answered from outside."""
    try:
        ca = visitors_trust(site)
    except NotJudged as error:
        return {"error": f"the website cannot be visited: {error}"}
    https, http = places(host, site, run, 443), places(host, site, run, 80)
    here, plain = https[0], http[0]
    name = here.server_name

    def get(path: str, **more: Any) -> Reply:
        return exchange(here, request(name, path, **more), ca_pem=ca)

    try:
        manifest, signature = get(MANIFEST), get(SIGNATURE)
        urls = list(paths_of(manifest.body)) or home_pages(site)
        with ThreadPoolExecutor(max_workers=4) as pool:
            pages = dict(zip(urls, pool.map(get, urls), strict=True))
            hidden = dict(zip(BETRAYING, pool.map(get, BETRAYING), strict=True))
            written, by_letter = form_pages(site), letter_paths(site)
            asked = [f"{path}?letter={NOBODYS}" if path in by_letter else path for path in written]
            forms = dict(zip(written, pool.map(get, asked), strict=True))
        own = "; ".join(f"{cookie.name}=1" for cookie in site.policy.cookies)
        returning = get("/", headers={"Cookie": own} if own else {})
        errors = {what: get(p, method=method, headers=more) for what, (p, method, more) in provoked(site).items()}
        strange, nameless = (Place(here.address, 443, one, namespace=here.namespace) for one in (FOREIGN, ""))
        other = {
            f"https://{FOREIGN}/ asked for in TLS": shakes_hands(strange),
            "https:// without a name": shakes_hands(nameless),
            f"Host: {FOREIGN} over https": exchange(here, request(FOREIGN, "/"), ca_pem=ca).status,
            f"Host: {FOREIGN} over http": exchange(plain, request(FOREIGN, "/")).status,
            f"Host: {here.address} over http": exchange(plain, request(here.address, "/")).status,
        }
        redirects = {p.address: kept(exchange(p, request(p.server_name, "/x?y=z"))) for p in http}
        challenges = {p.address: kept(exchange(p, request(p.server_name, CHALLENGE))) for p in http}
        homes = {p.address: kept(exchange(p, request(p.server_name, "/"), ca_pem=ca)) for p in https}
        crowd = burst(https[-1], ca)  # last, and over IPv6 where there is: it uses up this visitor's allowance
    except (Unreachable, OSError) as error:
        return {"error": f"the website cannot be visited: {error}"}
    return {
        "manifest": base64.b64encode(manifest.body).decode(), "signature": base64.b64encode(signature.body).decode(),
        "pages": {u: kept(reply, text=readable(reply)) for u, reply in pages.items()},
        "forms": {path: kept(reply, text=True) for path, reply in forms.items()},
        "errors": {what: kept(reply, text=True) for what, reply in errors.items()},
        "hidden": {p: kept(reply) for p, reply in hidden.items()},
        "other": other, "redirects": redirects, "challenges": challenges, "homes": homes, "returning": kept(returning),
        "burst": crowd,
    }  # fmt: skip
