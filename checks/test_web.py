"""LEAK-03, 06, 07, 09, DEST-07, USE-09, USE-11: the public website, as a visitor or an intruder outside meets it.

What is promised stands here a second time: suites, headers, limits. Only the policy's words come from the site.
"""

import base64
import hashlib
import json
import re
from urllib.parse import urlsplit

from azukari.errors import InputError, SafeguardFails, Unreachable
from azukari.provision.release import MANIFEST, SIGNATURE, policy_digest, verify
from azukari.ssh.tls import probe
from azukari.verify import check, collector, fail_unless_equal, not_evaluated
from azukari.verify.pages import Page
from azukari.verify.website import BETRAYING, BURST, form_paths, letter_paths, places, visit, visited

# --- LEAK-03 ----------------------------------------------------------------------------------------------------------

# CRYPTREC LS-0003: AES-GCM with forward secrecy; the keys are ECDSA, so that no RSA suite can be chosen.
SUITES = {
    "TLS 1.2": {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
    "TLS 1.3": {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"},
}
GROUPS = {"X25519MLKEM768", "x25519", "secp256r1"}


@collector(proof="attempt")
def handshakes(host, site, run):
    """Every TLS version, suite and group that the web server agrees to, for each name at each address."""
    found = {}
    for place in places(host, site, run, 443):
        try:
            offer = probe(place)
        except Unreachable as error:
            return {"error": error.message}
        spoken = {version: sorted(suites) for version, suites in offer.suites.items()}
        found[f"{place.server_name} at {place.address}"] = {"suites": spoken, "groups": sorted(offer.groups)}
    return found


@check("LEAK-03", proof="attempt", hosts="web", collect=[handshakes])
def test_tls_is_modern_and_nothing_else(host, handshakes):
    """From outside, TLS 1.2 and 1.3 with CRYPTREC's suites and X25519MLKEM768 can be had, and nothing else."""
    if "error" in handshakes:
        not_evaluated(handshakes["error"])
    promised = {version: frozenset(suites) for version, suites in SUITES.items()}
    for place, offer in handshakes.items():
        where = f"ssl_protocols, ssl_ciphers and ssl_ecdh_curve in /etc/nginx on {host.name}; met as {place}"
        found = {version: frozenset(suites) for version, suites in offer["suites"].items()}
        fail_unless_equal(found=found, promised=promised, where=where, what="TLS suites")
        fail_unless_equal(found=set(offer["groups"]), promised=GROUPS, where=where, what="groups of TLS 1.3")
    return "TLS 1.2 and 1.3, AES-GCM with forward secrecy, X25519MLKEM768"


# --- what one visit found ---------------------------------------------------------------------------------------------


def answers_of(visit):
    """Return {path or what: reply} of all that was asked for."""
    return {**visit["pages"], **visit["forms"], **visit["errors"], **visit["hidden"]}


@check("LEAK-03", proof="attempt", hosts="web", collect=[visit])
def test_plain_http_only_redirects(host, site, visit):
    """Plain HTTP only redirects to the same page over HTTPS, and HTTPS tells browsers never to come back to it."""
    for address, reply in visited(visit)["redirects"].items():
        found = (reply["status"], reply["headers"].get("location"))
        promised = (301, f"https://{site.settings.names[-1]}/x?y=z")
        fail_unless_equal(found=found, promised=promised, where=f"http://{address}/x?y=z", what="answer to plain HTTP")
    for address, reply in visit["homes"].items():
        promised = HEADERS["strict-transport-security"]
        found = reply["headers"].get("strict-transport-security")
        fail_unless_equal(found=found, promised=promised, where=f"https:// at {address}", what="HSTS")
    return "redirected, and HSTS for two years"


# --- LEAK-06 ----------------------------------------------------------------------------------------------------------

HEADERS = {
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
}


@check("LEAK-06", proof="attempt", hosts="web", collect=[visit])
def test_every_answer_protects_the_browser(host, site, visit):
    """Every page, form, file and error page carries exactly the promised headers."""
    answers = answers_of(visited(visit))
    gone = [path for path in form_paths(site) if visit["forms"].get(path, {}).get("status") != 200]
    gone += [path for path, reply in visit["forms"].items() if reply["status"] != 200 and path not in gone]
    assert not gone, (
        f"{', '.join(gone)} is not shown. Where to look: proxy_pass in /etc/nginx/azukari on {host.name}, and the "
        "application behind it."
    )
    for what, reply in answers.items():
        assert reply["status"], f"{what} was not answered at all. Where to look: nginx on {host.name}."
        found = {name: reply["headers"].get(name) for name in HEADERS}
        fail_unless_equal(found=found, promised=HEADERS, where=f"add_header in /etc/nginx on {host.name}", what=what)
    return f"{len(answers)} answers, each with {len(HEADERS)} headers"


# --- LEAK-07 ----------------------------------------------------------------------------------------------------------

TELLING = ("server", "x-powered-by", "via", "x-aspnet-version", "x-generator", "etag")


def betrayals(visit, errors, digests):
    """Return a sentence for each answer that tells what it should not.

    Args:
        visit: as collected.
        errors: {status: path of the error page} of the release.
        digests: {path: SHA-256} of the release.
    """
    findings = []
    for path, reply in visit["hidden"].items():
        if reply["status"] not in (400, 403, 404):
            findings.append(f"{path} is answered with {reply['status']}")
        elif reply["sha256"] != digests.get(errors.get(str(reply["status"]))):
            findings.append(f"{path} is refused with a page that is not the site's own")
    for what, reply in answers_of(visit).items():
        findings += [f"{what}: the header {h} says “{reply['headers'][h]}”" for h in TELLING if h in reply["headers"]]
        if re.search(r"nginx|openssl|debian", reply.get("text", ""), re.IGNORECASE):
            findings.append(f"{what}: the page names the server's software")
        if "<title>Index of" in reply.get("text", ""):
            findings.append(f"{what}: a directory is listed")
    return findings


def said_by(visit):
    """Return what the manifest says, unproven; {} when it cannot be read."""
    try:
        return json.loads(base64.b64decode(visit["manifest"]))
    except ValueError:
        return {}


def digests_of(said):
    """Return {path: SHA-256} of a manifest."""
    return {path: one["sha256"] for path, one in said.get("files", {}).items()}


@check("LEAK-07", proof="attempt", hosts="web", collect=[visit])
def test_nothing_is_betrayed(host, visit):
    """No answer names the server's software; forgotten files, lists and status pages are not to be had."""
    said = said_by(visited(visit))
    findings = betrayals(visit, said.get("errors", {}), digests_of(said))
    assert not findings, f"{'; '.join(findings)}. Where to look: /etc/nginx and /srv/azukari/release on {host.name}."
    return f"{len(BETRAYING)} paths asked for, none answered; no header or page names the software"


# --- LEAK-09 ----------------------------------------------------------------------------------------------------------

LIMITS = {
    "limit_req_zone": ["$visitor zone=requests:4m rate=30r/s", "$sender zone=forms:4m rate=1r/s"],
    "limit_conn_zone": ["$visitor zone=connections:4m"],
    "limit_req": ["zone=requests burst=60 nodelay"],
    "limit_conn": ["connections 40"],
    "client_header_timeout": ["10s"],
    "client_body_timeout": ["10s"],
    "send_timeout": ["10s"],
    "client_max_body_size": ["16k", "0"],  # the last for the error pages alone: they are never the end of a request
    "client_body_buffer_size": ["16k"],
    "client_body_in_single_buffer": [],
    "large_client_header_buffers": ["4 8k"],
}
# What stands beside, once for each form: room for the longest answer, held in memory, and few of them.
LIMITS_OF_A_FORM = {
    "limit_req": ["zone=requests burst=60 nodelay", "zone=forms burst=20 nodelay"],
    "client_max_body_size": ["160000"],
    "client_body_buffer_size": ["160000"],
    "client_body_in_single_buffer": ["on"],
}


# And for each page that letters lead to, which takes a click.
LIMITS_OF_A_CLICK = {
    "limit_req": ["zone=requests burst=60 nodelay", "zone=forms burst=20 nodelay"],
    "client_max_body_size": ["16k"],
    "client_body_in_single_buffer": ["on"],
}


def promised_limits(site):
    """Return {setting: sorted values} as they stand in the settings of a site with these forms."""
    forms, clicks = len(form_paths(site)), len(letter_paths(site))
    return {
        name: sorted(values + LIMITS_OF_A_FORM.get(name, []) * forms + LIMITS_OF_A_CLICK.get(name, []) * clicks)
        for name, values in LIMITS.items()
    }


@collector()
def nginx_settings(host):
    """The settings by which nginx bounds floods, and which files it has not read since they changed."""
    text = host.command("cat /etc/nginx/nginx.conf /etc/nginx/azukari/*.conf")
    newer = host.command("find /etc/nginx -type f -newer /run/nginx/nginx.pid")
    if text.exit_code or newer.exit_code:
        not_evaluated(f"nginx's settings cannot be read: {(text.stderr or newer.stderr).strip()}")
    found = {}
    for name, value in re.findall(r"^\s*(\w+)\s+([^;{}]+);", text.stdout, re.MULTILINE):
        found.setdefault(name, []).append(" ".join(value.split()))
    return {"limits": {name: sorted(found.get(name, [])) for name in LIMITS}, "newer": newer.stdout.split()}


@check("LEAK-09", proof="attempt", hosts="web", collect=[visit, nginx_settings])
def test_floods_are_bounded(host, site, visit, nginx_settings):
    """A burst of requests is cut off, oversized requests are refused, and the limits stand in nginx's settings."""
    crowd, errors = visited(visit)["burst"], visit["errors"]
    all_of_it = BURST[0] * BURST[1]
    served, refused = crowd.get("200", 0), crowd.get("429", 0)
    assert refused > all_of_it / 4, (
        f"of {all_of_it} requests in one breath {served} were served and {refused} refused. "
        f"Where to look: limit_req in /etc/nginx on {host.name}."
    )
    assert served, f"of {all_of_it} requests in one breath none was served: an ordinary visitor is shut out"
    where = f"/etc/nginx on {host.name}"
    promised = {"a body that is too large": 413, "an address that is too long": 414}
    promised["headers that are too large"] = 400
    promised |= {f"more than {form} takes": 413 for form in form_paths(site)}
    sizes = {what: errors[what]["status"] if what in errors else None for what in promised}
    fail_unless_equal(found=sizes, promised=promised, where=where, what="answers to what is too large")
    fail_unless_equal(found=nginx_settings["limits"], promised=promised_limits(site), where=where, what="limits")
    newer = ", ".join(nginx_settings["newer"])
    assert not newer, f"{newer} changed after nginx started: it may run with other limits. Where to look: {where}."
    return f"of {all_of_it} requests in one breath {refused} were refused; oversized ones too"


# --- DEST-07 ----------------------------------------------------------------------------------------------------------

RELEASES = "/srv/azukari/release"


def proven_manifest(visit, site):
    """Return what the served manifest says, once its signature and its site are proven; fail otherwise."""
    try:
        key = (site.path / site.contract.contractor.evidence_key).read_bytes()
    except OSError as error:
        not_evaluated(f"the contractor's evidence key cannot be read: {error.strerror}")
    try:
        said = verify(base64.b64decode(visit["manifest"]), base64.b64decode(visit["signature"]), key)
    except InputError as error:
        not_evaluated(error.message)
    except SafeguardFails as error:
        raise AssertionError(f"{error.message} Where to look: {RELEASES}/current/.well-known/azukari.") from error
    fail_unless_equal(
        found=(said["site"], tuple(said["names"]), said["policy"]),
        promised=(site.name, site.settings.names, policy_digest(site)),
        where="the served manifest", what="site, names and policy of the release",
    )  # fmt: skip
    return said


@check("DEST-07", proof="attempt", hosts="web", collect=[visit])
def test_every_page_is_of_the_signed_release(host, site, visit):
    """Every page, file and error page, as served outside, is the one in the manifest that the contractor signed."""
    said = proven_manifest(visited(visit), site)
    digests = digests_of(said)
    signed = set(digests.values())
    required = {"/", "/en/", site.policy.url.ja, site.policy.url.en}
    missing = sorted(required - set(visit["pages"]))
    assert not missing, f"the release lacks {', '.join(missing)}"
    findings = [
        f"{url} is not the page that was signed (status {reply['status']})"
        for url, reply in visit["pages"].items()
        if reply["status"] != 200 or reply["sha256"] != digests.get(url + "index.html" if url.endswith("/") else url)
    ]
    homes = visit["homes"].items()
    findings += [f"/ at {address} is not" for address, home in homes if home["sha256"] != digests["/index.html"]]
    findings += [
        f"the answer to {what} is not of the signed release (status {reply['status']})"
        for what, reply in visit["errors"].items()
        # what should have been refused and was not (LEAK-09) must still be a signed page
        if reply["sha256"]
        not in ({digests.get(said["errors"].get(str(reply["status"])))} if reply["status"] >= 400 else signed)
    ]
    assert not findings, f"{'; '.join(findings)}. Where to look: {RELEASES}/current on {host.name}."
    return f"{len(visit['pages'])} pages and files and {len(visit['errors'])} error pages equal the signed manifest"


@collector()
def release_tree(host):
    """Every path of the releases with owner and mode, the digests of the files, and what nginx may write."""
    properties = "User,ProtectSystem,ReadWritePaths"
    listed = host.command(["find", RELEASES, "-printf", "%y %m %U %G %p\\n"])
    current = host.command(["readlink", f"{RELEASES}/current"])
    unit = host.command(["systemctl", "show", "nginx.service", f"--property={properties}"])
    sums = host.command(["find", RELEASES, "-type", "f", "-exec", "sha256sum", "{}", "+"])
    for answer in (listed, current, unit, sums):
        if answer.exit_code:
            not_evaluated(f"the release cannot be looked at: {answer.stderr.strip()}")
    return {
        "paths": [line.split(" ", 4) for line in listed.stdout.splitlines()],
        "digests": {path: digest for digest, path in (line.split("  ", 1) for line in sums.stdout.splitlines())},
        "current": current.stdout.strip(),
        "unit": dict(line.split("=", 1) for line in unit.stdout.splitlines() if "=" in line),
    }


@check("DEST-07", hosts="web", collect=[visit, release_tree])
def test_only_root_can_change_the_release(host, site, visit, release_tree):
    """The release on the host is the signed one, with nothing beside it, and only root can write it."""
    where = f"find {RELEASES} -ls on {host.name}"
    said = proven_manifest(visited(visit), site)
    digest = hashlib.sha256(base64.b64decode(visit["manifest"])).hexdigest()
    fail_unless_equal(found=release_tree["current"], promised=digest, where=where, what="release that is served")
    root = f"{RELEASES}/{digest}"
    found = {path.removeprefix(root): one for path, one in release_tree["digests"].items()}
    for own in (MANIFEST, SIGNATURE):
        found.pop(own, None)
    fail_unless_equal(found=found, promised=digests_of(said), where=where, what="files of the release")
    writable = [
        f"{path} ({mode}, owner {owner}:{group})"
        for kind, mode, owner, group, path in release_tree["paths"]
        if (owner, group) != ("0", "0") or (kind != "l" and int(mode, 8) & 0o022)
    ]
    assert not writable, f"others than root can write {', '.join(writable)}. Where to look: {where}."
    sandbox = {"User": "www-data", "ProtectSystem": "strict", "ReadWritePaths": "/var/lib/nginx"}
    where = f"systemctl show nginx.service on {host.name}"
    fail_unless_equal(found=release_tree["unit"], promised=sandbox, where=where, what="nginx's sandbox")
    return f"{len(found)} files, all of the signed release, writable by root alone"


# --- USE-09 -----------------------------------------------------------------------------------------------------------

WORDS = {
    "ja": {
        True: "必須", False: "任意", "days": "{}日", "until": "配信を停止されるまで",
        "purposes": "利用目的", "between": "、", "kept": "保存期間",
    },
    "en": {
        True: "required", False: "optional", "days": "{} days", "until": "until you unsubscribe",
        "purposes": "Purposes of use", "between": "; ", "kept": "Kept for",
    },
}  # fmt: skip


def collection_findings(section, collection, purposes, lang):
    """Return a sentence for each difference between a section of the policy page and the declared collection."""
    words, findings = WORDS[lang], []
    rows = {row[:2] for row in section.rows[1:]}
    items = {(getattr(item.title, lang), words[item.required]) for item in collection.items}
    if rows != items:
        findings.append(f"the items of {collection.name} are {sorted(rows)}, declared are {sorted(items)}")
    if [row[2:] for row in section.rows[:1]] != [(words["purposes"],)]:
        findings.append(f"the items of {collection.name} stand in no table whose third and last column is the purposes")
    findings += purpose_findings(section.rows[1:], collection, purposes, lang)
    days, said = collection.retention.days, section.terms.get(words["kept"])
    if said != (words["until"] if days is None else words["days"].format(days)):
        findings.append(f"{collection.name} is kept “{said}” by the page, which is not what is declared")
    return findings


def purpose_findings(rows, collection, purposes, lang):
    """Return a sentence for each purpose that only the page, or only the policy, gives to an item that both have."""
    between = WORDS[lang]["between"]
    declared = {
        (getattr(item.title, lang), one)
        for item in collection.items
        for name in item.purposes
        for one in getattr(purposes[name].title, lang).split(between)
    }
    said = {(row[0], one) for row in rows for cell in row[2:] for one in cell.split(between) if one}
    both = {row[0] for row in rows if row} & {item for item, _ in declared}
    return [
        f"the purpose “{purpose}” of “{item}” in {collection.name} is {where}"
        for pairs, where in (
            (said - declared, "on the page, but not declared"),
            (declared - said, "declared, but not on the page"),
        )
        for item, purpose in sorted(pairs)
        if item in both
    ]


def policy_findings(page, policy, lang):
    """Return a sentence for each difference between the policy page and the declared policy."""
    there = {name for name in page.sections if name.startswith("collection-")}
    declared = {f"collection-{one.name}": one for one in policy.collections}
    findings = [f"{name} is on the page, but not declared" for name in sorted(there - set(declared))]
    findings += [f"{name} is declared, but not on the page" for name in sorted(set(declared) - there)]
    for name in sorted(there & set(declared)):
        findings += collection_findings(page.sections[name], declared[name], policy.purposes, lang)
    cookies = {row[0] for row in page.sections["cookies"].rows[1:]} if "cookies" in page.sections else set()
    if cookies != {cookie.name for cookie in policy.cookies}:
        findings.append(f"the cookies on the page are {sorted(cookies)}, which are not the declared ones")
    return findings


def read_pages(visit):
    """Return {path or error: read page} of every HTML answer."""
    answers = {**visit["pages"], **visit["forms"], **visit["errors"]}
    return {what: Page(reply["text"]) for what, reply in answers.items() if "<html" in reply.get("text", "")}


@check("USE-09", proof="attempt", hosts="web", collect=[visit])
def test_the_policy_page_is_the_declared_policy(host, site, visit):
    """The policy page says, in Japanese and English, what the policy declares, and every page links to it."""
    pages, urls = read_pages(visited(visit)), site.policy.url
    findings = []
    for lang, url in (("ja", urls.ja), ("en", urls.en)):
        if url not in pages:
            findings.append(f"{url} is no page")
            continue
        if pages[url].lang != lang:
            findings.append(f"{url} says that it is in “{pages[url].lang}”")
        findings += [f"{url}: {finding}" for finding in policy_findings(pages[url], site.policy, lang)]
    findings += [
        f"{what} does not link to the policy"
        for what, page in pages.items()
        if not {urls.ja, urls.en} & {link.href for link in page.links}
    ]
    assert not findings, f"{'; '.join(findings)}. Where to look: policy.yml, the release on {host.name}."
    return f"{len(pages)} pages link to the policy; both languages say what is declared"


# --- USE-11 -----------------------------------------------------------------------------------------------------------

MARKS = ("外部サイト", "external site")


def unmarked(pages, names):
    """Return a sentence for each link that leaves the site without saying so."""
    findings = []
    for what, page in pages.items():
        for link in page.links:
            leaves = urlsplit(link.href).netloc not in ("", *names)
            said = any(mark in link.text for mark in MARKS)
            relation = set(link.attributes.get("rel", "").split())
            if leaves and not (said and {"external", "noopener", "noreferrer"} <= relation):
                findings.append(f"{what}: the link to {link.href} leaves the site without saying so")
    return findings


@check("USE-11", proof="attempt", hosts="web", collect=[visit])
def test_only_declared_names_are_served(host, site, visit):
    """A name that is not declared gets no handshake and no answer; every link that leaves the site says so."""
    other = visited(visit)["other"]
    served = [f"{what}: {'a handshake' if how is True else how}" for what, how in other.items() if how]
    assert not served, f"served, not declared: {'; '.join(served)}. Where to look: /etc/nginx/azukari on {host.name}."
    findings = unmarked(read_pages(visit), site.settings.names)
    assert not findings, f"{'; '.join(findings)}. Where to look: the release on {host.name}."
    return f"{len(other)} undeclared names tried, none served; links that leave are marked"
