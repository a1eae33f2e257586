"""Exceptions: a fail that the office has waived, with a reason and an end, is *excepted*; the check still runs."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from azukari.site import Approval, DeclaredException, Site

_FILE = "group_vars/all/exceptions.yml"


@dataclass(frozen=True)
class Waivers:
    """The exceptions of a site that are in force on a day.

    Attributes:
        declared: the exceptions as declared.
        today: the day, in the site's zone.
        covered: whether the office's approval covers the file of exceptions as it stands.
        why_not: why it does not, as a clause.
    """

    declared: Sequence[DeclaredException] = ()
    today: datetime.date = datetime.date.min
    covered: bool = True
    why_not: str = ""

    @classmethod
    def of(cls, site: Site, approved: Approval) -> "Waivers":
        """Return a site's exceptions, judged by the office's approval.

        An approval that has since been overtaken by a change in *another* file still covers the exceptions.
        """
        covered = approved.state == "approved" or (approved.state == "changed" and _FILE not in approved.changed)
        why_not = {
            "missing": "the office has not approved the site",
            "forged": "the signature beside the site is not the office's",
            "changed": f"{_FILE} was changed since the office approved it",
        }.get(approved.state, "")
        return cls(site.exceptions, site.today(), covered, "" if covered else why_not)

    def judge(self, safeguard: str, host: str) -> tuple[str | None, str]:
        """Return (waiver, note) for a check that failed: the sentence of a waiver that holds, else why one does not.

        Args:
            safeguard: the failed check's safeguard.
            host: the host's name, or `site`.
        """
        note = ""
        for one in self.declared:
            if one.safeguard != safeguard or host not in one.hosts:
                continue
            if one.until < self.today:
                note = f"its exception ended on {one.until}"
            elif not self.covered:
                note = f"its exception does not count: {self.why_not}"
            else:
                return f"excepted by the office until {one.until}: {one.reason} Instead: {one.compensation}", ""
        return None, note
