"""CONT-02, DEST-09: the site that runs is the one that the office approved, and each domain has a keeper of its own."""

from collections import defaultdict
from pathlib import Path

from azukari.site import approval
from azukari.verify import check, collector
from azukari.verify import ssh_attempts as attempts

# --- CONT-02 ----------------------------------------------------------------------------------------------------------


@check("CONT-02", hosts="site")
def test_the_office_approved_this_site(site):
    """The declared site is, byte for byte, what the office signed."""
    found = approval(site)
    if found.state == "approved":
        return f"approved with the office’s key {found.signer}, digest {site.digest()[:16]}…"
    assert found.state != "missing", "the office has not approved this site: it has no approval.sig."
    assert found.state != "forged", "approval.sig was not made with the office’s key that contract.yml names."
    raise AssertionError(
        f"changed since the office approved it: {', '.join(found.changed) or 'the approval itself'}. "
        "Where to look: `azukari site diff`."
    )


# --- DEST-09 ----------------------------------------------------------------------------------------------------------


def overlaps(people, keys_of):
    """Return a sentence for each person or key that stands in more than one trust domain.

    Args:
        people: of the contract.
        keys_of: returns a person's public keys as text.
    """
    domains = defaultdict(lambda: defaultdict(set))
    for person in people:
        domains["the name"][person.name].add(person.domain)
        domains["the person"][person.full_name.casefold()].add(person.domain)
        for key in keys_of(person):
            domains["the key"][" ".join(key.split()[:2])].add(person.domain)
    return [
        f"{what} “{value[:60]}” stands in the domains {', '.join(sorted(found))}"
        for what, values in domains.items()
        for value, found in values.items()
        if len(found) > 1
    ]


def keeper_findings(authorities, people, domains, today):
    """Return a sentence for each trust domain whose keys are not kept by one current person of that domain alone."""
    found = []
    by_name = {person.name: person for person in people}
    keepers = {domain: getattr(authorities, domain) for domain in domains}
    for domain, keeper in keepers.items():
        person = by_name.get(keeper)
        if person is None or not person.current(today):
            found.append(f"{keeper}, keeper of {domain}, is no current person of the contract")
        elif person.domain != domain:
            found.append(f"{keeper}, keeper of {domain}, works in the domain {person.domain}")
    if len(set(keepers.values())) < len(keepers):
        found.append(f"one person keeps several domains: {', '.join(f'{d} by {k}' for d, k in keepers.items())}")
    return found


def shared_authorities(folder, domains):
    """Return a sentence for each CA key that serves twice."""
    seen = defaultdict(list)
    for domain in domains:
        for name in (f"{domain}_user.pub", f"{domain}_host.pub", f"{domain}_tls.pem"):
            text = (folder / name).read_text()
            key = text.split()[1] if name.endswith(".pub") else "".join(text.split())
            seen[key].append(name)
    return [f"{' and '.join(names)} are one key" for names in seen.values() if len(names) > 1]


@check("DEST-09", hosts="site")
def test_each_domain_has_a_keeper_of_its_own(site):
    """Nobody works in two trust domains, no key stands in two, and one of its own keeps each domain’s authority."""
    domains = sorted({host.domain for host in site.hosts.values()})
    today = site.today()
    people = [person for person in site.contract.people if person.current(today)]
    findings = overlaps(people, site.person_keys)
    findings += keeper_findings(site.contract.authorities, people, domains, today)
    findings += shared_authorities(Path(site.path) / "keys" / "ca", domains)
    assert not findings, "; ".join(findings) + ". Where to look: contract.yml and keys/."
    return "; ".join(f"{domain}: {getattr(site.contract.authorities, domain)}" for domain in domains)


@collector(proof="attempt", scope="site")
def across_domains(site, run):
    """Present to each server what every other domain's authority signed for it."""
    return attempts.across_domains(site, run)


@check("DEST-09", proof="attempt", collect=[across_domains], vantage="controller")
def test_other_domains_open_nothing_here(host, across_domains):
    """A certificate that another domain’s authority makes for this very server is refused when tried."""
    tried = attempts.outcome_of(across_domains, host.name)
    accepted = [
        f"{one['credential'].rpartition('/')[2]} ({one['message']})" for one in tried if one["outcome"] != "refused"
    ]
    assert not accepted, f"{host.name} lets in what another domain signed: {'; '.join(accepted)}."
    return f"refused: {', '.join(one['credential'].rpartition('/')[2] for one in tried)}"
