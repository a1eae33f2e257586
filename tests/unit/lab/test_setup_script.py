"""`make setup` installs what the lab asks for."""

import re
from pathlib import Path

from azukari.lab.needs import COMMANDS, FILES

REPOSITORY = Path(__file__).resolve().parents[3]


def test_the_set_up_has_every_package_that_the_lab_needs() -> None:
    script = (REPOSITORY / "tools" / "setup").read_text()
    listed = re.search(r"PACKAGES=\(([^)]*)\)", script)
    assert listed
    assert {*COMMANDS.values(), *FILES.values()} <= set(listed[1].split())
