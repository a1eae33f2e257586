"""USE-01, LEAK-23: collected is what is declared, in forms, cookies, nginx's log and the program behind the forms.

The columns of the database are judged with who may read them, by USE-04 in checks/test_database_rights.py.
"""

import hashlib
import json
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import reference_site
from azukari.verify import check, collector, fail_unless_equal, not_evaluated
from azukari.verify.nginx_words import OUTCOME, PERSONAL, VISIT, Setting, defined, of_host, used
from azukari.verify.pages import Page
from azukari.verify.website import NOBODYS, TOKEN, declared_forms, letter_paths, set_cookies, visit, visited

# --- USE-01 -----------------------------------------------------------------------------------------------------------
# Four places where something is collected: forms, cookies, nginx's log, and the program behind the forms. The fifth,
# the columns of the database, is judged with who may read them, by USE-04 in checks/test_database_rights.py.


def asked_by(page, path):
    """Return what a page's forms ask, in the words in which `asked_for` says what they may ask."""
    fields = [control for control in page.controls if control.names]
    pressed = [control.attributes for control in page.controls if "formaction" in control.attributes]
    return {
        "fields": sorted(name for control in fields for name in control.names),
        "hidden fields": sorted(name for control in fields if control.kind == "hidden" for name in control.names),
        "required fields": sorted(
            name for control in fields if "required" in control.attributes for name in control.names
        ),
        "choices": {
            name: tuple(sorted(control.choices))
            for control in fields
            if control.tag == "select"
            for name in control.names
        },
        "ways of sending": sorted(
            f"{form.get('method', 'get').lower()} to {urljoin(path, form.get('action', ''))}" for form in page.forms
        )
        + [f"a button to {urljoin(path, one['formaction'])}" for one in pressed],
    }


def asked_for(collection, path):
    """Return what the form of a collection asks: its items, with the token, sent to the page that it stands on."""
    return {
        "fields": sorted([TOKEN, *(item.name for item in collection.items)]),
        "hidden fields": [TOKEN],
        "required fields": sorted(item.name for item in collection.items if item.required),
        "choices": {
            item.name: tuple(sorted(["", *(choice.name for choice in item.choices)]))
            for item in collection.items
            if item.choices
        },
        "ways of sending": [f"post to {path}"],
    }


def clicked(path):
    """Return what a page asks that a letter leads to: one click, which says what the letter's own link says."""
    nothing = {"fields": [], "hidden fields": [], "required fields": [], "choices": {}}
    return {**nothing, "ways of sending": [f"post to {path}?letter={NOBODYS}"]}


def unseen_links(pages, site):
    """Return a sentence for each link to a page of this site that the visit did not see: a form could stand there."""
    found = []
    for what, page in pages.items():
        base = f"https://{site.settings.names[0]}{what if what.startswith('/') else '/'}"
        for link in page.links:
            to = urlsplit(urljoin(base, link.href))
            if to.hostname in site.settings.names and to.scheme in ("http", "https") and (to.path or "/") not in pages:
                found.append(f"{what} leads to {to.path}, which is neither of the release nor a declared form")
    return sorted(set(found))


@check("USE-01", proof="attempt", hosts="web", collect=[visit])
def test_forms_ask_what_is_declared(host, site, visit):
    """Each form asks exactly the items of its collection, requires exactly the required ones; no other page asks."""
    answers = {**visited(visit)["pages"], **visit["forms"], **visit["errors"]}
    pages = {what: Page(reply["text"]) for what, reply in answers.items() if "text" in reply}
    forms = declared_forms(site)
    where = f"the templates and site.json of the forms on app, the release on {host.name}"
    for path, collection in forms.items():
        status = visit["forms"].get(path, {}).get("status", 0)
        if status in (0, 429) or status >= 500:
            not_evaluated(f"{path} does not show its form now: the answer is {status}")
        assert status == 200, (
            f"{collection.name} is declared, but has no form at {path} (status {status}). Where to look: {where}."
        )
        found, promised = asked_by(pages[path], path), asked_for(collection, path)
        for what, declared in promised.items():
            fail_unless_equal(found=found[what], promised=declared, where=where, what=f"{what} of {path}")
    for path in letter_paths(site):
        status = visit["forms"].get(path, {}).get("status", 0)
        if status != 200:
            not_evaluated(f"{path} is not shown now: the answer is {status}")
        for what, declared in clicked(path).items():
            found = asked_by(pages[path], path)[what]
            fail_unless_equal(found=found, promised=declared, where=where, what=f"{what} of {path}")
    for what, page in pages.items():
        if what in forms or what in letter_paths(site):
            continue
        asked = [f"“{name}”" for control in page.controls for name in control.names]
        silent = not asked and not page.forms
        assert silent, (
            f"{what} has a form that belongs to no collection: {', '.join(asked) or 'without fields'}. "
            f"Where to look: {where}."
        )
    unseen = unseen_links(pages, site)
    assert not unseen, f"{'; '.join(unseen)}. Where to look: {where}."
    asking = len(forms) + len(letter_paths(site))
    return f"{len(forms)} forms ask the declared items; {len(pages) - asking} other pages ask nothing"


def named(line):
    """Return the name of the cookie that a line sets; empty where it has none."""
    pair = line.partition(";")[0]
    return pair.partition("=")[0].strip() if "=" in pair else ""


@check("USE-01", proof="attempt", hosts="web", collect=[visit])
def test_only_declared_cookies_are_set(host, site, visit):
    """No answer, be it a page, a form or an error, sets a cookie that the policy does not declare."""
    declared = {cookie.name for cookie in site.policy.cookies}
    found = [(what, named(line)) for what, line in set_cookies(visited(visit))]
    undeclared = sorted({name for _, name in found} - declared)
    where = f"add_header, userid and proxy_pass in /etc/nginx on {host.name}, and the application behind it"
    assert not undeclared, (
        "found but not declared: "
        + ", ".join(f"“{name}” set by {next(what for what, one in found if one == name)}" for name in undeclared)
        + f". Where to look: {where}."
    )
    return f"cookies: {', '.join(sorted({name for _, name in found})) or 'none'}"


ACCESS_LOG = "/var/log/nginx/access.log"
# The page is what was asked for without its query: that can be anything a visitor has typed.
PAGE = ("http", "map $request_uri $page")
DEFINITIONS = {(PAGE[:1], ("map", "$request_uri", "$page")), (PAGE, ("~^(?<path>[^?]*)", "$path"))}
# A visit begins with a page that was asked for by GET, shown, and asked for without the cookie for counting.
BEGINS = "~^GET (200|304) [^ ]*/(index\\.html)? $"
INCLUDED = [(("http",), "/etc/nginx/azukari/*.conf"), (("http",), "mime.types")]
QUIET = {"crit", "alert", "emerg"}
NGINX_STARTED = {"ExecStart": "/usr/sbin/nginx -g daemon on; master_process on;", "NeedDaemonReload": "no"}
DECIDES_THE_LOG = {"log_format", "access_log", "error_log", "include"}


@collector()
def log_settings(host):
    """What nginx's settings say of logs and variables, which files it has not read since they changed, its start."""
    found, newer = of_host(host)
    unit = host.command(["systemctl", "show", "nginx.service", f"--property={','.join(NGINX_STARTED)}"])
    if unit.exit_code:
        not_evaluated(f"systemd does not answer: {unit.stderr.strip()}")
    kept = [one for one in found if one.words[0] in DECIDES_THE_LOG or defined(one) or _is_in_a_map(one)]
    return {
        "settings": [[list(one.within), list(one.words)] for one in kept],
        "newer": newer,
        "unit": properties(unit.stdout),
    }


def properties(shown):
    """Return {name: value} of what `systemctl show` says."""
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def started_as(unit, promised):
    """Return what systemd says of a unit, in the words of the promise; what it does not mention is empty."""
    found = {name: unit.get(name, "") for name in promised}
    return {**found, "ExecStart": found["ExecStart"].partition("argv[]=")[2].partition(" ; ignore_errors=")[0]}


def _is_in_a_map(setting):
    return bool(setting.within) and setting.within[-1].split()[0] in {"map", "geo", "split_clients"}


def counting_cookie(site):
    """Return the declared cookie by which visits are counted; None where none is."""
    return next((one for one in site.policy.cookies if one.purpose == "counting"), None)


def log_findings(found, items, counted):
    """Return a sentence for each thing that nginx would log, and must not, or not where it should.

    Args:
        found: the settings that decide about logs.
        items: names of the items of the policy's collection `access`.
        counted: whether the policy declares a cookie by which visits are counted.
    """
    findings = []
    formats = {one.words[1]: one for one in found if one.words[0] == "log_format"}
    logs = [one for one in found if one.words[0] == "access_log" and one.words[1] != "off"]
    if not any(one.within == ("http",) for one in logs):
        findings.append("without an access_log of its own, nginx writes its “combined” format with the user agent")
    for one in logs:
        path, name = one.words[1], one.words[2] if len(one.words) > 2 else "combined"
        if path != ACCESS_LOG or one.within != ("http",):
            findings.append(f"there is a further log: “{' '.join(one.words)}” in {' '.join(one.within[-1:])}")
        if name not in formats:
            findings.append(f"{path} is written in the format “{name}”, which is not declared")
    if len(formats) > 1:
        findings.append(f"several formats stand there: {', '.join(sorted(formats))}")
    declared = {variable for variable, item in PERSONAL.items() if item in items}
    lawful = declared | OUTCOME | ({VISIT} if counted else set())
    for name, one in formats.items():
        logged = used(one.words[2:])
        findings += [f"{name} writes ${variable}, which is not declared" for variable in sorted(logged - lawful)]
        findings += [f"{name} does not write ${variable}" for variable in sorted(declared - logged)]
    return findings


def redefinitions(found, cookie):
    """Return a sentence for each place that makes a variable of the log anything but what it is by itself."""
    ours = {*PERSONAL, *OUTCOME, VISIT, "path"}
    definitions = set(DEFINITIONS)
    if cookie is not None:
        asked = f"$request_method $status $uri $cookie_{cookie.name}"
        block = (*PAGE[:1], f"map {asked} ${VISIT}")
        definitions |= {(PAGE[:1], ("map", asked, f"${VISIT}")), (block, (BEGINS, "1")), (block, ("default", "0"))}
    making = {(one.within, one.words) for one in found if defined(one) & ours}
    blocks = {(*one.within, " ".join(one.words)) for one in found if defined(one) & ours}
    making |= {(one.within, one.words) for one in found if _is_in_a_map(one) and one.within in blocks}
    says = [f"“{' '.join(words)}” in {' '.join(within[-1:])}" for within, words in making - definitions]
    says += [f"“{' '.join(words)}” is missing" for _, words in definitions - making]
    return [f"what stands in the log is made otherwise: {one}" for one in sorted(says)]


def loud(found):
    """Return a sentence for each error log that would repeat requests, with what visitors typed."""
    logs = [one for one in found if one.words[0] == "error_log"]
    says = (
        [] if any(not one.within for one in logs) else ["no error_log for all of nginx, so that its level is “error”"]
    )
    return says + [
        f"“{' '.join(one.words)}” repeats requests: its level must be crit or higher"
        for one in logs
        if len(one.words) < 3 or one.words[2] not in QUIET
    ]


@check("LEAK-23", hosts="web", collect=[log_settings])
def test_logs_repeat_no_request(host, site, log_settings):
    """Whatever the policy declares, nginx's logs repeat no query, body, referrer, cookie or user agent."""
    found = [Setting(tuple(within), tuple(words)) for within, words in log_settings["settings"]]
    findings = log_findings(found, set(PERSONAL.values()), counted=True)
    findings += redefinitions(found, counting_cookie(site)) + loud(found)
    findings = [one for one in findings if "does not write" not in one]  # that it lacks something is USE-01's
    assert not findings, f"{'; '.join(findings)}. Where to look: /etc/nginx on {host.name}."
    return "addresses, times, pages and outcomes, and nothing that visitors wrote"


@check("USE-01", hosts="web", collect=[log_settings])
def test_log_has_what_is_declared(host, site, log_settings):
    """nginx logs, now and after a reboot, the declared items of an access and its outcome: no query, no user agent."""
    where = f"/etc/nginx/nginx.conf and /etc/nginx/azukari on {host.name}"
    found = [Setting(tuple(within), tuple(words)) for within, words in log_settings["settings"]]
    included = sorted((one.within, " ".join(one.words[1:])) for one in found if one.words[0] == "include")
    fail_unless_equal(found=included, promised=INCLUDED, where=where, what="files that nginx reads")
    started = started_as(log_settings["unit"], NGINX_STARTED)
    fail_unless_equal(
        found=started, promised=NGINX_STARTED, where="systemctl show nginx.service", what="how nginx is started"
    )
    items = {item.name for one in site.policy.collections if one.name == "access" for item in one.items}
    cookie = counting_cookie(site)
    findings = log_findings(found, items, counted=cookie is not None) + redefinitions(found, cookie) + loud(found)
    assert not findings, f"{'; '.join(findings)}. Where to look: {where}."
    newer = ", ".join(log_settings["newer"])
    assert not newer, f"{newer} changed after nginx started: it may log otherwise. Where to look: {where}."
    return f"{', '.join(sorted(items & set(PERSONAL.values())))} and the outcome; error log from crit on"


PROGRAM = "/srv/azukari/site"
CARRIED = (".py", ".j2", ".yml")
UNIT = {
    "ExecStart": "/usr/bin/gunicorn --config python:reference_site.gunicorn_conf",
    "Environment": "PYTHONPATH=/srv/azukari/site PYTHONDONTWRITEBYTECODE=1 HOME=/nonexistent",
    "WorkingDirectory": PROGRAM,
    "NeedDaemonReload": "no",
    # Whatever else could put another program, or other settings of gunicorn, in the place of ours.
    "EnvironmentFiles": "",
    "ExecStartPre": "",
    "RootDirectory": "",
    "RootImage": "",
    "BindPaths": "",
    "BindReadOnlyPaths": "",
    "TemporaryFileSystem": "",
    "MountImages": "",
    "ExtensionImages": "",
    "ExtensionDirectories": "",
}


@collector()
def forms_program(host):
    """The forms' program as it lies there, with digests; how it is started, and when; and the forms that it is told."""
    shown = ["--timestamp=unix", f"--property=ExecMainStartTimestamp,ActiveState,{','.join(UNIT)}"]
    listed = host.command(["find", PROGRAM, "-mindepth", "1", "-printf", "%y %C@ %P\\n"])
    sums = host.command(["find", PROGRAM, "-type", "f", "-exec", "sha256sum", "{}", "+"])
    unit = host.command(["systemctl", "show", "azukari-site.service", *shown])
    told = host.command(["cat", "/etc/azukari/site/site.json"])
    for answer in (listed, sums, unit, told):
        if answer.exit_code:
            not_evaluated(f"the forms' program cannot be looked at: {answer.stderr.strip()}")
    try:
        forms = json.loads(told.stdout)["forms"]
    except (ValueError, KeyError, TypeError):
        not_evaluated("/etc/azukari/site/site.json cannot be understood")
    return {
        "paths": [line.split(" ", 2) for line in listed.stdout.splitlines()],
        "digests": {
            path.removeprefix(f"{PROGRAM}/"): digest
            for digest, path in (line.split("  ", 1) for line in sums.stdout.splitlines())
        },
        "unit": properties(unit.stdout),
        "forms": forms,
    }


def carried_program():
    """Return {path: SHA-256 or `a folder`} of the forms' program that this azukari carries."""
    own = Path(reference_site.__file__).parent
    files = [path for path in own.rglob("*") if path.suffix in CARRIED]
    folders = {folder for path in files for folder in path.parents if folder.is_relative_to(own)}
    return {path.relative_to(own.parent).as_posix(): "a folder" for path in folders} | {
        path.relative_to(own.parent).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def unread(program):
    """Return the paths that changed after the program was started; none while it does not run."""
    started = program["unit"].get("ExecMainStartTimestamp", "").removeprefix("@")
    if program["unit"].get("ActiveState") != "active" or not started.isdigit():
        return []
    # systemd says whole seconds, and apply starts it in the second in which it writes
    return sorted(path for _, changed, path in program["paths"] if int(changed.partition(".")[0]) > int(started))


def asks(forms):
    """Return {form: {item: (whether required, *choices)}} of collections as the site, or site.json, has them."""
    return {
        form["name"]: {
            item["name"]: (
                "required" if item["required"] else "optional",
                *(choice["name"] for choice in item.get("choices") or ()),
            )
            for item in form["items"]
        }
        for form in forms
    }


@check("LEAK-23", hosts="app", collect=[forms_program])
def test_the_forms_keep_no_log_of_requests(host, forms_program):
    """The forms' program is started as declared: its settings, which log no request, are the ones in force."""
    fail_unless_equal(
        found=started_as(forms_program["unit"], UNIT),
        promised=UNIT,
        where=f"systemctl show azukari-site.service on {host.name}",
        what="how it is started",
    )
    return "gunicorn has azukari's own settings alone: no log of requests"


@check("USE-01", hosts="app", collect=[forms_program])
def test_only_the_declared_program_collects(host, site, forms_program):
    """The program behind the forms is, file by file, azukari's own, keeps no log, and is told the declared items."""
    kinds = {"d": "a folder", "l": "a link"}
    found = {
        path: forms_program["digests"].get(path, "unreadable") if kind == "f" else kinds.get(kind, "no file")
        for kind, _, path in forms_program["paths"]
    }
    where = f"{PROGRAM} on {host.name}"
    fail_unless_equal(found=found, promised=carried_program(), where=where, what="the forms' program")
    where = f"systemctl show azukari-site.service on {host.name}"
    fail_unless_equal(
        found=started_as(forms_program["unit"], UNIT), promised=UNIT, where=where, what="how it is started"
    )
    newer = ", ".join(unread(forms_program))
    assert not newer, f"{newer} changed after the forms were started: they may run another program. See {where}."
    declared = {collection.name: collection.model_dump(mode="json") for collection in declared_forms(site).values()}
    told, promised = asks(forms_program["forms"]), asks(declared.values())
    where = f"/etc/azukari/site/site.json on {host.name}"
    for name in sorted({*told, *promised}):
        fail_unless_equal(
            found=told.get(name, {}), promised=promised.get(name, {}), where=where, what=f"items of {name}"
        )
    return f"{len(forms_program['digests'])} files, all azukari's own; forms: {', '.join(sorted(told))}"
