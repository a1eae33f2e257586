"""What a lawful site still has of the example, and what its holders should know before it is used."""

import ipaddress

from azukari.site.fields import Network
from azukari.site.keys import fingerprint, public_key
from azukari.site.loading import Site
from azukari.site.parts import CONTRACT, EXCEPTIONS, HOSTS, SITE, UPSTREAM
from azukari.site.state import holders_dir

# RFC 5737, RFC 3849, RFC 9637: addresses for documentation.
_DOCUMENTATION: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
)
# RFC 2606 and the names that JPRS keeps for examples.
_EXAMPLE_NAMES = ("example.jp", "example.com", "example.net", "example.org", "example.co.jp", "example")


def reminders(site: Site) -> list[str]:
    """Return what is still to be done, a sentence each beginning with the file; empty for a lab.

    These are no problems: the site is lawful, but with them it cannot be, or should not be, the real one.
    """
    if site.lab:
        return []
    found: list[str] = []
    hosts = [host for host in site.hosts.values() if _documentation(ipaddress.ip_network(host.address))]
    if hosts:
        names = ", ".join(host.name for host in hosts)
        found.append(f"{HOSTS}: write the real addresses of {names}; these are documentation's.")
    keys = ", ".join(host.name for host in site.hosts.values() if host.host_key.startswith("SHA256:EXAMPLE"))
    if keys:
        found.append(
            f"{HOSTS}: write host_key of {keys}, as each console shows it: "
            "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
        )
    places = site.settings.places
    if any(_documentation(network) for network in (*places.controller, *places.office, *places.auditor)):
        found.append(f"{SITE}: write where the controller, the office and the auditor sit; these are examples.")
    names_served = (*site.settings.names, site.settings.mail_domain or "", site.settings.contact.email.split("@")[1])
    if any(_example_name(name) for name in names_served):
        found.append(f"{SITE}: write the names that are served, and the office's contact; these are examples.")
    acme = site.settings.acme
    if acme is None:
        found.append(f"{SITE}: name who certifies the public names (acme); visitors are warned of the site's own CA.")
    elif _example_name(acme.server):
        found.append(f"{SITE}: write whose ACME directory it is, and whom CAA allows; these are examples.")
    if site.upstream and any(_documentation(ipaddress.ip_network(address)) for address in site.upstream.resolvers):
        found.append(f"{UPSTREAM}: write the resolvers and time servers that the site uses; these are examples.")
    declared = (*site.contract.people, *site.contract.disclosers)
    people = [person.name for person in declared if _example_key(site, person.keys)]
    if people or site.contract.contractor.name.startswith("Example"):
        found.append(f"{CONTRACT}: write the parties, dates and people, and put the people's public keys into keys/.")
    found += [
        f"{EXCEPTIONS}: the exception of {over.safeguard} on {', '.join(over.hosts)} was over on {over.until}; "
        "remove it."
        for over in site.exceptions
        if over.until < site.today()
    ]
    return found + _held_here(site)


def _documentation(network: Network) -> bool:
    return any(type(network) is type(other) and network.subnet_of(other) for other in _DOCUMENTATION)  # type: ignore[arg-type]


def _example_name(name: str) -> bool:
    return any(name == example or name.endswith("." + example) for example in _EXAMPLE_NAMES)


def _example_key(site: Site, declared: tuple[str, ...]) -> bool:
    return any(path.startswith("keys/") and "(example)" in (site.path / path).read_text("utf-8") for path in declared)


def _held_here(site: Site) -> list[str]:
    """A key that the office or the auditor should hold alone proves nothing while the contractor has it too."""
    found: list[str] = []
    office = holders_dir(site) / "office" / "approval"
    if office.exists():
        key = fingerprint(public_key(site.path, site.contract.office.key))
        found.append(
            f"{site.contract.office.key}: the office's approval key ({key}) was made on this machine, for trying out "
            f"({office}); before real use the office gives the public half of its own."
        )
    auditor = holders_dir(site) / "auditor" / "evidence.pem"
    if auditor.exists():
        found.append(
            f"{site.contract.auditor.evidence_key}: the auditor's evidence key was made on this machine, for trying "
            f"out ({auditor}); before real use the auditor gives the public half of its own."
        )
    return found
