"""Who may log in to a host, from where and until when, as accounts and sshd want to read it."""

import datetime
import zoneinfo
from typing import Any

from azukari.site import Host, Person, Site


def _last_moment(site: Site, person: Person) -> datetime.datetime:
    """Return the end of a person's last day, in the site's time zone, as UTC; the contract's end is everybody's."""
    day_after = min(person.until, site.contract.end) + datetime.timedelta(days=1)
    midnight = datetime.datetime.combine(day_after, datetime.time(), zoneinfo.ZoneInfo(site.settings.time_zone))
    return midnight.astimezone(datetime.UTC)


def person(site: Site, who: Person) -> dict[str, Any]:
    """Return a person; `expires` as days since 1970 (shadow(5)): the first whole day, in UTC, after the last moment."""
    end = _last_moment(site, who) - datetime.timedelta(seconds=1)
    expires = str((end.date() - datetime.date(1970, 1, 1)).days + 1)
    return {"name": who.name, "full_name": who.full_name, "duty": str(who.duty), "expires": expires}


def principals(site: Site, host: Host) -> list[dict[str, str]]:
    """Return the files of /etc/ssh/principals: which principal opens which account, from where and until when.

    Servers accept a connection from the bastion alone, whatever a certificate allows; a person's line ends with the
    person's last day, whether or not anybody runs `apply` on it (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
    """
    bastion = site.group("bastion")[0]
    addresses = ",".join(str(a) for a in (bastion.address, bastion.address6) if a)
    source = "" if host.name == bastion.name else f'from="{addresses}",'
    lines = {"azukari-apply": f"{source}pty apply@{host.name}", "azukari-audit": f"{source}no-pty audit@{host.name}"}
    if host.name == bastion.name:
        lines["azukari-jump"] = f"no-pty jump@{host.name}"
    for who in site.people_on(host, on=site.today()):
        end = _last_moment(site, who)
        lines[who.name] = f'{source}pty,expiry-time="{end:%Y%m%d%H%M%S}Z" {who.name}'
    return [
        {"dest": f"/etc/ssh/principals/{account}", "content": f"{line}\n", "mode": "0644"}
        for account, line in lines.items()
    ]
