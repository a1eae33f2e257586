"""The decoy kit, tried at every host of a site at once, by the ways that a stranger could go."""

import random
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from azukari.errors import AzukariError, NotJudged, Unreachable
from azukari.people import decoys
from azukari.people.decoys import Decoy
from azukari.site import DOMAINS, Host, Site
from azukari.ssh.identity import JUMP_USER, Identity, user
from azukari.ssh.outside import Credential, Jump, Login, Target, logins

# OpenSSH shuts a source out after 15 s of penalties, 5 s for each connection that failed to log in; they run off by
# themselves. Attempts wait for that rather than call a server that answers nobody a server that refuses.
_PATIENCE = 25.0  # seconds
# Where honest people come from the same address, not even that: a penalty has run off before the next is earned.
_PACE = 5.5  # seconds
_AT_ONCE = 8


@dataclass(frozen=True)
class Tried:
    """One decoy at one account.

    Attributes:
        host: the server.
        account: the account that it was presented for.
        decoy: the decoy's name.
        domain: the domain whose CA made it.
        why_refused: why it must be refused, in words.
        outcome: `refused`, `accepted`, or `partial` (accepted, but something more was asked for).
        message: the server's answer.
        vantage: from where: `through the bastion` or `outside`.
    """

    host: str
    account: str
    decoy: str
    domain: str
    why_refused: str
    outcome: Literal["accepted", "partial", "refused"]
    message: str
    vantage: str


def try_decoys(
    site: Site,
    identity: Identity,
    namespace: str | None = None,
    hosts: Sequence[str] | None = None,
    timeout: float = 5,
) -> dict[str, list[Tried] | AzukariError]:
    """Present every decoy at the hosts, at all of them at once; nothing may be accepted.

    Servers are tried through the bastion, as which they see everybody, over one connection with the identity's own
    certificate: that it is let in shows that the way was open and the refusals are the servers'. The bastion is tried
    directly, its two accounts over IPv4 and IPv6, so that no source collects more penalties than OpenSSH forgives.

    Args:
        site: the site.
        identity: an honest one for the way through the bastion.
        namespace: the vantage for the bastion; this machine's own network by default.
        hosts: names; all that the identity can reach by default.
        timeout: seconds for each step.

    Returns:
        what was tried, or why nothing could be, by host; one that cannot be tried says nothing about the others.
    """
    bastion = site.group("bastion")[0]
    named = [site.host(name) for name in (hosts if hosts is not None else identity.hosts)]
    servers = [host for host in named if host.name != bastion.name]
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        jump = pool.submit(_jump, bastion, identity, timeout) if servers else None
        found: dict[str, Future[list[Tried]]] = {}
        for host in named:
            if host.name == bastion.name:
                found[host.name] = pool.submit(_at_bastion, pool, site, bastion, namespace, timeout)
            elif jump is not None:
                found[host.name] = pool.submit(_at_server, site, host, jump, timeout)
        results = {name: _result(future) for name, future in found.items()}
        if jump is not None and jump.exception() is None:
            jump.result().close()
    return results


def _result(future: Future[list[Tried]]) -> list[Tried] | AzukariError:
    try:
        return future.result()
    except AzukariError as error:
        return error


def _jump(bastion: Host, identity: Identity, timeout: float) -> Jump:
    way = Credential.from_files("way through the bastion", identity.private_key, identity.jump_certificate)
    return Jump(str(bastion.address), JUMP_USER, way, timeout=timeout)


def _at_server(site: Site, host: Host, jump: Future[Jump], timeout: float) -> list[Tried]:
    target = Target(str(host.address), user("audit"), via=jump.result())
    return _present(host, target, decoys.load(site, host.domain), timeout, "through the bastion")


def at_bastion(site: Site, account: str, namespace: str | None, *, ipv6: bool = False) -> Target:
    """Return an account of the bastion as a stranger's target, from where failed logins harm nobody honest.

    From a vantage of the lab, strangers come from the office's place, which has a declared way to the bastion, and from
    one of its addresses by chance: OpenSSH remembers a source's failures for a while, and the next run is another's.

    Args:
        site: the site.
        account: the account.
        namespace: the vantage; None for this machine, as itself.
        ipv6: by IPv6, where the bastion has it: a source that is punished apart.
    """
    bastion = site.group("bastion")[0]
    address = bastion.address6 if ipv6 and bastion.address6 else bastion.address
    source = None
    if namespace is not None:
        # The first is left to floods (LEAK-09), which leave their source punished.
        places = _office(site, address.version)[1:]
        source = random.choice(places) if places else None  # noqa: S311  no secret
    return Target(str(address), account, namespace=namespace, source=source)


def flooding(site: Site, account: str, namespace: str) -> Target:
    """Return an account of the bastion as the target of a flood, from an address that no honest attempt comes from.

    Raises:
        NotJudged: the site declares no place from which one could be tried.
    """
    address = site.group("bastion")[0].address
    places = _office(site, address.version)
    if not places:
        raise NotJudged("The office's place has no addresses of its own in this lab, so no flood can come from there.")
    return Target(str(address), account, namespace=namespace, source=places[0])


def _office(site: Site, version: int) -> list[str]:
    networks = [n for n in site.addresses("office") if n.version == version and n.num_addresses <= 256]
    return [str(address) for network in networks for address in network]


def _at_bastion(
    pool: ThreadPoolExecutor, site: Site, bastion: Host, namespace: str | None, timeout: float
) -> list[Tried]:
    own = decoys.load(site, bastion.domain)
    # The jump account trusts every domain, so its list of the revoked must know every domain's.
    others = [d for domain in DOMAINS if domain != bastion.domain for d in _kit(site, domain) if d.name == "revoked"]
    server, way = at_bastion(site, user("audit"), namespace, ipv6=True), at_bastion(site, JUMP_USER, namespace)
    pace = _PACE if namespace is None else 0

    def present(target: Target, kit: Sequence[Decoy]) -> list[Tried]:
        return _present(bastion, target, kit, timeout, "outside", pace)

    if not bastion.address6:
        jump = present(way, [*own, *others])
        time.sleep(pace)
        return [*jump, *present(server, own)]
    later = pool.submit(present, server, own)  # from another address, so punished apart
    return [*present(way, [*own, *others]), *later.result()]


def _kit(site: Site, domain: str) -> list[Decoy]:
    try:
        return decoys.load(site, domain)
    except NotJudged:  # its keeper has not made one; that is judged on its own hosts
        return []


def _present(
    host: Host, target: Target, kit: Sequence[Decoy], timeout: float, vantage: str, pace: float = 0
) -> list[Tried]:
    credentials = [Credential.from_files(d.name, d.private_key, d.certificate) for d in kit]
    try:
        answers = logins(target, credentials, timeout, _PATIENCE if vantage == "outside" else 0, pace)
    except Unreachable as error:
        raise Unreachable(f"{host.name}, account {target.user}: {error.message}") from error
    return [_tried(host, target, decoy, answer, vantage) for decoy, answer in zip(kit, answers, strict=True)]


def _tried(host: Host, target: Target, decoy: Decoy, answer: Login, vantage: str) -> Tried:
    return Tried(
        host=host.name,
        account=target.user,
        decoy=decoy.name,
        domain=decoy.domain,
        why_refused=decoy.why_refused,
        outcome=answer.outcome,
        message=answer.message,
        vantage=vantage,
    )
