"""Options that several verbs share, and the site that they mean."""

import os
from pathlib import Path
from typing import Annotated

import typer

from azukari.errors import InputError
from azukari.site import Site, load

SiteOption = Annotated[
    Path | None,
    typer.Option(
        "--site",
        metavar="FOLDER",
        help="The site's folder; default: $AZUKARI_SITE, else inventory/lab.",
        show_default=False,
    ),
]


def chosen_site(given: Path | None) -> Site:
    """Load the site that the user means.

    Raises:
        InputError: none was named and there is no inventory/lab here.
    """
    return load(site_folder(given))


def site_folder(given: Path | None) -> Path:
    """Return the folder that the user means; raises as `chosen_site`."""
    folder = given or (Path(os.environ["AZUKARI_SITE"]) if os.environ.get("AZUKARI_SITE") else Path("inventory/lab"))
    if not folder.is_dir():
        raise InputError(
            f"There is no site folder “{folder}” here; name one with --site, or make one with `azukari init FOLDER`."
        )
    return folder
