"""Options that several verbs share, and the site that they mean."""

import os
from pathlib import Path
from typing import Annotated

import typer

from azukari.errors import InputError
from azukari.site import Site, holders_dir, load

SiteOption = Annotated[
    Path | None,
    typer.Option(
        "--site",
        metavar="FOLDER",
        help="The site's folder; default: $AZUKARI_SITE, else inventory/lab.",
        show_default=False,
    ),
]


def must_be_writable(*files: Path | None) -> None:
    """Refuse a file that could not be written, before the work is done that it should tell of.

    Raises:
        InputError: names the first that cannot be written; None and `-` always can.
    """
    written = [file for file in files if file is not None and file != Path("-")]
    for number, file in enumerate(written):
        if file.is_dir():
            raise InputError(f"{file} cannot be written: it is a folder; name a file.")
        new_in = file.resolve().parent
        if not (
            os.access(file, os.W_OK) if file.exists() else new_in.is_dir() and os.access(new_in, os.W_OK | os.X_OK)
        ):
            raise InputError(f"{file} cannot be written: there is no such folder, or no right to it.")
        if file.resolve() in [other.resolve() for other in written[:number]]:
            raise InputError(f"{file} is named twice; each output needs a file of its own.")


def approval_key(site: Site, given: Path | None, option: str = "--key") -> Path:
    """Return the office's approval key that is meant: the named one, or the one that lies in the office's folder.

    Raises:
        InputError: there is none on this machine; names the option.
    """
    signing = given or holders_dir(site) / "office" / "approval"
    if not signing.exists():
        raise InputError(
            f"The office's approval key {signing} is not on this machine; the office runs this on its own: {option}."
        )
    return signing


def chosen_site(given: Path | None) -> Site:
    """Load the site that the user means.

    Raises:
        InputError: none was named and there is no inventory/lab here.
    """
    return load(site_folder(given))


def site_folder(given: Path | None) -> Path:
    """Return the folder that the user means; raises as `chosen_site`."""
    folder = given if given is not None else Path(os.environ.get("AZUKARI_SITE") or "inventory/lab")
    if not folder.is_dir():
        raise InputError(
            f"There is no site folder “{folder}” here; name one with --site, or make one with `azukari init FOLDER`."
        )
    return folder
