"""`azukari site`: check, show, approve and compare the declared site; fetch its sealed answers and its statistics."""

import getpass
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text as Words

from azukari import safeguards
from azukari.cli import site_answers, site_send, site_statistics
from azukari.cli.console import new_console
from azukari.cli.options import SiteOption, chosen_site
from azukari.errors import InputError
from azukari.site import Approval, Site, approval, approve, changes, holders_dir, remember, reminders, zone
from azukari.site.keys import public_key_file
from reference_site.answers import MAIL_SERVICE

app = typer.Typer(
    no_args_is_help=True, help="Check, show, approve and compare the declared site; fetch its sealed answers."
)
app.command()(site_answers.answers)
app.command()(site_answers.reseal)
app.command()(site_statistics.statistics)
app.command()(site_send.send)

_STATES = {
    "approved": "approved by the office as it stands",
    "changed": "changed since the office approved it",
    "missing": "not approved by the office yet",
    "forged": "NOT approved: approval.sig is not a signature by the office's key over this site",
}

_OfficeKey = Annotated[
    Path | None,
    typer.Option(
        "--office-key",
        metavar="FILE",
        help="The office's public key as the office itself gave it; default: the one that the contract names.",
        show_default=False,
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
_Another = Annotated[bool, typer.Option("--another", help="Make one more this year, because the key got out.")]


@app.command()
def check(site: SiteOption = None, office_key: _OfficeKey = None, as_json: _Json = False) -> None:
    """Read the whole site; say every problem with its file and line, or what is declared and whether it is approved.

    With --office-key it is a gate: exit code 4 when the office has not approved the site as it stands, 1 when the
    signature is not by that key.
    """
    loaded = chosen_site(site)
    _waived_can_be(loaded)
    found = _approval(loaded, office_key)
    left = reminders(loaded)
    if as_json:
        data = {"site": loaded.name, "digest": loaded.digest(), "approval": _approval_data(found), "reminders": left}
        print(json.dumps(data, ensure_ascii=False, indent=2))
        raise typer.Exit(_gate(found, office_key))
    console = new_console(soft_wrap=True)
    console.print(Words(f"The site {loaded.name} is well declared: {_counts(loaded)}."))
    _print_approval(console, loaded, found)
    if left:
        console.print("\nStill to do before real use:")
        for reminder in left:
            console.print(Words(f"  • {reminder}"))
    raise typer.Exit(_gate(found, office_key))


@app.command()
def show(site: SiteOption = None, as_json: _Json = False) -> None:
    """Show hosts, flows and people as azukari understands them."""
    loaded = chosen_site(site)
    if as_json:
        print(json.dumps(_data(loaded), ensure_ascii=False, indent=2))
        return
    console = new_console()
    hosts = _table("host", "groups", "domain", "address", "address6")
    for host in loaded.hosts.values():
        hosts.add_row(host.name, " ".join(host.groups), host.domain, str(host.address), str(host.address6 or ""))
    flows = _table("from", "to", "port", "why")
    for flow in loaded.flows:
        flows.add_row(flow.source, flow.to, f"{flow.port}/{flow.protocol}", Words(flow.why))
    people = _table("person", "duty", "hosts", "until", "")
    today = loaded.today()
    for person in loaded.contract.people:
        state = "" if person.current(today) else "not today"
        people.add_row(person.name, person.duty, " ".join(person.hosts), str(person.until), state)
    for signing in loaded.contract.disclosers:
        state = "" if signing.current(today) else "not today"
        people.add_row(signing.name, "signs disclosures", "", str(signing.until), state)
    for table in (hosts, flows, people):
        console.print(table)
        console.print()
    _print_approval(new_console(soft_wrap=True), loaded, approval(loaded))


@app.command("approve")
def approve_site(
    site: SiteOption = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="The office's private key, or its public half when an ssh-agent holds the private one.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Sign the site as it stands, as the office: everything that it declares is what the office approves."""
    loaded = chosen_site(site)
    _waived_can_be(loaded)
    private = key or holders_dir(loaded) / "office" / "approval"
    if not private.exists():
        raise InputError(
            f"The office's key is not on this machine ({private} does not exist): the office approves on its own "
            f"machine with: azukari site approve --site {loaded.path} --key FILE"
        )
    console = new_console(soft_wrap=True)
    before = approval(loaded)
    if before.state == "changed":
        _print_changes(console, loaded)
    after = approve(loaded, private)
    remember(loaded)
    console.print(Words(f"The site {loaded.name} is approved: {_counts(loaded)}."))
    _print_approval(console, loaded, after)


@app.command()
def diff(site: SiteOption = None, office_key: _OfficeKey = None) -> None:
    """Show what changed since the office approved the site, file by file (exit code 4 when anything did)."""
    loaded = chosen_site(site)
    key = None if office_key is None else public_key_file(office_key, "The office's key")
    console = new_console(soft_wrap=True)
    if _print_changes(console, loaded, key):
        raise typer.Exit(4)
    console.print(Words(f"The site {loaded.name} is what the office approved."))


@app.command("zone")
def print_zone(site: SiteOption = None) -> None:
    """Print the DNS records that the office publishes for the site, as lines of a master file (RFC 1035)."""
    loaded = chosen_site(site)
    for record in zone.records(loaded):
        print(record.line())
    for host in loaded.group("mail"):
        for address in filter(None, (host.address, host.address6)):
            print(f"; whoever owns {address}: {address.reverse_pointer}. IN PTR {zone.sending_name(loaded, host)}.")
    if loaded.group("mail") and zone.signing_selector(loaded) is None:
        raise InputError("The site has no key that signs mail, so a record is missing; make it: azukari site dkim")


@app.command()
def dkim(site: SiteOption = None, another: _Another = False) -> None:
    """Make this year's key that signs mail; the office approves and publishes its public half, then `apply` uses it."""
    from azukari.people import dkim_keys

    loaded = chosen_site(site)
    if not loaded.group("mail"):
        raise InputError("The site has no host in the group mail, so it signs no mail.")
    selector = dkim_keys.make(loaded, another=another)
    console = new_console(soft_wrap=True)
    if selector is None:
        console.print("This year's key is there already and stays. If it got out, make another: --another")
        return
    console.print(Words(f"Made keys/dkim/{selector}.pem; its private half is in secrets/production.yml."))
    console.print("Next: `azukari site approve` by the office, `azukari site zone` for its DNS, then `azukari apply`.")


@app.command("mail-key")
def mail_key(site: SiteOption = None, another: _Another = False) -> None:
    """Make this year's key for which subscribers' addresses are sealed; the office states its public half."""
    from azukari.people import mail_keys

    loaded = chosen_site(site)
    if not loaded.group("mail"):
        raise InputError("The site has no host in the group mail, so nobody could open subscribers' addresses.")
    name = mail_keys.make(loaded, another=another)
    console = new_console(soft_wrap=True)
    if name is None:
        console.print("This year's key is there already and stays. If it got out, make another: --another")
        return
    console.print(Words(f"Made {mail_keys.FOLDER}/{name}.pem; its private half is in secrets/production.yml."))
    console.print(
        Words(
            f"Next: `azukari office key {MAIL_SERVICE}` and `azukari site approve` by the office, then `azukari apply`."
        )
    )


@app.command("acme-key")
def acme_key(site: SiteOption = None) -> None:
    """Keep the key of an account bought at a certificate authority, read from standard input, among the secrets."""
    from azukari.people import acme_keys

    loaded = chosen_site(site)
    given = getpass.getpass("The account's key: ") if sys.stdin.isatty() else sys.stdin.read()
    account = acme_keys.keep(loaded, given)
    console = new_console(soft_wrap=True)
    console.print(Words(f"Kept the key of {account} in secrets/production.yml, encrypted."))
    console.print("Next: `azukari apply --tags pki`.")


def _waived_can_be(site: Site) -> None:
    """Refuse a waiver of what nobody judges: it would be approved, and mean nothing."""
    known = safeguards.load().safeguards
    for exception in site.exceptions:
        if exception.safeguard not in known:
            raise InputError(
                f"group_vars/all/exceptions.yml: there is no safeguard {exception.safeguard}; "
                "`azukari safeguards` lists them; correct it."
            )
        if known[exception.safeguard].status == "planned":
            raise InputError(
                f"group_vars/all/exceptions.yml: {exception.safeguard} is planned: nothing can be waived; remove it."
            )


def _approval(site: Site, office_key: Path | None) -> Approval:
    found = approval(site, None if office_key is None else public_key_file(office_key, "The office's key"))
    if found.state == "approved":
        remember(site)
    return found


def _gate(found: Approval, office_key: Path | None) -> int:
    """Return the exit code: without the office's own key nothing can be held against the declaration."""
    return 0 if office_key is None else {"approved": 0, "forged": 1}.get(found.state, 4)


def _print_approval(console: Console, site: Site, found: Approval) -> None:
    style = {"approved": "green", "forged": "bold red"}.get(found.state, "yellow")
    console.print(Words.assemble("approval  ", (_STATES[found.state], style)))
    for path in found.changed:
        console.print(Words(f"          {path}"))
    if found.signer:
        console.print(Words(f"office    {found.signer}  (compare it with what the office says)"))
    console.print(Words(f"digest    {site.digest()}"))
    if found.state == "changed":
        console.print("`azukari site diff` shows what changed; `azukari site approve` is the office's to do.")


def _print_changes(console: Console, site: Site, office_key: str | None = None) -> bool:
    found = changes(site, office_key)
    for change in found:
        console.print(Words(f"{change.what}: {change.path}", style="bold"))
        if change.lines is None:
            console.print("  (the approved text was never seen on this machine; only its digest is known)")
        for line in change.lines or ():
            style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
            console.print(Words(f"  {line}", style=style))
    if not found and approval(site).state == "approved":
        remember(site)
    return bool(found)


def _counts(site: Site) -> str:
    numbers = (
        (len(site.hosts), "host", "hosts"),
        (len(site.flows), "flow", "flows"),
        (len(site.contract.people), "person", "people"),
        (len(site.exceptions), "exception", "exceptions"),
    )
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in numbers)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _approval_data(found: Approval) -> dict[str, Any]:
    return {"state": found.state, "changed": list(found.changed), "signer": found.signer}


def _data(site: Site) -> dict[str, Any]:
    return {
        "site": site.name,
        "lab": site.lab,
        "digest": site.digest(),
        "approval": _approval_data(approval(site)),
        "hosts": [
            {
                "name": host.name,
                "domain": host.domain,
                "groups": list(host.groups),
                "address": str(host.address),
                "address6": str(host.address6) if host.address6 else None,
            }
            for host in site.hosts.values()
        ],
        "flows": [
            {
                "from": flow.source_name,
                "to": flow.to_name,
                "port": flow.port,
                "protocol": flow.protocol,
                "why": flow.why,
            }
            for flow in site.resolved_flows
        ],
        "people": [
            {
                "name": person.name,
                "duty": person.duty,
                "domain": person.domain,
                "hosts": list(person.hosts),
                "from": person.since.isoformat(),
                "until": person.until.isoformat(),
            }
            for person in site.contract.people
        ],
        "disclosers": [
            {"name": one.name, "from": one.since.isoformat(), "until": one.until.isoformat()}
            for one in site.contract.disclosers
        ],
    }
