"""LEAK-20, LOSS-11, USE-02: what the forms take is sealed for the office alone, kept once, and asked as declared."""

import base64
import json
import re
from collections import defaultdict
from http import HTTPStatus

from azukari.evidence import drills
from azukari.people.sealing_keys import FOLDER
from azukari.site.keys import public_key
from azukari.verify import check, collector, not_evaluated
from azukari.verify.database import catalogues, sealed
from azukari.verify.pages import Page
from azukari.verify.systemd import shown
from azukari.verify.website import BY_LETTERS, declared_forms, visit, visited
from reference_site.recipients import NoRecipient, verified
from reference_site.sealing import key_id

# --- LEAK-20, LOSS-11, USE-02: the canary drill -----------------------------------------------------------------------

DRILL, WHOLE = "canary", drills.WHOLE
# Which of a drill's steps speak of which promise, by the words that they begin with.
SEALED_STEPS = re.compile(r"^(what is kept of an answer|\d+ marks |every key tried )")
KEPT_STEPS = re.compile(r"^(what was acknowledged while|\S+\.service on \S+ killed)")
OPTIONAL_STEPS = re.compile(r"^an answer with")


@collector(scope="site")
def canaries(site):
    """The newest signed canary drills, each with what the signature says of it."""
    return drills.drills(site, DRILL)


@check("LEAK-20", proof="drill", hosts="site", collect=[canaries])
def test_what_was_sent_is_found_nowhere_but_sealed(site, run, canaries):
    """In the newest drill, marks sent were on no host but sealed, also after crashes, and no host's key opened them."""
    return drills.newest_drill(site, run, canaries, DRILL, SEALED_STEPS)


@check("LOSS-11", proof="drill", hosts="site", collect=[canaries])
def test_what_was_acknowledged_survived(site, run, canaries):
    """In the newest drill, each acknowledged answer was kept once, whichever service was killed meanwhile."""
    return drills.newest_drill(site, run, canaries, DRILL, KEPT_STEPS)


@check("USE-02", proof="drill", hosts="site", collect=[canaries])
def test_optional_items_are_optional(site, run, canaries):
    """In the newest drill, the form took an answer with the required items alone, and none without them."""
    return drills.newest_drill(site, run, canaries, DRILL, OPTIONAL_STEPS)


@check("USE-02", proof="attempt", hosts="web", collect=[visit])
def test_forms_require_what_is_declared(host, site, visit):
    """In each form, as a visitor gets it, exactly the required items are marked as required."""
    forms, findings = visited(visit)["forms"], []
    for path, collection in declared_forms(site).items():
        if path not in forms or forms[path]["status"] != HTTPStatus.OK:
            not_evaluated(f"the form {path} was not to be had")
        page = Page(forms[path]["text"])
        found = {name for one in page.controls if "required" in one.attributes for name in one.names}
        promised = {item.name for item in collection.items if item.required}
        findings += [f"{path} requires {name}, which is optional" for name in sorted(found - promised)]
        findings += [f"{path} does not require {name}" for name in sorted(promised - found)]
    assert not findings, f"{'; '.join(findings)}. Where to look: the forms on the group app, nginx on {host.name}."
    return f"{len(declared_forms(site))} forms require what is declared"


@check("LOSS-11", hosts="db", collect=[catalogues])
def test_a_commit_is_on_the_disk_first(host, catalogues):
    """A commit is on the disk before it is acknowledged, for every role."""
    setting = (catalogues["settings"].get("synchronous_commit") or [None])[0]
    findings = [] if setting == "on" else [f"synchronous_commit is {setting}"]
    findings += [
        f"for the role {role} in the database {database}, {one}"
        for role, database, settings in catalogues["own"] or ()
        for one in settings
        if one.startswith("synchronous_commit=")
    ]
    assert not findings, f"{'; '.join(findings)}. Where to look: `SHOW synchronous_commit`, \\drds on {host.name}."
    return "synchronous_commit is on, and no role has another"


# --- LOSS-11: whatever dies comes back --------------------------------------------------------------------------------

ON_THE_WAY = {"web": "nginx.service", "app": "azukari-site.service", "db": "postgresql@17-main.service"}
AGAIN = {"on-failure", "always", "on-abnormal"}


@collector()
def services(host):
    """What systemd says of the service by which an answer goes on this host."""
    units = [unit for group, unit in ON_THE_WAY.items() if group in host.declared.groups]
    return shown(host, "Id,ActiveState,UnitFileState,Type,Restart,StartLimitIntervalUSec,NeedDaemonReload", units)


@check("LOSS-11", hosts=tuple(ON_THE_WAY), collect=[services])
def test_what_dies_comes_back(host, services):
    """The service on an answer's way runs, is started by systemd itself, and again however often it fails."""
    findings = []
    for unit, said in services.items():
        state, restart = said.get("ActiveState"), said.get("Restart")
        findings += [f"{unit} is {state}"] if state not in {"active", "reloading"} else []
        # Of a service that somebody else starts, systemd does not learn that it died while it was starting.
        findings += [f"{unit} is of Type={said.get('Type')}"] if said.get("Type") not in {"notify", "forking"} else []
        findings += [f"{unit} has Restart={restart}"] if restart not in AGAIN else []
        if said.get("StartLimitIntervalUSec") != "0":
            findings.append(f"{unit} is given up after failures within {said.get('StartLimitIntervalUSec')}")
        if said.get("NeedDaemonReload") != "no":
            findings.append(f"systemd has not yet read the files of {unit}")
    assert services, f"{host.name} has no service on an answer's way"
    assert not findings, f"{'; '.join(findings)}. Where to look: `systemctl cat` of it on {host.name}."
    return f"{', '.join(services)}: runs, and is started again for ever"


# --- LEAK-20: for whom ------------------------------------------------------------------------------------------------

SETTINGS = "/etc/azukari/site"


@collector()
def told_to_the_forms(host):
    """What the forms on a host are told: their settings, and the key statements beside them."""
    encoded = ["-exec", "base64", "-w0", "{}", ";", "-printf", " %P\\n"]
    files = host.command(["find", SETTINGS, "-type", "f", "-name", "*.json*", *encoded])
    if files.exit_code:
        not_evaluated(f"{SETTINGS} cannot be read: {files.stderr.strip()}")
    return {name: text for text, name in (line.split(" ", 1) for line in files.stdout.splitlines())}


def statements(site):
    """Return {collection: {key identifier: statement}} of what the office signed in the site's folder."""
    office, found = public_key(site.path, site.contract.office.key), defaultdict(dict)
    for path in sorted((site.path / FOLDER).glob("*.json")):
        try:
            one = verified(path.read_bytes(), path.with_suffix(".json.sig").read_bytes(), office)
        except (OSError, NoRecipient):
            continue
        if one.site == site.name:
            found[one.collection][key_id(one.key)] = one
    return found


def sealed_forms(site):
    """Return {collection: who opens it} of what comes in through a form; addresses for letters are the mail tier's."""
    standing = {one.name: one for one in declared_forms(site).values()}
    found = {name: "office" for name, one in standing.items() if "office" in one.readers}
    return found | ({BY_LETTERS: "mail"} if BY_LETTERS in standing else {})


def recipient_findings(told, site, today):
    """Return a sentence for each way in which the forms would seal for somebody else than the office's declared key.

    Args:
        told: as `told_to_the_forms` collects it.
        site: the declared site.
        today: the date in the site's time zone.
    """
    settings = json.loads(base64.b64decode(told["site.json"])) if "site.json" in told else {}
    office = public_key(site.path, site.contract.office.key)
    findings = []
    if settings.get("office_key") != office:
        findings.append("they trust another key than the office's of the contract")
    if settings.get("site") != site.name:
        findings.append(f"they are told that the site is “{settings.get('site')}”")
    holders, forms = settings.get("holders") or {}, sealed_forms(site)
    if holders != forms:
        findings.append(f"they seal {holders or 'nothing'}; promised is {forms}")
    for name, holder in holders.items():
        files = [base64.b64decode(told.get(f"sealing/{name}.json{end}", "")) for end in ("", ".sig")]
        try:
            one = verified(*files, office)
        except NoRecipient as error:
            findings.append(f"{name}: {error}")
            continue
        if (one.site, one.collection, one.holder) != (site.name, name, holder):
            findings.append(f"{name}: the statement is one for {one.site}/{one.collection}/{one.holder}")
        elif not one.start <= today <= one.until:
            findings.append(f"{name}: the statement holds from {one.start} to {one.until}")
    return findings


@check("LEAK-20", hosts="app", collect=[told_to_the_forms])
def test_forms_seal_for_the_office_alone(host, site, told_to_the_forms):
    """The forms trust the office's key of the contract, and seal for the keys alone that its signed statements name."""
    findings = recipient_findings(told_to_the_forms, site, site.today())
    assert not findings, f"{'; '.join(findings)}. Where to look: {SETTINGS} on {host.name}."
    return f"{len(told_to_the_forms)} files, the statements signed by the office"


@check("LEAK-20", hosts="db", collect=[sealed])
def test_everything_kept_is_sealed_for_a_stated_key(host, site, sealed):
    """Every value in the database is sealed for a key that the office stated for its collection."""
    known = statements(site)
    findings = [
        f"{answers} values of {form} for {purpose} are sealed for {key or 'nobody'}, which the office never stated"
        for form, purpose, key, answers, _ in sealed
        if key not in known.get(form, {})
    ]
    assert not findings, f"{'; '.join(findings)}. Where to look: site.sealed() on {host.name}."
    return f"{sum(row[3] for row in sealed)} values, all for stated keys"
