"""`azukari people`: who may touch the servers today, and the auditor's certificates."""

import datetime
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text as Words

from azukari.cli.console import new_console
from azukari.cli.options import SiteOption, chosen_site
from azukari.errors import InputError
from azukari.people import authority, decoys, identity, tls_decoys
from azukari.site import DOMAINS, Person, Site, fingerprint, holders_dir
from azukari.site.keys import public_key_file

app = typer.Typer(
    no_args_is_help=True,
    short_help="Show who has access and which certificates were made; certify the auditor.",
    help="The people of the contract and the certificates that were made. "
    "A domain's keys are at hand where `azukari init` (or `azukari lab up`) put its vault password; "
    "with another keeper's domain, its keeper runs the command.",
)

MOST_HOURS = identity.PERSON_VALID // datetime.timedelta(hours=1)

_Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("list")
def list_people(
    site: SiteOption = None,
    on: Annotated[
        datetime.datetime | None,
        typer.Option("--on", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="The day to look at; default: today."),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Show who has access to which hosts, by which duty and until when."""
    loaded = chosen_site(site)
    day = on.date() if on else loaded.today()
    people = [_data(loaded, person, day) for person in loaded.contract.people]
    if as_json:
        print(json.dumps({"site": loaded.name, "on": str(day), "people": people}, ensure_ascii=False, indent=2))
        return
    table = Table("person", "of", "duty", "hosts", "until", f"on {day}")
    for column in (0, 2, 4):
        table.columns[column].no_wrap = True
    for one in people:
        who, hosts = f"{one['name']}\n{one['full_name']}", " ".join(one["hosts"])
        table.add_row(Words(who), Words(one["employer"]), one["duty"], hosts, one["until"], one["access"])
    new_console().print(table)


@app.command()
def audit(
    site: SiteOption = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="The auditor's public key; default: holders/auditor/audit.pub."),
    ] = None,
    hours: Annotated[
        float, typer.Option("--hours", metavar="HOURS", help="How long the certificates are valid, at most 8.")
    ] = MOST_HOURS,
) -> None:
    """Issue the auditor's certificates and decoys of the domains whose keys are at hand."""
    if not 0 < hours <= MOST_HOURS:
        raise InputError(f"--hours is more than 0 and at most {MOST_HOURS}; found {hours:g}.")
    loaded = chosen_site(site)
    at_hand = authority.domains_at_hand(loaded)
    if not at_hand:
        authority.load(loaded, DOMAINS[0])  # says what is missing and who keeps it
    public = public_key_file(key, "The auditor's key") if key else None
    written = identity.issue_auditor(loaded, at_hand, public, datetime.timedelta(hours=hours))
    for domain in at_hand:
        decoys.make(loaded, domain)
        tls_decoys.make(loaded, domain)
    console = new_console(soft_wrap=True)
    console.print(f"Certificates for {hours:g} h, of {_words(at_hand)}:")
    for path in written:
        console.print(f"  {path}")
    console.print(f"Decoys, which every server must refuse: {holders_dir(loaded) / 'auditor' / 'decoys'}")
    for domain in DOMAINS:
        if domain not in at_hand:
            console.print(f"Left out: {domain}, whose keys {getattr(loaded.contract.authorities, domain)} keeps.")


@app.command()
def ledger(
    site: SiteOption = None,
    domain: Annotated[str, typer.Option("--domain", metavar="DOMAIN", help="One trust domain; default: all.")] = "",
    as_json: _Json = False,
) -> None:
    """Show every certificate ever made or revoked, and check that no line of the ledger was altered or taken out."""
    loaded = chosen_site(site)
    if domain and domain not in DOMAINS:
        raise InputError(f"There is no domain “{domain}”; there are {_words(DOMAINS)}.")
    chosen = [domain] if domain else list(DOMAINS)
    entries = {one: list(authority.ledger(loaded, one).entries()) for one in chosen}
    if as_json:
        data = {one: [vars(entry) for entry in found] for one, found in entries.items()}
        print(json.dumps({"site": loaded.name, "ledger": data}, ensure_ascii=False, indent=2))
        return
    table = Table("domain", "event", "for", "names", "until", "serial")
    for column in (4, 5):
        table.columns[column].no_wrap = True
    for one, found in entries.items():
        for entry in found:
            names = " ".join(entry.names)
            what = f"{entry.kind} {entry.event}"
            table.add_row(one, what, entry.key_id, names, entry.valid_before[:16], str(entry.serial))
    console = new_console()
    console.print(table)
    console.print(f"{sum(map(len, entries.values()))} entries; each follows from the one before.")


def _data(site: Site, person: Person, day: datetime.date) -> dict[str, Any]:
    return {
        "name": person.name,
        "full_name": person.full_name,
        "employer": person.employer,
        "duty": person.duty,
        "domain": person.domain,
        "hosts": list(person.hosts),
        "from": str(person.since),
        "until": str(person.until),
        "trained": str(person.trained),
        "keys": [fingerprint(key) for key in _keys(site, person)],
        "access": _access(site, person, day),
    }


def _keys(site: Site, person: Person) -> list[str]:
    try:
        return site.person_keys(person)
    except InputError:  # not there yet: a lab before its first `up`, or a person who has still to send it
        return []


def _access(site: Site, person: Person, day: datetime.date) -> str:
    if not site.contract.start <= day <= site.contract.end:
        return "none: outside the contract"
    if day < person.since:
        return f"none: begins {person.since}"
    if day > person.until:
        return f"none: ended {person.until}"
    return "access"


def _words(items: Iterable[str]) -> str:
    return ", ".join(items)
