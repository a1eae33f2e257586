"""`azukari evidence`: what was signed, and whether it still says so."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from rich.table import Table
from rich.text import Text

from azukari import evidence
from azukari.cli.console import new_console, shown
from azukari.cli.options import SiteOption, chosen_site, site_folder
from azukari.errors import InputError
from azukari.evidence import Evidence
from azukari.evidence.again import judge_again
from azukari.evidence.signer import load, public_key
from azukari.site import home

app = typer.Typer(no_args_is_help=True, help="List, show, verify and judge again the signed evidence of runs.")

Which = Annotated[str, typer.Argument(metavar="[EVIDENCE]", help="A folder, or the name of one; default: the newest.")]
Key = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="The signer's public key; default: those that the site declares."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
Hosts = Annotated[
    bool, typer.Option("--hosts", help="Evidence of lone hosts (`verify --host`), which belong to no site.")
]


@app.command("list")
def list_(site: SiteOption = None, hosts: Hosts = False, as_json: AsJson = False) -> None:
    """List the evidence on this machine, newest first."""
    found, broken = [], []
    for one in evidence.listed(None if hosts else chosen_site(site)):
        try:
            found.append(_summary(one))
        except evidence.EvidenceInvalid as error:
            broken.append(error)
    if as_json:
        print(json.dumps({"evidence": found}, ensure_ascii=False, indent=2))
    else:
        table = Table(box=None, pad_edge=False)
        for heading in ("evidence", "of", "outcome", "ended", "as"):
            table.add_column(heading, overflow="fold", no_wrap=heading == "evidence")
        for each in found:
            ended = datetime.fromisoformat(str(each["ended"])).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
            cells = (each["evidence"], each["subject"], each["outcome"], ended, each["judged_as"])
            table.add_row(*(Text(shown(str(cell))) for cell in cells))
        new_console().print(table if found else "There is no evidence yet; `azukari verify` makes the first.")
    if broken:  # after the others, which it does not hide
        raise evidence.EvidenceInvalid(" ".join(error.message for error in broken))


@app.command()
def show(which: Which = "", site: SiteOption = None, hosts: Hosts = False, as_json: AsJson = False) -> None:
    """Show what a run found, and under which site, catalogue and version. Not verified: `evidence verify` does that."""
    chosen = chosen_evidence(which, site, hosts=hosts)
    if as_json:
        print(json.dumps(chosen.statement, ensure_ascii=False, indent=2))
        return
    console = new_console()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")  # a digest is never cut
    for heading, words in _summary(chosen).items():
        grid.add_row(Text(heading.replace("_", " "), style="dim"), Text(shown(str(words))))
    for part in chosen.statement["predicate"]["configuration"]:
        grid.add_row(Text(part["name"], style="dim"), Text(f"sha256:{part['digest']['sha256']}"))
    console.print(grid)
    for verdict, tests in (("failed", "failedTests"), ("not settled", "warnedTests")):
        for test in chosen.statement["predicate"][tests]:
            console.print(Text(shown(f"{verdict}: {test}"), style="red" if verdict == "failed" else "yellow"))
    for line in _drilled(chosen):
        console.print(Text(shown(line)))


def _drilled(chosen: Evidence) -> Iterator[str]:
    """Give what a drill did and what came of it, with each key that was tried."""
    for step in chosen.results["steps"] if chosen.kind == "drill" else ():
        yield f"{step['what']}: {step['said']}"
        for key in step.get("tried", ()):
            yield f"    {key['path']} ({key['kind']}): {key['said']}"


@app.command()
def verify(which: Which = "", key: Key = None, site: SiteOption = None, hosts: Hosts = False) -> None:
    """Prove that evidence is what its signer signed: every byte of every file. Needs the public key alone."""
    chosen = chosen_evidence(which, site, hosts=hosts)
    name, fingerprint = _verified(chosen, site, key)
    said = (
        f"{chosen.name}: every byte is as {name} ({fingerprint}) signed it.\n"
        f"{chosen.kind} of {chosen.subject}, {chosen.outcome}, as {chosen.run['judged_as']}, "
        f"ended {chosen.ended.isoformat(timespec='seconds')}, nonce {chosen.run['nonce'] or 'none'}.\n"
        "A signature says who said it and that nothing was changed since; not that it is true. "
        "For that, an auditor runs `azukari verify --as auditor` with an own key and nonce."
    )
    new_console().print(Text(shown(said)), soft_wrap=True)


@app.command()
def judge(which: Which = "", key: Key = None, site: SiteOption = None, hosts: Hosts = False) -> int:
    """Judge an old run again: today's checks over the facts signed then. No server is asked.

    Exit code 0: every verdict came out as it was signed; 1: one came out otherwise; 2: one could not be judged again.
    """
    chosen = chosen_evidence(which, site, hosts=hosts)
    if chosen.kind != "verify":
        raise InputError(f"{chosen.name} is a {chosen.kind}; only a run of `azukari verify` can be judged again.")
    _verified(chosen, site, key)
    declared = None if chosen.context.get("site") is None else chosen_site(site)
    found = judge_again(chosen, declared)
    differing = [each for each in found if not each.same]
    console = new_console(soft_wrap=True)
    console.print(f"{len(found) - len(differing)} of {len(found)} verdicts came out as they were signed.")
    for each in differing:
        said = f"{each.safeguard} on {each.host}: {each.then} then, {each.now} now. {each.message}"
        console.print(Text(shown(said)))
    if any(each.now != "not-evaluated" for each in differing):
        return 1
    return 2 if differing else 0


def chosen_evidence(which: str, site: Path | None, *, hosts: bool = False) -> Evidence:
    """Return the evidence that the user means.

    Args:
        which: a folder, the name of one of the site's, or empty for the newest run of `verify`.
        site: the site's folder as given on the command line.
        hosts: choose among the evidence of lone hosts.

    Raises:
        InputError: there is none of that name, or none at all.
    """
    if which and Path(which).is_dir():
        if not any((Path(which) / name).exists() for name in evidence.FILES):
            raise InputError(f"{which} is no evidence: none of {', '.join(evidence.FILES)} is in it.")
        return Evidence(Path(which))
    declared = None if hosts else chosen_site(site)
    if which:
        found = [each for each in evidence.listed(declared) if each.name == which]
        if not found:
            raise InputError(f"There is no evidence “{which}”; `azukari evidence list` shows what there is.")
        return found[0]
    latest = evidence.newest(declared)
    if latest is None:
        raise InputError("There is no evidence of a verification yet; `azukari verify` makes the first.")
    return latest


def _verified(chosen: Evidence, site: Path | None, given: Path | None) -> tuple[str, str]:
    """Return who signed, by name and fingerprint; raises EvidenceInvalid when none of the keys did."""
    refusals = []
    for name, public in _keys(chosen, site, given):
        try:
            return name, evidence.verify(chosen.folder, public).key
        except evidence.EvidenceInvalid as error:
            refusals.append(error)
    raise refusals[0]


def _keys(chosen: Evidence, site: Path | None, given: Path | None) -> list[tuple[str, Ed25519PublicKey]]:
    """Whose signature would do, by name: the given key's; else that of those whom the site declares, or one's own."""
    if given is not None:
        return [(given.name, public_key(given))]
    if chosen.context.get("site") is None:
        return [("this user's own key", own_key())]
    # The office has approved them; the likelier signer first.
    folder, contract = site_folder(site), chosen_site(site).contract
    parties = {"contractor": contract.contractor.evidence_key, "auditor": contract.auditor.evidence_key}
    judged_as = str(chosen.run["judged_as"])
    ordered = sorted(parties, key=lambda party: party != judged_as)
    return [(f"the {party}", public_key(folder / parties[party])) for party in ordered]


def own_key() -> Ed25519PublicKey:
    """Return the public half of the key with which this user signs what was found on lone hosts.

    Raises:
        InputError: there is none here; the signer's is to be named.
    """
    path = home() / "evidence.pem"
    if not path.is_file():
        raise InputError("Evidence of a lone host is signed by whoever asked; name that signer's key with --key FILE.")
    return load(path, lambda: str(typer.prompt(f"Passphrase of {path}", hide_input=True, err=True))).public_key


def _summary(chosen: Evidence) -> dict[str, object]:
    run = chosen.run
    return {
        "evidence": chosen.name,
        "folder": str(chosen.folder),
        "kind": chosen.kind,
        "subject": chosen.subject,
        "outcome": chosen.outcome,
        "started": run["started"],
        "ended": run["ended"],
        "hosts": run["hosts"],
        "vantages": run["vantages"],
        "judged_as": run["judged_as"],
        "host_identity": run["host_identity"],
        "nonce": run["nonce"],
    }
