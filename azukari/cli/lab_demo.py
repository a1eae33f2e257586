"""`azukari lab demo`: the main job, whole, on this machine."""

import subprocess
import sys
import time

from azukari.cli.console import new_console
from azukari.cli.options import SiteOption, site_folder
from azukari.lab import Lab
from azukari.site import Site, load

_PLANNED = (0, 4)  # no change, or changes: for verify to judge
_DRILLED = (0, 1)  # as promised, or not: for verify to judge
_JUDGED = (0, 1, 2)  # verify's exit codes that leave evidence to report


def demo(site: SiteOption = None) -> int:
    """Do the main job: lab up, apply, drill, verify, report. Can be run again at any time; exit code as of `verify`."""
    folder = str(site_folder(site))
    console = new_console(stderr=True)
    started = time.monotonic()

    def do(*verb: str) -> int:
        console.print(f"\n[bold]azukari {' '.join(verb)}[/]  [dim]({time.monotonic() - started:.0f} s)[/]")
        return subprocess.run([sys.executable, "-m", "azukari", *verb, "--site", folder], check=False).returncode

    for verb in (["lab", "up"], ["apply"]):
        if code := do(*verb):
            return code
    declared = load(folder)
    unkept = [host.name for host in Lab.of(declared).status() if not host.snapshots]
    # From here on `lab reset` takes seconds; and what is judged below has been through a restart.
    if unkept and (code := do("lab", "snapshot", *unkept)):
        return code
    for drill in ("canary", "mail", "letters", "erasure"):
        if (drilled := do("drill", drill)) not in _DRILLED:
            return drilled
    if (planned := do("plan")) not in _PLANNED:  # DEST-10 asks for the newest signed plan
        return planned
    judged = do("verify")
    if judged not in _JUDGED:
        return judged
    code = do("report")
    for address in _website(declared):
        console.print(f"The lab's website, from this machine: [bold]{address}[/]")
    console.print(f"All of it took {time.monotonic() - started:.0f} s; take it down with `make clean`.")
    return code or judged


def _website(declared: Site) -> list[str]:
    """Say where the site's pages are seen from this machine; their name is known to nobody's DNS."""
    hosts = declared.group("web")
    names = " ".join(declared.settings.names)
    return [f"https://{host.address}/ ({names})" for host in hosts]
