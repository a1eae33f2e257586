"""What the hosts of the group `mail` need of the declared site, to send the E-mail Information Service's letters."""

from pathlib import Path
from typing import Any

import reference_site
from azukari.provision.release import forms
from azukari.site import Site
from azukari.site.keys import public_key
from reference_site.answers import MAIL_SERVICE

PROGRAM = "/srv/azukari/letters"
SUBMIT = "/var/spool/postfix/public/submit"
# What the finder answers at most: enough for an office whose visitors ask, and too few to try a list of addresses.
QUESTIONS_AN_HOUR = 10
# The services' own modules, and what they import: nothing else of the website is on the mail host.
MODULES = (
    "__init__",
    "answers",
    "database",
    "finder",
    "forms",
    "letters",
    "letters_message",
    "letters_opened",
    "letters_signed",
    "peers",
    "questions",
    "sealing",
    "signatures",
)


def mailing(site: Site) -> dict[str, Any]:
    """Return the variable `azukari.mailing` of a site's mail hosts; nothing where the site has no such service.

    Returns:
        `files`: the programs, as `azukari_files` takes them; `settings`: what the one that sends is told; `finder`: and
        the one that finds.
    """
    if MAIL_SERVICE not in forms(site):
        return {}
    own = Path(reference_site.__file__).parent
    return {
        "files": [
            {"copy": str(own / f"{name}.py"), "dest": f"{PROGRAM}/reference_site/{name}.py", "mode": "0644"}
            for name in MODULES
        ],
        "settings": _settings(site),
        "finder": {
            "site": site.name,
            "office_key": public_key(site.path, site.contract.office.key),
            "questions_an_hour": QUESTIONS_AN_HOUR,
            "database": _database(site, "finder"),
        },
    }


def _settings(site: Site) -> dict[str, Any]:
    return {
        "site": site.name,
        "name": site.settings.names[0],
        "domain": site.settings.mail_domain,
        "title": site.settings.title.model_dump(),
        "office": site.contract.office.name.model_dump(),
        "office_key": public_key(site.path, site.contract.office.key),
        "submit": SUBMIT,
        "database": _database(site, "letters"),
    }


def _database(site: Site, role: str) -> dict[str, Any]:
    host = site.group("db")[0]
    return {"host": host.name, "hostaddr": str(host.address), "port": 5432, "dbname": "site", "user": role}
