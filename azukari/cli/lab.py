"""`azukari lab`: disposable servers on this machine, built like the real ones."""

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from azukari.cli.console import new_console
from azukari.cli.lab_demo import demo
from azukari.cli.options import SiteOption, chosen_site, site_folder
from azukari.errors import InputError
from azukari.lab import Lab, find, needs, remove
from azukari.site import SiteInvalid

app = typer.Typer(no_args_is_help=True, help="Disposable servers on this machine, built like the real ones.")
app.command("demo")(demo)

Host = Annotated[str, typer.Argument(metavar="HOST", help="The host's name.")]
Hosts = Annotated[list[str] | None, typer.Argument(metavar="[HOST]...", help="The hosts' names.")]


class To(StrEnum):
    """What `reset` returns a host to."""

    PROVISIONED = "provisioned"
    FRESH = "fresh"


class _Lines:
    """A line on standard error for each step that ended."""

    def __init__(self) -> None:
        self._console = new_console(stderr=True)

    def __call__(self, step: str, seconds: float) -> None:
        self._console.print(f"  {step:<20} [dim]{seconds:6.1f} s[/]")


def _lab(site: Path | None) -> Lab:
    return Lab.of(chosen_site(site), _Lines())


@app.command()
def up(
    site: SiteOption = None,
    mirror: Annotated[
        str | None, typer.Option(metavar="URL", help="Debian mirror; default: this machine's own.", show_default=False)
    ] = None,
    security_mirror: Annotated[
        str | None, typer.Option(metavar="URL", help="Mirror of Debian's security updates.", show_default=False)
    ] = None,
    resolver: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="DNS server that the hosts can reach.")
    ] = None,
) -> None:
    """Bring the lab up, or what is missing of it; also makes the keys and the approval that the lab's site lacks."""
    needs.require_machine("azukari lab up")
    from azukari.cli import lab_site  # with all that makes keys: the other verbs need not wait for it

    folder = site_folder(site)
    for sentence in lab_site.complete(folder, mirror, security_mirror, tuple(resolver or ())):
        new_console(stderr=True).print(f"  {sentence}")
    _lab(folder).up()


@app.command()
def down(
    site: SiteOption = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Also the cached images and all keys that the lab's site was given.")
    ] = False,
) -> None:
    """Take the lab down; nothing of it stays on this machine."""
    needs.require_root("azukari lab down")
    folder = site_folder(site)
    try:
        declared = chosen_site(folder)
    except SiteInvalid:  # an edit half done must not keep anybody from cleaning up
        remove(find(folder=folder))
        return
    if not declared.lab:
        raise InputError(f"The site “{declared.name}” is a real one; there is no lab to take down.")
    Lab.of(declared).down()
    if everything:
        from azukari.cli import lab_site

        lab_site.forget(declared)


@app.command()
def reset(
    hosts: Hosts = None,
    site: SiteOption = None,
    to: Annotated[To, typer.Option(help="The newest snapshot, or the bare image.")] = To.PROVISIONED,
    every: Annotated[bool, typer.Option("--all", help="All hosts.")] = False,
) -> None:
    """Return hosts to their newest snapshot (fresh where there is none)."""
    lab = _lab(site)
    if bool(hosts) == every:
        raise InputError("Name the hosts to reset, or give --all.")
    lab.reset(hosts or [host.name for host in lab.layout.hosts], to=to.value)


@app.command()
def snapshot(hosts: Hosts = None, site: SiteOption = None) -> None:
    """Keep hosts (default: all) as they are now, as what `reset` returns to."""
    _lab(site).snapshot(hosts or None)


@app.command()
def restart(hosts: Hosts = None, site: SiteOption = None) -> None:
    """Shut hosts (default: all) down and start them again with what is on their disks."""
    lab = _lab(site)
    lab.restart(hosts or [host.name for host in lab.layout.hosts])


@app.command()
def status(
    site: SiteOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Tell how each host is."""
    declared = chosen_site(site)
    found = Lab.of(declared).status()
    if as_json:
        print(json.dumps({"site": declared.name, "hosts": [vars(host) for host in found]}, indent=1))
        return
    table = Table("host", "state", "IPv4", "IPv6", "snapshots", box=None)
    for host in found:
        colour = {"up": "green", "starting": "yellow", "down": "red"}[host.state]
        table.add_row(host.name, f"[{colour}]{host.state}[/]", host.address, host.address6, str(host.snapshots))
    new_console().print(table)


@app.command("exec")
def execute(
    host: Host,
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="The command and its arguments.")],
    site: SiteOption = None,
) -> int:
    """Run a command as root on a host; input, output and exit code pass through."""
    needs.require_root("azukari lab exec")
    return Lab.of(chosen_site(site)).execute(host, command)


@app.command()
def ssh(host: Host, site: SiteOption = None) -> int:
    """Open root's shell on a host, as on its console: needs neither network nor keys there."""
    needs.require_root("azukari lab ssh")
    shell = ["/bin/bash", "--login"]
    if sys.stdin.isatty():
        # The caller's terminal is unknown inside; this one is the host's own.
        shell = ["/usr/bin/script", "--quiet", "--return", "--command", " ".join(shell), os.devnull]
    return Lab.of(chosen_site(site)).execute(host, shell)
