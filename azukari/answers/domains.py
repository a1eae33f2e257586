"""From which internet domains visitors came (policy, 2(1)): counted on the web server, each day once, when it is over.

A visitor is an address, or of IPv6 a /64; the domain is what somebody registered, and no name of a host. The web server
keeps groups of k and more alone; they are published by the rule that holds for what visitors chose (decision 0015).
"""

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from azukari.errors import NotJudged
from azukari.provision.derive import counts_domains
from azukari.provision.session import Session
from azukari.site import Host, Site
from reference_site.statistics import Cell

_PROGRAM = "/usr/local/libexec/azukari-count-domains"
_COLLECTION = "access"
_DAYS = 90  # as the role `web` keeps them where the policy declares none
# Letters, digits and hyphens, and at least one dot (RFC 1123, section 2.1): whatever else is written is no domain.
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Day(NamedTuple):
    """What may be told of a day; of visitors who had no name, or whose name was not looked up, None where few were.

    Attributes:
        day: in the site's time zone, as 2026-11-26.
        domains: visitors by internet domain, each k or more.
        unknown: visitors without a name, or with none that a host may have.
        not_looked_up: visitors of whom the resolver said nothing, or not in time.
    """

    day: str
    domains: dict[str, int]
    unknown: int | None
    not_looked_up: int | None


def counting(site: Site) -> list[Host]:
    """Return the web servers that count visitors by domain; none where the policy declares no such item."""
    return [host for host in site.group("web") if counts_domains(site, host)]


def store_command(at: Session, host: str, site: Site) -> list[str]:
    """Return the command by which a web server tells what it kept: it may be published, so that it needs no right."""
    days = next((one.retention.days for one in site.policy.collections if one.name == _COLLECTION), None) or _DAYS
    given = ["told", str(site.policy.statistics.smallest_group), str(days), site.settings.time_zone]
    return ["ssh", "-F", str(at.ssh_config), host, shlex.join([_PROGRAM, *given])]


def told(lines: Iterable[str], site: Site) -> list[Day]:
    """Return what a web server counted.

    Args:
        lines: as azukari-count-domains prints them.
        site: the declared site.

    Raises:
        NotJudged: a line is not to be understood, or is one that must not have left the host.
    """
    least, found = site.policy.statistics.smallest_group, []
    for line in lines:
        try:
            said = json.loads(line)
            domains = {str(name): int(number) for name, number in said["domains"].items()}
            others = [None if said[one] is None else int(said[one]) for one in ("unknown", "not_looked_up")]
            one = Day(date.fromisoformat(said["day"]).isoformat(), domains, *others)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise NotJudged("The web server's counts by domain cannot be understood; none is shown.") from None
        groups = [*domains.values(), *(number for number in others if number)]
        if any(number < least for number in groups) or not all(map(_DOMAIN.fullmatch, domains)):
            raise NotJudged(
                "The web server told of too small a group, or of what is no domain; none of its counts by domain is "
                "shown. `azukari verify` says more (USE-08)."
            )
        found.append(one)
    return found


def summed(hosts: Iterable[list[Day]]) -> list[Day]:
    """Return the counts of several web servers together, by day; what one of them may not tell stays untold."""
    together: dict[str, Day] = {}
    for one in (one for found in hosts for one in found):
        before = together.get(one.day, Day(one.day, {}, 0, 0))
        counts = Counter(before.domains) + Counter(one.domains)
        together[one.day] = Day(
            one.day, dict(counts), _sum(before.unknown, one.unknown), _sum(before.not_looked_up, one.not_looked_up)
        )
    return [together[day] for day in sorted(together)]


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def cells(days: Iterable[Day]) -> dict[Cell, int]:
    """Return visitors by collection, day and domain."""
    return {(_COLLECTION, one.day, name): number for one in days for name, number in one.domains.items()}


def published(days: Iterable[Day], table: dict[Cell, int]) -> list[Day]:
    """Return the days with the numbers that may be published.

    Args:
        days: as `summed` returns them.
        table: what may be published of their `cells`.
    """
    found = []
    for one in days:
        cell = {name: (_COLLECTION, one.day, name) for name in sorted(one.domains)}
        found.append(one._replace(domains={name: table[key] for name, key in cell.items() if key in table}))
    return found
