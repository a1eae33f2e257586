"""LEAK-21, LOSS-12: addresses are sealed for the mail tier, which opens them one by one; letters come after an outage.

What unsubscribing erases is judged with what is kept for how long, by USE-05 in checks/test_retention.py.
"""

import hashlib
import json
import re
from datetime import timedelta
from pathlib import Path

import reference_site
from azukari.evidence import drills
from azukari.people.sealing_keys import FOLDER
from azukari.site.keys import public_key
from azukari.verify import check, collector, fail_unless_equal, not_applicable, not_evaluated
from azukari.verify.database import asked, sealed
from azukari.verify.systemd import credentials, handed, shown
from azukari.verify.website import BY_LETTERS, form_paths
from reference_site.recipients import NoRecipient, verified
from reference_site.sealing import key_id

DRILL = "letters"
SEALED_STEPS = re.compile(
    r"^(what is kept of a registration|every key tried on an address|an address |\S+ on \S+ killed)"
)
OUTAGE_STEPS = re.compile(
    r"^(a registration while the mail tier|its letter comes later|without the database|once it is)"
)


def must_send_letters(site):
    """Leave it out where nobody can register."""
    if not form_paths(site, BY_LETTERS):
        not_applicable("nobody can register for letters of this site")


@collector(scope="site")
def letters_drills(site):
    """The newest signed letters drills, each with what the signature says of it."""
    return drills.drills(site, DRILL)


def judge_drill(site, run, found, steps):
    """Fail unless the newest letters drill is signed, whole, young, of this policy, and these steps came out well."""
    must_send_letters(site)
    return drills.newest_drill(site, run, found, DRILL, steps)


# --- LEAK-21 ----------------------------------------------------------------------------------------------------------


@check("LEAK-21", proof="drill", hosts="site", collect=[letters_drills])
def test_an_address_is_found_nowhere_but_sealed(site, run, letters_drills):
    """In the newest drill, an address was on no host but sealed, and no key but the mail tier's opened it."""
    return judge_drill(site, run, letters_drills, SEALED_STEPS)


# What each service is handed, and by which name: the key that opens addresses is the mail tier's alone.
CREDENTIALS = {
    "app": {
        "database.password:/etc/azukari/site/database.password",
        "token.secret:/etc/azukari/site/token.secret",
        "host.key:/etc/azukari/tls/host.key",
        "intake.key:/etc/azukari/tls/intake.key",
    },
    "mail": {
        "delivery.key:/etc/azukari/letters/delivery.key",
        "letters.secret:/etc/azukari/letters/letters.secret",
        "database.password:/etc/azukari/letters/database.password",
        "letters.key:/etc/azukari/tls/letters.key",
    },
}
UNITS = {"app": "azukari-site.service", "mail": "azukari-letters.service"}


def unit_of(host):
    """Return the service of a host that has to do with addresses."""
    return next(unit for group, unit in UNITS.items() if group in host.declared.groups)


@collector()
def address_credentials(host):
    """What systemd's files say that the service which has to do with addresses is handed, in their order."""
    return credentials(host, unit_of(host))


@check("LEAK-21", hosts=["app", "mail"], collect=[address_credentials])
def test_the_key_is_handed_to_the_mail_tier_alone(host, site, address_credentials):
    """The forms' service and that of the letters are handed exactly what each needs; the key is the letters' alone."""
    must_send_letters(site)
    group = next(group for group in UNITS if group in host.declared.groups)
    found = handed(address_credentials)
    fail_unless_equal(
        found=found,
        promised=CREDENTIALS[group],
        where=f"systemctl cat {UNITS[group]} on {host.name}",
        what="what it gets",
    )
    return f"{len(found)} credentials, all promised"


def stated_for_mail(site):
    """Return the identifiers of the mail tier's keys that the office stated."""
    office, found = public_key(site.path, site.contract.office.key), set()
    for path in sorted((site.path / FOLDER).glob(f"{BY_LETTERS}*.json")):
        try:
            one = verified(path.read_bytes(), path.with_suffix(".json.sig").read_bytes(), office)
        except (OSError, NoRecipient):
            continue
        if (one.site, one.collection, one.holder) == (site.name, BY_LETTERS, "mail"):
            found.add(key_id(one.key))
    return found


@check("LEAK-21", hosts="db", collect=[sealed])
def test_of_a_subscriber_the_sealed_address_alone_is_kept(host, site, sealed):
    """Of whoever registered, one value is kept, for delivery alone, sealed for a key that is the mail tier's."""
    must_send_letters(site)
    known = stated_for_mail(site)
    findings = []
    for form, purpose, key, answers, _ in sealed:
        if form == BY_LETTERS and purpose != "delivery":
            findings.append(f"{answers} values are kept for {purpose}")
        elif form == BY_LETTERS and key not in known:
            findings.append(
                f"{answers} addresses are sealed for {key or 'nobody'}, which is no stated key of the mail tier"
            )
    assert not findings, f"{'; '.join(findings)}. Where to look: site.sealed() on {host.name}."
    return f"{sum(row[3] for row in sealed if row[0] == BY_LETTERS)} addresses, all for the mail tier's key"


PROGRAM = "/srv/azukari/letters"
MODULES = {
    "__init__", "answers", "database", "finder", "forms", "letters", "letters_message", "letters_opened",
    "letters_signed", "peers", "questions", "sealing", "signatures",
}  # fmt: skip


@collector()
def letters_program(host):
    """The letters' program as it lies there: {path: SHA-256}, and what else is neither file nor folder."""
    sums = host.command(["find", PROGRAM, "-type", "f", "-exec", "sha256sum", "{}", "+"])
    other = host.command(["find", PROGRAM, "-not", "-type", "f", "-not", "-type", "d"])
    if sums.exit_code or other.exit_code:
        not_evaluated(f"{PROGRAM} cannot be looked at: {(sums.stderr or other.stderr).strip()}")
    found = {path: digest for digest, path in (line.split("  ", 1) for line in sums.stdout.splitlines())}
    return found | dict.fromkeys(other.stdout.splitlines(), "no file")


@check("LEAK-21", hosts="mail", collect=[letters_program])
def test_only_the_declared_program_opens_addresses(host, site, letters_program):
    """What opens addresses, to write to them or to find them, is, file by file, azukari's own program."""
    must_send_letters(site)
    own = Path(reference_site.__file__).parent
    promised = {
        f"{PROGRAM}/reference_site/{name}.py": hashlib.sha256((own / f"{name}.py").read_bytes()).hexdigest()
        for name in MODULES
    }
    where = f"{PROGRAM} on {host.name}"
    fail_unless_equal(found=letters_program, promised=promised, where=where, what="the letters' program")
    return f"{len(letters_program)} files, all azukari's own"


# --- LOSS-12 ----------------------------------------------------------------------------------------------------------


@check("LOSS-12", proof="drill", hosts="site", collect=[letters_drills])
def test_what_came_in_during_an_outage_was_delivered(site, run, letters_drills):
    """In the newest drill, a registration made while the mail tier was away got its letter, once; without the database
    the visitor was told.
    """
    if not site.lab:
        not_evaluated("the mail tier and the database are stopped in a lab alone")
    return judge_drill(site, run, letters_drills, OUTAGE_STEPS)


# It comes back however often it fails; what it is started by, and that nothing else has a say.
UNIT = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "UnitFileState": "enabled",
    "FragmentPath": "/etc/systemd/system/azukari-letters.service",
    "DropInPaths": "",
    "NeedDaemonReload": "no",
    "Restart": "always",
    "StartLimitIntervalUSec": "0",
    "Environment": "PYTHONPATH=/srv/azukari/letters PYTHONDONTWRITEBYTECODE=1 HOME=/nonexistent",
}


@collector()
def letters_service(host):
    """What systemd says of the service that sends letters."""
    return shown(host, ",".join(["Id", *UNIT]), [UNITS["mail"]]).get(UNITS["mail"], {})


@check("LOSS-12", hosts="mail", collect=[letters_service])
def test_letters_never_stop_for_good(host, site, letters_service):
    """The service that sends letters runs, also after a reboot, and is started again however often it fails."""
    must_send_letters(site)
    found = {name: letters_service.get(name, "") for name in UNIT}
    where = f"systemctl show {UNITS['mail']} on {host.name}"
    fail_unless_equal(found=found, promised=UNIT, where=where, what="the service")
    return "it runs, and comes back however often it fails"


@collector()
def queued(host, site, run):
    """How many registrations wait for their letter, and since which day: [number, day]."""
    if not form_paths(site, BY_LETTERS):
        return [0, None]
    rows = "SELECT jsonb_build_array(registrations, oldest) FROM site.waiting() WHERE what = 'letter'"
    [line] = asked(host, [rows])
    return json.loads(line)


@check("LOSS-12", hosts="db", collect=[queued])
def test_no_registration_waits_for_long(host, site, run, queued):
    """No registration has waited for its letter since before yesterday."""
    must_send_letters(site)
    number, oldest = queued
    yesterday = (run.now - timedelta(days=2)).date().isoformat()
    assert not oldest or oldest >= yesterday, (
        f"{number} registrations wait for their letter, the oldest since {oldest}. "
        f"Where to look: journalctl -u {UNITS['mail']} on the mail host, site.waiting() on {host.name}."
    )
    return f"{number} registrations wait for their letter"
