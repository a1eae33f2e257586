"""One provisioned lab for all tests of a session: its own site folder, state and network, beside any lab of the user's.

For developers: `AZUKARI_KEEP_LAB=1` leaves it up for the next run, `python -m tests.provisioned down` ends it, and
`AZUKARI_TEST_LAB=70` takes a lab of that number beside another.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from azukari.lab import Lab
from azukari.site import Site, load

REPOSITORY = Path(__file__).resolve().parents[1]
NUMBER = int(os.environ.get("AZUKARI_TEST_LAB", "65"))  # third number of its addresses; inventory/lab has 64
FOLDER = Path("/var/tmp/azukari-tests" if NUMBER == 65 else f"/var/tmp/azukari-tests-{NUMBER}")
MARKER = FOLDER / "provisioned"
APPLY_SECONDS = 900


def azukari(
    *arguments: str, timeout: float = 300, root: Path = REPOSITORY, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would, with the test lab's state.

    Args:
        arguments: the verb and its options.
        timeout: seconds.
        root: the checkout to run; lock-out tests run a copy with one wrong file.
        given: its standard input.
    """
    return subprocess.run(
        [sys.executable, "-m", "azukari", *arguments],
        cwd=root,
        env=environment(root),
        input=given,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def environment(root: Path = REPOSITORY) -> dict[str, str]:
    """Return the environment of a run: state beside the test site, never the user's own."""
    return {
        **os.environ,
        "AZUKARI_HOME": str(FOLDER / "home"),
        "AZUKARI_SITE": str(FOLDER / "site"),
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "200",
    }


def declare(folder: Path = FOLDER / "site", number: int = NUMBER) -> None:
    """Copy inventory/lab to a site of the tests' own, with its own name and addresses."""
    shutil.copytree(
        REPOSITORY / "inventory" / "lab",
        folder,
        ignore=shutil.ignore_patterns("keys", "secrets", "approval.*", "upstream.yml"),
    )
    for file in [folder / "hosts.yml", *(folder / "group_vars" / "all").glob("*.yml")]:
        text = (
            file.read_text().replace("198.18.64.", f"198.18.{number}.").replace("2001:2:0:64:", f"2001:2:0:{number}:")
        )
        file.write_text(re.sub(r"(?m)^  name: lab$", f"  name: lab{number}", text))


def site() -> Site:
    """Return the declared test site as it stands."""
    os.environ["AZUKARI_HOME"] = str(FOLDER / "home")
    return load(FOLDER / "site")


def up() -> None:
    """Bring the test lab up, provisioned and kept as snapshot; quick when it is there already.

    A lab whose authority had to be started anew, as after the machine was, is built anew: what its snapshot serves is
    trusted by nobody.
    """
    if MARKER.exists() and azukari("lab", "up").returncode == 0 and MARKER.read_text() == _trusted():
        return
    down()
    FOLDER.mkdir(parents=True)
    declare()
    _must("lab", "up", timeout=600)
    _must("apply", timeout=APPLY_SECONDS)
    _must("lab", "snapshot")
    _must("drill", "canary")  # the newest of each is judged in each verify
    _must("drill", "mail")
    _must("drill", "letters")
    _must("drill", "erasure")
    MARKER.write_text(_trusted())


def _trusted() -> str:
    """Return the authority that the website's visitors trust now."""
    return Lab.of(site()).layout.issuer_roots.read_text()


def _must(*arguments: str, timeout: float = 300) -> None:
    done = azukari(*arguments, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"azukari {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")


def forget() -> None:
    """Have the next `up` build the lab anew: its snapshot is not to be trusted any more."""
    MARKER.unlink(missing_ok=True)


def down() -> None:
    """Take the test lab down and remove its folder."""
    if (FOLDER / "site").exists():
        azukari("lab", "down")
    shutil.rmtree(FOLDER, ignore_errors=True)


@contextmanager
def session() -> Iterator[Lab]:
    """Give the provisioned lab to a test session, and take it down afterwards."""
    up()
    try:
        yield Lab.of(site())
    finally:
        if os.environ.get("AZUKARI_KEEP_LAB") != "1":
            down()


if __name__ == "__main__":
    {"up": up, "down": down}[sys.argv[1]]()
