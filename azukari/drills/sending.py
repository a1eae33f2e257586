"""How a letter is handed to the mail host, and how far it has come there; by automation's own way."""

import json
from typing import Any

from azukari.drills.hosts import as_root
from azukari.errors import NotJudged
from azukari.provision.session import Session
from azukari.site import Site
from reference_site.letters_signed import Letter

_FOLDER, _STATE = "/var/spool/azukari-letters", "/var/lib/azukari-letters"
_PSQL = "runuser -u postgres -- psql --no-psqlrc -qAt --set=ON_ERROR_STOP=1 --dbname=site"


def mail_host(site: Site) -> str:
    """Return the host that sends letters.

    Raises:
        NotJudged: the site has none.
    """
    hosts = site.group("mail")
    if not hosts:
        raise NotJudged("The site has no host of the group mail, so it sends no letters.")
    return hosts[0].name


def subscribers(at: Session) -> int:
    """Return to how many a letter would go now.

    Raises:
        NotJudged: the database did not say.
    """
    query = "SELECT count(*) FROM site.mail_service WHERE confirmed IS NOT NULL AND purpose = 'delivery';\n"
    return int(as_root(at, at.site.group("db")[0].name, _PSQL, query))


def hand_over(at: Session, letter: Letter, file: bytes) -> None:
    """Put a signed letter where the mail host's service takes it; handed over twice, it is sent once.

    Raises:
        NotJudged: the host did not take it.
    """
    path, host = f"{_FOLDER}/{letter.name}.json", mail_host(at.site)
    put = f"sh -c 'umask 022 && cat > {path}.new && mv {path}.new {path}'"
    as_root(at, host, put, file.decode())


def progress(at: Session, letter: Letter) -> dict[str, Any]:
    """Return how far a letter has come: `sent`, `left` and `done`; nothing before it began.

    Raises:
        NotJudged: the host did not say.
    """
    path = f"{_STATE}/{letter.name}.json"
    said = as_root(at, mail_host(at.site), f"sh -c 'test ! -e {path} || cat {path}'")
    found: dict[str, Any] = json.loads(said) if said.strip() else {}
    return found


def take_back(at: Session, letter: Letter) -> None:
    """Remove a letter, and what is noted of it; whoever had it, had it.

    Raises:
        NotJudged: the host did not do it.
    """
    as_root(at, mail_host(at.site), f"rm -f {_FOLDER}/{letter.name}.json {_STATE}/{letter.name}.json")
