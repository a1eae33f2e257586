"""`azukari init`: a new site's folder, with the keys and secrets of its three domains."""

import re
import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text as Words

from azukari.cli.console import new_console
from azukari.content import content
from azukari.errors import InputError
from azukari.people import authority, lab_site
from azukari.site import DOMAINS, Site, home, load, reminders, state_dir
from azukari.site.keys import public_key_file

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_SITE_FILE = "group_vars/all/site.yml"


def command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to make.")],
    name: Annotated[
        str,
        typer.Option(
            "--name", metavar="NAME", help="The site's short name; default: the folder's.", show_default=False
        ),
    ] = "",
    served: Annotated[
        list[str] | None,
        typer.Option("--served", metavar="DNS-NAME", help="A public name that is served; may be given several times."),
    ] = None,
    office_key: Annotated[
        Path | None,
        typer.Option(
            "--office-key",
            metavar="FILE",
            help="The public half of the office's approval key; default: a pair is made here, for trying out.",
            show_default=False,
        ),
    ] = None,
    auditor_key: Annotated[
        Path | None,
        typer.Option(
            "--auditor-key",
            metavar="FILE",
            help="The public half of the auditor's evidence key; default: a pair is made here, for trying out.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a site's folder from the example, and the keys of its domains; it then says what to edit."""
    chosen = name or re.sub(r"[^a-z0-9-]+", "-", folder.absolute().name.lower()).strip("-")
    if not _NAME.fullmatch(chosen):
        raise InputError(
            f"“{chosen}” cannot be a site's name; allowed are small letters, digits and -; give --name NAME."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists already and is not empty; name a folder that does not exist.")
    held = home() / "sites" / chosen / "holders"
    if held.is_dir() and any(held.iterdir()):
        raise InputError(
            f"This machine holds keys of a site “{chosen}” ({held}); give another --name, or move them away."
        )
    given = {path: public_key_file(file, "The public key") for path, file in _given(office_key, auditor_key)}
    there, made_in = folder.exists(), folder.resolve()
    try:
        shutil.copytree(content("inventory/example"), made_in, dirs_exist_ok=True)
        _edit(made_in / _SITE_FILE, chosen, served or [])
        for path, line in given.items():
            (made_in / path).write_text(line + "\n", encoding="utf-8")
        site = load(folder)
        _make_keys(site, office=office_key is None, auditor=auditor_key is None)
        made = load(folder)
    except BaseException:  # a wrong --served, no place for keys, Ctrl-C: only what was made just now goes
        for made_now in made_in.iterdir() if there else [made_in]:
            shutil.rmtree(made_now, ignore_errors=True) if made_now.is_dir() else made_now.unlink(missing_ok=True)
        shutil.rmtree(held, ignore_errors=True)
        raise
    _say(made, folder)


def _given(office_key: Path | None, auditor_key: Path | None) -> list[tuple[str, Path]]:
    pairs = (("keys/office_approval.pub", office_key), ("keys/evidence/auditor.pub", auditor_key))
    return [(path, file) for path, file in pairs if file is not None]


def _edit(path: Path, name: str, served: list[str]) -> None:
    text = path.read_text(encoding="utf-8")
    text = text.replace("  name: example\n", f"  name: {name}\n", 1)
    if served:
        text = re.sub(r"(?m)^  names: \[[^]]*\]", f"  names: [{', '.join(served)}]", text, count=1)
    path.write_text(text, encoding="utf-8")


def _make_keys(site: Site, *, office: bool, auditor: bool) -> None:
    for domain in DOMAINS:
        authority.create(site, domain)
    holders = ("contractor", *(["auditor"] if auditor else []))
    lab_site.evidence_keys(site, holders)
    if office:
        lab_site.office_key(site)
    lab_site.signing_key(site)
    lab_site.mail_tiers_key(site)


def _say(site: Site, folder: Path) -> None:
    console = new_console(soft_wrap=True)
    console.print(Words(f"The site {site.name} is in {folder}; its private keys are in {state_dir(site)}/holders:"))
    console.print("  each domain's vault-password opens that domain's CA and secrets: give vault's and log's to their")
    console.print("  keepers, and remove them here. Nothing secret is in the folder but secrets/, which is encrypted.")
    console.print("\nNow edit, in this order:")
    for reminder in reminders(site):
        console.print(Words(f"  • {reminder}"))
    console.print("\nThen:")
    for line in (
        f"azukari site check   --site {folder}      every problem, with file and line",
        f"azukari site approve --site {folder}      the office signs it",
        f"azukari doctor       --site {folder}      is everything reachable and ready?",
        f"azukari apply        --site {folder}",
        f"azukari verify       --site {folder}",
    ):
        console.print(Words(f"  {line}"))
