"""The declared site: models and loading; the ground floor.

`load(path)` gives a `Site` or raises `SiteInvalid` with every problem; `approval(site)` judges the office's signature.
"""

from azukari.site.approval import Approval, approval, approve
from azukari.site.difference import FileChange, changes, remember
from azukari.site.fields import DOMAINS, DUTIES, GROUPS, PLACES, RESERVED, Domain, Network
from azukari.site.flows import ResolvedFlow
from azukari.site.keys import fingerprint
from azukari.site.loading import Site, load
from azukari.site.models import Contract, DeclaredException, Discloser, Flow, Host, Person, Policy, Settings, Upstream
from azukari.site.problems import Problem, SiteInvalid
from azukari.site.reminders import reminders
from azukari.site.state import holders_dir, home, state_dir

__all__ = [
    "DOMAINS",
    "DUTIES",
    "GROUPS",
    "PLACES",
    "RESERVED",
    "Approval",
    "Contract",
    "DeclaredException",
    "Discloser",
    "Domain",
    "FileChange",
    "Flow",
    "Host",
    "Network",
    "Person",
    "Policy",
    "Problem",
    "ResolvedFlow",
    "Settings",
    "Site",
    "SiteInvalid",
    "Upstream",
    "approval",
    "approve",
    "changes",
    "fingerprint",
    "holders_dir",
    "home",
    "load",
    "remember",
    "reminders",
    "state_dir",
]
