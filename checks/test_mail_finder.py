"""LEAK-21: a person's registrations are found by the office's signed question alone, through one closed door.

That a question which is unsigned, somebody else's, answered before or one too many is refused, is shown with the
program itself in tests/unit/reference_site/test_finder.py and tests/lab/test_requests.py: an attempt from here would
need a second way to the door, and a good question would use up what the office may ask. What runs behind the door is
that program, file by file (checks/test_site_letters.py).
"""

import json

from azukari.site.keys import public_key
from azukari.verify import check, collector, fail_unless_equal, not_applicable, not_evaluated
from azukari.verify.systemd import credentials, handed, shown
from azukari.verify.website import BY_LETTERS, form_paths

DOOR = "/run/azukari-finder.socket"
SOCKET, SERVICE = "azukari-finder.socket", "azukari-finder.service"
FOLDER = "/etc/azukari/letters"
QUESTIONS_AN_HOUR = 10

# What `systemctl show` must say; a drop-in anywhere shows here.
PROMISED = {
    SOCKET: {
        "ActiveState": "active",
        "UnitFileState": "enabled",
        "FragmentPath": f"/etc/systemd/system/{SOCKET}",
        "DropInPaths": "",
        "NeedDaemonReload": "no",
        "Listen": f"{DOOR} (Stream)",
        "Accept": "no",
        "SocketUser": "root",
        "SocketGroup": "root",
        "SocketMode": "0600",
        "Triggers": SERVICE,
    },
    SERVICE: {
        "FragmentPath": f"/etc/systemd/system/{SERVICE}",
        "DropInPaths": "",
        "NeedDaemonReload": "no",
        "DynamicUser": "yes",
        "SupplementaryGroups": "",
        "StateDirectory": "azukari-finder",
        "StateDirectoryMode": "0700",
        "ReadWritePaths": "",
        "Environment": "PYTHONPATH=/srv/azukari/letters PYTHONDONTWRITEBYTECODE=1 HOME=/nonexistent",
        "ExecStart": "/usr/bin/python3 -m reference_site.finder",
        "ExecStartPre": "",
        "ExecStartPost": "",
        "ExecStopPost": "",
    },
}
CREDENTIALS = {
    "delivery.key:/etc/azukari/letters/delivery.key",
    "letters.secret:/etc/azukari/letters/letters.secret",
    "database.password:/etc/azukari/letters/finder.password",
    "finder.key:/etc/azukari/tls/finder.key",
}
# What the mail tier is handed, whose it is and who may read it: the keys are root's alone.
HELD = {
    ".": "root:root 755",
    "delivery.key": "root:root 600",
    "database.password": "root:root 600",
    "finder.password": "root:root 600",
    "letters.secret": "root:root 600",
    "finder.json": "root:root 644",
    "letters.json": "root:root 644",
}
STATE = "root:root 700"  # of /var/lib/private: what was answered lies below it, and nobody but root looks in


def must_find(site):
    """Leave it out where nobody can register, so that nobody is to be found."""
    if not form_paths(site, BY_LETTERS):
        not_applicable("nobody can register for letters of this site")


@collector()
def finder_units(host):
    """What systemd says of the finder's door and of the service behind it; and what that one is handed."""
    names = dict.fromkeys(name for promised in PROMISED.values() for name in promised)
    return {
        "shown": shown(host, ",".join(["Id", *names]), list(PROMISED)),
        "credentials": credentials(host, SERVICE),
    }


def plainly(text):
    """Return what systemd says of a property; of a command its words alone."""
    return text.partition("argv[]=")[2].partition(" ;")[0].strip() if "argv[]=" in text else text


@check("LEAK-21", hosts="mail", collect=[finder_units])
def test_one_closed_door_with_the_finder_behind(host, site, finder_units):
    """Root alone opens the finder's door; behind it is azukari's own program, with the keys that it needs alone."""
    must_find(site)
    found = {
        f"{name} of {unit}": plainly(finder_units["shown"].get(unit, {}).get(name, ""))
        for unit, promised in PROMISED.items()
        for name in promised
    }
    promised = {f"{name} of {unit}": value for unit, said in PROMISED.items() for name, value in said.items()}
    where = f"systemctl show {' '.join(PROMISED)} on {host.name}"
    fail_unless_equal(found=found, promised=promised, where=where, what="the finder")
    where = f"systemctl cat {SERVICE} on {host.name}"
    fail_unless_equal(found=handed(finder_units["credentials"]), promised=CREDENTIALS, where=where, what="what it gets")
    return f"{len(found)} properties and {len(CREDENTIALS)} credentials, all as promised"


@collector()
def finder_files(host):
    """Who may open the door and read what the mail tier is handed: {path: owner and mode}; and its settings."""
    door = host.command(["stat", "--format=%U:%G %a", DOOR, "/var/lib/private"])
    held = host.command(["find", FOLDER, "-printf", "%P %u:%g %m\\n"])
    told = host.command(["cat", f"{FOLDER}/finder.json"])
    for answer in (door, held, told):
        if answer.exit_code:
            not_evaluated(f"the finder's files cannot be looked at: {answer.stderr.strip()}")
    rows = [line.partition(" ") for line in held.stdout.splitlines()]
    return {
        "door": door.stdout.splitlines(),
        "held": {name or ".": rest for name, _, rest in rows},
        "told": told.stdout,
    }


@check("LEAK-21", hosts="mail", collect=[finder_files])
def test_door_keys_and_record_are_closed(host, site, finder_files):
    """The finder's door, its keys and its record are root's alone, and there is nothing beside them."""
    must_find(site)
    where = f"{DOOR}, /var/lib/private on {host.name}"
    fail_unless_equal(found=finder_files["door"], promised=["root:root 600", STATE], where=where, what="the door")
    fail_unless_equal(found=finder_files["held"], promised=HELD, where=f"{FOLDER} on {host.name}", what="what is held")
    return f"the door and {len(HELD)} files, root's alone"


@check("LEAK-21", hosts="mail", collect=[finder_files])
def test_whose_questions_are_answered_and_how_many(host, site, finder_files):
    """The finder answers the office's questions alone, ten an hour, and asks the database as a role of its own."""
    must_find(site)
    try:
        told = json.loads(finder_files["told"])
    except ValueError:
        told = None
    database = site.group("db")[0]
    promised = {
        "site": site.name,
        "office_key": public_key(site.path, site.contract.office.key),
        "questions_an_hour": QUESTIONS_AN_HOUR,
        "database": {
            "host": database.name,
            "hostaddr": str(database.address),
            "port": 5432,
            "dbname": "site",
            "user": "finder",
        },
    }
    fail_unless_equal(found=told, promised=promised, where=f"{FOLDER}/finder.json on {host.name}", what="settings")
    return f"the office's alone, {QUESTIONS_AN_HOUR} an hour"


# As the audit account; nothing is sent, so that nothing is asked.
OPEN = f"""
import socket
with socket.socket(socket.AF_UNIX) as way:
    way.settimeout(5)
    try:
        way.connect("{DOOR}")
    except OSError as error:
        print(type(error).__name__)
    else:
        print("it opened")
"""


@collector(proof="attempt")
def knocked(host):
    """What the audit account met at the finder's door."""
    answer = host.command(["python3", "-I", "-c", OPEN])
    if answer.exit_code:
        not_evaluated(f"the door could not be tried: {answer.stderr.strip()[-300:]}")
    return answer.stdout.strip()


@check("LEAK-21", proof="attempt", vantage="host", hosts="mail", collect=[knocked])
def test_the_audit_cannot_ask(host, site, knocked):
    """The audit account, which can open some sockets, cannot open the finder's."""
    must_find(site)
    if knocked in {"FileNotFoundError", "ConnectionRefusedError"}:
        not_evaluated(f"there is no {DOOR} on {host.name}, so that nothing was refused there")
    assert knocked == "PermissionError", f"{DOOR} on {host.name}: {knocked}. Where to look: ls -l {DOOR}."
    return "permission denied"
