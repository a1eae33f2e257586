"""LEAK-03, 06, 07, 09: how the public website answers, as a visitor or an intruder outside meets it.

What is promised stands here a second time: suites, headers, limits. What the answers say is in test_web_pages.py.
"""

import base64
import json
import re

from azukari.errors import Unreachable
from azukari.ssh.tls import probe
from azukari.verify import check, collector, fail_unless_equal, not_evaluated
from azukari.verify.website import (
    BETRAYING,
    BURST,
    CHALLENGE,
    digests_of,
    form_paths,
    letter_paths,
    places,
    visit,
    visited,
)

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
    for address, reply in visit.get("challenges", {}).items():  # evidence of before has none
        found = (reply["status"], reply["headers"].get("location"))
        promised = (301, f"https://{site.settings.names[-1]}{CHALLENGE}")
        where = f"http://{address}{CHALLENGE}"
        fail_unless_equal(found=found, promised=promised, where=where, what="answer where no certificate is asked for")
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
