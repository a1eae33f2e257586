"""`azukari doctor`: what stands in the way, on this machine and on the site's hosts."""

import shutil

from rich.markup import escape

from azukari.cli.console import new_console
from azukari.cli.options import SiteOption, chosen_site
from azukari.cli.plan import Limit, words
from azukari.cli.progress import Lines
from azukari.people import authority
from azukari.provision import apply as provisioning
from azukari.provision.preflight import Finding
from azukari.provision.recovery import recover
from azukari.provision.session import session as working_on
from azukari.site import Site, approval
from azukari.verify import browser

_TOOLS = {
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "nft": "nftables",
    browser.PROGRAM: browser.PACKAGE,  # without it, USE-03 and USE-06 are not evaluated
}


def command(
    site: SiteOption = None,
    limit: Limit = None,
) -> int:
    """Run the preflight alone: this machine, the declared site, every host; each finding with what to do about it.

    Exit code 0: nothing stands in the way; 2: something does; 1: a host had rolled a change back.
    """
    console = new_console(stderr=True)
    declared = chosen_site(site)
    findings = _this_machine() + _declaration(declared)
    rolled_back: list[str] = []
    if authority.domains_at_hand(declared):
        with working_on(declared, words(limit, "--limit")) as at:
            findings += provisioning.preflight(at, Lines(console))
            rolled_back = recover(at, at.hosts)
    for sentence in rolled_back:
        console.print(f"[bold red]Rolled back:[/] {escape(sentence)}")
    for finding in findings:
        console.print(f"[yellow]{finding.where}[/]: {escape(finding.what)}\n    {escape(finding.remedy)}")
    if not findings and not rolled_back:
        console.print("[green]Nothing stands in the way.[/]")
        return 0
    return 1 if rolled_back else 2


def _this_machine() -> list[Finding]:
    return [
        Finding("this machine", f"lacks the program “{tool}”.", f"Install it: apt-get install {package}")
        for tool, package in _TOOLS.items()
        if not shutil.which(tool) and not shutil.which(f"/usr/sbin/{tool}")
    ]


def _declaration(site: Site) -> list[Finding]:
    found = []
    if not authority.domains_at_hand(site):
        remedy = "Ask the keepers in contract.yml, or make keys with `azukari init`; in the lab, `azukari lab up` does."
        found.append(Finding("this machine", "holds no trust domain's keys, so no host can be asked.", remedy))
    state = approval(site)
    if state.state != "approved":
        changed = f": {', '.join(state.changed)}" if state.changed else ""
        found.append(
            Finding(
                "the site",
                f"is not approved as it stands ({state.state}{changed}).",
                "Have the office run `azukari site approve`.",
            )
        )
    return found
