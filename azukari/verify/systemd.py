"""What systemd says of units, by `systemctl show`; systemctl(1)."""

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


def moment(text: str | None) -> float:
    """Return systemd's “@seconds” as a number; 0 where it says never, or nothing."""
    return float(text[1:]) if text is not None and text.startswith("@") else 0
