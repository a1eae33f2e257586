"""What the forms' own credentials get when they try, on the application's host, what they must not.

The program that tries is azukari-intake-attempts (role site); checks of several roles judge what it says.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from azukari.verify.authoring import collector, not_evaluated
from azukari.verify.host import CheckHost

SOCKET = "/run/azukari-intake-attempts.socket"
ASK = f"""
import socket, sys
one = socket.socket(socket.AF_UNIX)
one.settimeout(50)
one.connect({SOCKET!r})
while said := one.recv(65536):
    sys.stdout.buffer.write(said)
"""
# By which words the database refuses a connection.
REFUSALS = re.compile(
    r"FATAL: .*(no pg_hba\.conf entry|certificate|authentication failed|permission denied)|protocol version"
)


@collector(proof="attempt")
def tried_as_intake(host: CheckHost) -> dict[str, Any]:
    """What the website's role got when it tried, on the application's host, what it must not."""
    answer = host.command(["python3", "-I", "-c", ASK], seconds=60, fresh=True)
    if answer.exit_code:
        return {"error": (answer.stderr.strip().splitlines() or ["no answer"])[-1]}
    try:
        found: dict[str, Any] = json.loads(answer.stdout)
    except ValueError:
        return {"error": "the program that tries gave no answer"}
    return found


def answered(found: dict[str, Any]) -> dict[str, Any]:
    """Return what was tried, or end the check as not evaluated: a refusal of everybody proves nothing."""
    if "error" in found:
        not_evaluated(found["error"])
    if found["usual"] != "done":
        not_evaluated(f"the website's role itself does not get in: {found['usual']}")
    return found


def must_be_tried(wanted: Iterable[str], tries: Iterable[str]) -> None:
    """End the check as not evaluated when something was not tried: what nobody tried was not refused.

    Args:
        wanted: how what must be tried begins.
        tries: what was tried.
    """
    if missing := sorted(one for one in wanted if not any(what.startswith(one) for what in tries)):
        not_evaluated(f"not tried: {'; '.join(missing)}")
