"""DEST-07, USE-09, USE-11: what the public website says: the signed release, the declared policy, the declared names.

How it answers is in test_web.py. Only the policy's words come from the site.
"""

import base64
import hashlib
from urllib.parse import urlsplit

from azukari.errors import InputError, SafeguardFails
from azukari.provision.release import MANIFEST, SIGNATURE, policy_digest, verify
from azukari.verify import check, collector, fail_unless_equal, not_evaluated
from azukari.verify.pages import Page
from azukari.verify.website import FORM_PATHS, digests_of, visit, visited

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
        True: "必須", False: "任意", "by itself": {True: "自動", False: "自動（ある場合）"},
        "days": "{}日", "until": "配信を停止されるまで",
        "purposes": "利用目的", "between": "、", "kept": "保存期間",
    },
    "en": {
        True: "required", False: "optional",
        "by itself": {True: "by itself", False: "by itself, where there is one"},
        "days": "{} days", "until": "until you unsubscribe",
        "purposes": "Purposes of use", "between": "; ", "kept": "Kept for",
    },
}  # fmt: skip


def collection_findings(section, collection, purposes, lang):
    """Return a sentence for each difference between a section of the policy page and the declared collection."""
    words, findings = WORDS[lang], []
    rows = {row[:2] for row in section.rows[1:]}
    how = words if collection.name in FORM_PATHS else words["by itself"]
    items = {(getattr(item.title, lang), how[item.required]) for item in collection.items}
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
    dropped = set(page.sections["dropped"].rows[1:]) if "dropped" in page.sections else set()
    if dropped != {(getattr(one.title, lang), ", ".join(one.headers)) for one in policy.dropped}:
        findings.append(f"what is not taken in is {sorted(dropped)} on the page, which is not what is declared")
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
