"""What the credentials of each service get when they try, on its own host, what they must not get in the database.

The program that tries is azukari-database-attempts (role database); checks of several roles judge what it says.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from azukari.site import Site
from azukari.verify.authoring import collector, not_applicable, not_evaluated
from azukari.verify.host import CheckHost
from azukari.verify.website import BY_LETTERS, form_paths

SOCKET = "/run/azukari-database-attempts.socket"
ASK = f"""
import socket, sys
one = socket.socket(socket.AF_UNIX)
one.settimeout(50)
one.connect({SOCKET!r})
while said := one.recv(65536):
    sys.stdout.buffer.write(said)
"""
# From the hosts of which group each role of the database comes, for whom, and where its service is told how to connect.
CLIENTS = {"app": "intake", "mail": "letters"}
SERVICES = {"intake": "the forms", "letters": "the letters' service"}
TOLD = {
    "intake": "/etc/azukari/site/site.json, reference_site/database.py",
    "letters": "/etc/azukari/letters/letters.json, reference_site/database.py",
}
# By which words the database refuses a connection.
REFUSALS = re.compile(
    r"FATAL: .*(no pg_hba\.conf entry|certificate|authentication failed|permission denied)|protocol version"
)


@collector(proof="attempt")
def tried_at_database(host: CheckHost) -> dict[str, Any]:
    """What this host's role got when it tried, from here, what it must not get in the database."""
    answer = host.command(["python3", "-I", "-c", ASK], seconds=60, fresh=True)
    if answer.exit_code:
        return {"error": (answer.stderr.strip().splitlines() or ["no answer"])[-1]}
    try:
        found: dict[str, Any] = json.loads(answer.stdout)
    except ValueError:
        return {"error": "the program that tries gave no answer"}
    return found


def role_of(host: CheckHost, site: Site) -> str:
    """Return the role by which a service of this host comes to the database."""
    return next(role for group, role in CLIENTS.items() if group in site.hosts[host.name].groups)


def answered(host: CheckHost, site: Site, found: dict[str, Any]) -> dict[str, Any]:
    """Return what was tried, or end the check as not evaluated: a refusal of everybody proves nothing.

    Where nobody can register for letters, the mail tier does not come to the database: the check is not applicable.
    """
    role = role_of(host, site)
    if role == "letters" and not form_paths(site, BY_LETTERS):
        not_applicable("nobody can register for letters of this site, so that nothing here comes to the database")
    if "error" in found:
        not_evaluated(found["error"])
    if found.get("role") != role:
        not_evaluated(f"not {role} tried, which is this host's role, but {found.get('role', 'nobody who says who')}")
    if found["usual"] != "done":
        not_evaluated(f"the role {role} itself does not get in: {found['usual']}")
    return found


def must_be_tried(wanted: Iterable[str], tries: Iterable[str]) -> None:
    """End the check as not evaluated when something was not tried: what nobody tried was not refused.

    Args:
        wanted: how what must be tried begins.
        tries: what was tried.
    """
    if missing := sorted(one for one in wanted if not any(what.startswith(one) for what in tries)):
        not_evaluated(f"not tried: {'; '.join(missing)}")
