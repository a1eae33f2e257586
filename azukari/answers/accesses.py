"""How often pages were asked for, and by how many visits (policy, 2(1)): counted on the web server alone.

An access is not a person, and a visit is a browser in the days of the declared cookie; one that keeps no cookies begins
a visit with each page.
"""

import json
import shlex
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from azukari.errors import NotJudged
from azukari.provision.release import forms
from azukari.provision.session import Session
from azukari.site import Site
from reference_site.answers import PATHS

_PROGRAM = ("sudo", "-n", "runuser", "-u", "www-data", "--", "/usr/local/libexec/azukari-count-log")


class Accesses(NamedTuple):
    """What may be told of a page on a day; `visits` is None where it would show a group that is too small."""

    day: str
    page: str
    accesses: int
    visits: int | None


def pages(site: Site) -> list[str]:
    """Return the paths of the site's pages: the release's and the forms'."""
    of_forms = [path for name in forms(site) for path in PATHS[name].values()]
    return ["/", "/en/", site.policy.url.ja, site.policy.url.en, *of_forms]


def log_command(at: Session, host: str, site: Site) -> list[str]:
    """Return the command by which a web server counts its log."""
    given = [str(site.policy.statistics.smallest_group), site.settings.time_zone, *pages(site)]
    return ["ssh", "-F", str(at.ssh_config), host, shlex.join([*_PROGRAM, *given])]


def told(lines: Iterable[str], site: Site) -> list[Accesses]:
    """Return what a web server counted.

    Args:
        lines: as azukari-count-log prints them.
        site: the declared site.

    Raises:
        NotJudged: a line is not to be understood, or is one that must not have left the host.
    """
    least, known, found = site.policy.statistics.smallest_group, pages(site), []
    for line in lines:
        try:
            day, page, accesses, visits = json.loads(line)
            one = Accesses(
                date.fromisoformat(day).isoformat(), page, int(accesses), None if visits is None else int(visits)
            )
        except (ValueError, TypeError):
            raise NotJudged("The web server's counts cannot be understood; nothing of them is shown.") from None
        if page not in known or one.accesses < least:
            raise NotJudged(
                "The web server told of a page that is not the site's, or of too small a group; nothing of it is shown."
                " `azukari verify` says whether its program is azukari's own (DEST-08)."
            )
        found.append(one)
    return found


def summed(hosts: Iterable[list[Accesses]]) -> list[Accesses]:
    """Return the counts of several web servers together, by day and page."""
    together: dict[tuple[str, str], Accesses] = {}
    for one in (one for found in hosts for one in found):
        before = together.get(one[:2])
        if before is None:
            together[one[:2]] = one
            continue
        visits = None if before.visits is None or one.visits is None else before.visits + one.visits
        together[one[:2]] = Accesses(one.day, one.page, before.accesses + one.accesses, visits)
    return [together[key] for key in sorted(together)]
