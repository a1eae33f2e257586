"""What systemd says of units, by `systemctl show`; systemctl(1)."""

import re
from collections.abc import Sequence

from azukari.verify.authoring import not_evaluated
from azukari.verify.host import CheckHost


def shown(host: CheckHost, properties: str, units: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return what systemd says of units, by their names; moments as “@seconds”.

    Args:
        host: whom to ask.
        properties: their names, with commas between; `Id` among them.
        units: their names; one that is not there is told of too.

    Raises:
        NotEvaluated: systemd does not answer.
    """
    answer = host.command(["systemctl", "show", "--timestamp=unix", f"--property={properties}", *units])
    if answer.exit_code:
        not_evaluated(f"systemd does not answer: {answer.stderr.strip()}")
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in answer.stdout.split("\n\n")
    ]
    return {block["Id"]: block for block in blocks if "Id" in block}


_HANDED = re.compile(r"^(\w*Credential\w*)=(.*)$", re.MULTILINE)


def credentials(host: CheckHost, unit: str) -> list[list[str]]:
    """Return what a unit's files say that it is handed, as [setting, value], in their order; systemd.exec(5).

    Raises:
        NotEvaluated: systemd does not answer.
    """
    answer = host.command(["systemctl", "cat", unit])
    if answer.exit_code:
        not_evaluated(f"systemd does not answer: {answer.stderr.strip()}")
    return written(answer.stdout)


def written(text: str) -> list[list[str]]:
    """Return the same of the text of a unit's files."""
    return [list(found) for found in _HANDED.findall(text)]


def handed(found: Sequence[Sequence[str]]) -> set[str]:
    """Return of `credentials` those from files as “name:path”, and any others with their settings' names."""
    return {value if setting == "LoadCredential" else f"{setting}={value}" for setting, value in found}


_EXPOSURE = re.compile(r"Overall exposure level for (\S+): ([\d.]+) ")


def exposures(host: CheckHost, services: Sequence[str]) -> dict[str, float]:
    """Return how open services are, from 0 to 10, by their names; systemd-analyze(1).

    One that systemd cannot load is left out. To look at all of a server's services would cost systemd far more.

    Raises:
        NotEvaluated: systemd does not answer.
    """
    answer = host.command(["systemd-analyze", "security", "--no-pager", *services])
    found = {name: float(score) for name, score in _EXPOSURE.findall(answer.stdout)}
    if not found and "cannot analyze" not in answer.stderr:
        not_evaluated(f"systemd-analyze named no service: {answer.stderr.strip()[-300:]}")
    return found


def moment(text: str | None) -> float:
    """Return systemd's “@seconds” as a number; 0 where it says never, or nothing."""
    return float(text[1:]) if text is not None and text.startswith("@") else 0
