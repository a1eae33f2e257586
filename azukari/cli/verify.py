"""`azukari verify`: judges live servers by asking them and by trying what must be refused."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from azukari import evidence, safeguards, verify
from azukari.cli import verdicts
from azukari.cli.console import new_console
from azukari.cli.options import SiteOption, chosen_site, must_be_writable
from azukari.errors import InputError
from azukari.evidence import signer
from azukari.evidence.signer import Signer
from azukari.safeguards import Catalogue
from azukari.site import Site, holders_dir, home
from azukari.verify import RunResult
from azukari.verify.session import parse_list

LONGEST_NONCE = 200  # characters


def command(
    site: SiteOption = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            metavar="root@ADDRESS[:PORT]",
            help="Judge one Debian 12 or 13 server by plain ssh, with no site and nothing installed there.",
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="HOSTS", help="Hosts, separated by commas; `site` for site-wide checks."),
    ] = None,
    safeguard: Annotated[
        list[str] | None, typer.Option("--safeguard", metavar="IDS", help="Safeguards, separated by commas.")
    ] = None,
    no_attempts: Annotated[
        bool, typer.Option("--no-attempts", help="Try nothing that must be refused; it is then not evaluated.")
    ] = False,
    judged_as: Annotated[
        Literal["contractor", "auditor"],
        typer.Option("--as", help="With whose identity it is asked, and whose key signs the evidence."),
    ] = "contractor",
    nonce: Annotated[
        str | None,
        typer.Option("--nonce", metavar="WORDS", help="Words of the auditor's own, which the evidence then holds."),
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="The key that signs the evidence (Ed25519).")
    ] = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the results as JSON; - for standard output.")
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="Write the results as JUnit XML; - for standard output."),
    ] = None,
) -> int:
    """Judge the servers: facts are asked, what must be refused is tried, and signed evidence is left.

    Nothing is changed on the servers, beyond lines in their logs. Exit code 0: everything holds; 1: a safeguard fails;
    2: something could not be judged, or nothing was.
    """
    catalogue = safeguards.load()
    wanted = parse_list([one.upper() for one in safeguard or []])
    if unknown := [one for one in wanted if one not in catalogue.safeguards]:
        raise InputError(f"There is no safeguard “{unknown[0]}”; `azukari safeguards` lists them.")
    if planned := [one for one in wanted if catalogue.safeguards[one].status == "planned"]:
        raise InputError(f"{planned[0]} is planned: nothing judges it yet; `azukari safeguards {planned[0]}` says why.")
    if as_json == junit == Path("-"):
        raise InputError("--json and --junit cannot both go to standard output; give one of them a file.")
    if host is not None and site:
        raise InputError("--host is one server without a site; leave out --site, or name the host with --limit.")
    declared = chosen_site(site) if host is None else None
    if host is not None and (limit or judged_as == "auditor"):
        raise InputError("--limit and --as belong to a site; with --host there is one server, asked as root.")
    must_be_writable(as_json, junit)
    if nonce is not None and not (nonce.strip() and len(nonce) <= LONGEST_NONCE and nonce.isprintable()):
        raise InputError(f"--nonce is 1 to {LONGEST_NONCE} printable characters on one line.")
    console = new_console(stderr=True)
    signing = _signer(declared, judged_as, key)
    with console.status("preparing") as status:
        run = verify.run(
            declared,
            lone=host or "",
            limit=limit or (),
            safeguards=wanted,
            attempts=not no_attempts,
            judged_as=judged_as,
            nonce=nonce,
            progress=status.update,
        )
    folder = evidence.write(run, declared, signing)
    _write(as_json, run.to_json())
    _write(junit, run.to_junit())
    _show(run, catalogue, folder, to_stderr=Path("-") in (as_json, junit))
    return run.exit_code


def _show(run: RunResult, catalogue: Catalogue, folder: Path, *, to_stderr: bool) -> None:
    console = new_console(stderr=to_stderr)
    if not console.is_terminal:
        console.width = 120  # a CI's log has no width of its own
    if run.identity.startswith("host identity unproven"):
        console.print(f"[bold]{run.site}[/]: {run.identity}")
    verdicts.show(console, run, catalogue)
    console.print(f"Evidence: {folder}", soft_wrap=True)


def _write(to: Path | None, text: str) -> None:
    if to is None:
        return
    if to == Path("-"):
        sys.stdout.write(text)
        return
    try:
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{to} cannot be written: {error.strerror}.") from error


def _signer(declared: Site | None, judged_as: str, key: Path | None) -> Signer:
    """Return whose key signs: the given one, that of the site's holder, or this user's own for a lone host."""
    path = key
    if path is None and declared is not None:
        path = holders_dir(declared) / judged_as / "evidence.pem"
        if declared.lab and not path.exists():
            raise InputError(
                "This lab is not up: `azukari lab up`, then `azukari apply`; or name your site with --site."
            )
    if path is None:
        path = home() / "evidence.pem"
        if not path.exists():
            _make_own_key(path)
    return signer.load(path, lambda: str(typer.prompt(f"Passphrase of {path}", hide_input=True, err=True)))


def _make_own_key(path: Path) -> None:
    """Make the key with which this user signs what was found on lone hosts; only its owner may read it."""
    made = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
