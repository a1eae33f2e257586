"""Where this machine keeps what belongs to a site but not into its folder."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azukari.site.loading import Site


def home() -> Path:
    """Return azukari's own folder: `$AZUKARI_HOME`, else `$XDG_STATE_HOME/azukari`, else `~/.local/state/azukari`."""
    if os.environ.get("AZUKARI_HOME"):
        return Path(os.environ["AZUKARI_HOME"])
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "azukari"


def state_dir(site: "Site | str") -> Path:
    """Return the private folder of a site's state (mode 0700, made when missing).

    Args:
        site: the site, or its name.
    """
    name = site if isinstance(site, str) else site.name
    folder = home() / "sites" / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def holders_dir(site: "Site | str") -> Path:
    """Return the folder of the private things of each holder, as far as they are on this machine (mode 0700).

    Below it: `production/ vault/ log/ office/ auditor/ contractor/`.
    """
    folder = state_dir(site) / "holders"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
