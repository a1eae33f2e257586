"""What one call of plan or apply works on: the hosts whose domains' keys are at hand, and the ways to them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from azukari.errors import InputError
from azukari.people import authority, identity
from azukari.provision.preflight import HostState
from azukari.site import Site
from azukari.ssh import config
from azukari.ssh.identity import Identity

ORDER = ("bastion", "log", "vault", "db", "mail", "app", "web")


@dataclass
class Session:
    """The hosts that one call works on, and the ways to them."""

    site: Site
    hosts: list[str]
    left: dict[str, str]  # domain → why its hosts are left out
    own: Identity
    ssh_config: Path
    root_password: str | None = None  # of freshly installed servers that have no key
    states: dict[str, HostState] = field(default_factory=dict)

    def first_contact(self, *hosts: str) -> Path:
        """Write and return the configuration that reaches some hosts as root, by their declared keys."""
        name = f"first_contact-{'-'.join(hosts)}"[:80]
        by_password = self.root_password is not None
        return config.write(self.site, self.own, first_contact=frozenset(hosts), by_password=by_password, name=name)

    def of_way(self, way: str) -> list[str]:
        """Return the hosts that answered by this way, in the design's order."""
        return [host for host in self.hosts if self.states[host].way == way]


def in_order(site: Site, names: Iterable[str]) -> list[str]:
    """Return host names in the order in which they are changed: what others depend on comes first."""
    rank = {group: number for number, group in enumerate(ORDER)}
    return sorted(
        names, key=lambda name: (min((rank[g] for g in site.hosts[name].groups if g in rank), default=len(ORDER)), name)
    )


@contextmanager
def session(
    site: Site, limit: Iterable[str] = (), domains: Iterable[str] = (), root_password: str | None = None
) -> Iterator[Session]:
    """Make this run's own identity and ways to the hosts whose domains' keys are at hand.

    Args:
        site: the declared site.
        limit: hosts or groups; all when empty.
        domains: trust domains; those at hand when empty.
        root_password: of freshly installed servers, for first contact without a key.

    Raises:
        InputError: a name is not the site's, or nothing is left to work on.
    """
    wanted = _named(site, limit)
    at_hand = set(authority.domains_at_hand(site))
    asked = set(domains) or {str(host.domain) for host in site.hosts.values()}
    if unknown := asked - {str(host.domain) for host in site.hosts.values()}:
        raise InputError(
            f"“{'”, “'.join(sorted(unknown))}” is no trust domain of this site; allowed are production, vault, log."
        )
    left = dict.fromkeys(sorted(asked - at_hand), "its keys are not at hand")
    hosts = in_order(site, (n for n in wanted if str(site.hosts[n].domain) in asked & at_hand))
    if not hosts:
        raise InputError(
            "No host is left to work on: "
            + ("; ".join(f"{d}: {why}" for d, why in left.items()) or "the limit names none")
            + ". "
            "The vault password of a domain lies with its keeper; see `azukari people --help`."
        )
    with identity.automation(site, "apply", sorted(asked & at_hand)) as own:
        yield Session(site, hosts, left, own, config.write(site, own), root_password)


def _named(site: Site, limit: Iterable[str]) -> set[str]:
    names: set[str] = set()
    for word in limit:
        found = {word} if word in site.hosts else {host.name for host in site.group(word)}
        if not found:
            raise InputError(
                f"--limit “{word}” is no host or group of this site; its hosts are {', '.join(site.hosts)}."
            )
        names |= found
    return names or set(site.hosts)
