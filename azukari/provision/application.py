"""What the hosts of the group `app` need of the declared site, to run the website's forms."""

from pathlib import Path
from typing import Any

import reference_site
from azukari.errors import InputError
from azukari.people.sealing_keys import FOLDER, holder
from azukari.provision.release import forms, shells
from azukari.site import Site
from azukari.site.keys import public_key

PROGRAM, SETTINGS = "/srv/azukari/site", "/etc/azukari/site"

_CARRIED = (".py", ".j2", ".yml")


def application(site: Site) -> dict[str, Any]:
    """Return the variable `azukari.application` of a site.

    Returns:
        `directories`, `files`, `only`: the program and the office's statements, as `azukari_files` takes them;
        `settings`: what the program is told; `unstated`: collections for which the office's statement is missing.
    """
    own = Path(reference_site.__file__).parent
    program = {path.relative_to(own.parent): path for path in sorted(own.rglob("*")) if path.suffix in _CARRIED}
    folders = sorted({path.parent for path in program})
    statements = [
        {"dest": f"{SETTINGS}/sealing/{name}", "content": text, "mode": "0644"}
        for form in forms(site)
        for name, text in _statement(site, form).items()
    ]
    return {
        "directories": [
            {"path": path}
            for path in ("/srv/azukari", PROGRAM, *(f"{PROGRAM}/{f}" for f in folders), SETTINGS, f"{SETTINGS}/sealing")
        ],
        "files": [{"copy": str(path), "dest": f"{PROGRAM}/{at}", "mode": "0644"} for at, path in program.items()]
        + statements,
        "only": [
            {"dir": PROGRAM, "keep": [folder.name for folder in folders if len(folder.parts) == 1]},
            *(
                {"dir": f"{PROGRAM}/{folder}", "keep": [one.name for one in folders if one.parent == folder]}
                for folder in folders
            ),
            {"dir": f"{SETTINGS}/sealing"},
        ],
        "settings": _settings(site),
        "unstated": [form for form in forms(site) if not _statement(site, form)],
    }


def must_be_stated(site: Site) -> None:
    """Refuse to begin where the office has not said for whom to seal: nothing could be taken in.

    Raises:
        InputError: names the collections, and what the office does.
    """
    missing = [name for name in forms(site) if not _statement(site, name)]
    if missing:
        raise InputError(
            f"The office has stated no sealing key for {', '.join(missing)}: {FOLDER} of the site lacks it. "
            f"The office makes it with `azukari office key {missing[0]}`{_before(site, missing[0])}; "
            "nothing was changed."
        )


def _before(site: Site, form: str) -> str:
    return ", once `azukari site mail-key` has made the key" if holder(site, form) == "mail" else ""


def _statement(site: Site, form: str) -> dict[str, str]:
    """Return the office's statement and its signature, by file name; nothing where one of them is missing."""
    paths = [site.path / FOLDER / f"{form}.json", site.path / FOLDER / f"{form}.json.sig"]
    return {path.name: path.read_text(encoding="utf-8") for path in paths} if all(p.is_file() for p in paths) else {}


def _settings(site: Site) -> dict[str, Any]:
    asked = forms(site)
    database = site.group("db")[0]
    return {
        "site": site.name,
        "names": list(site.settings.names),
        "time_zone": str(site.settings.time_zone),
        "office_key": public_key(site.path, site.contract.office.key),
        "forms": [one.model_dump(mode="json") for one in site.policy.collections if one.name in asked],
        "holders": {name: holder(site, name) for name in asked},
        "shells": shells(site),
        "database": {
            "host": database.name,
            "hostaddr": str(database.address),
            "port": 5432,
            "dbname": "site",
            "user": "intake",
        },
        "clients": [host.name for host in site.group("web")],
    }
