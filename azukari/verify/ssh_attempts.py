"""Attempts at the site's SSH servers that checks of several roles judge: decoys, wrong accounts, forwards, handshakes.

All servers are attempted at once, behind one honest connection through the bastion; the bastion itself directly, on few
connections, because it punishes sources whose connections fail (PerSourcePenalties).
"""

import socket
import tempfile
import threading
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import SSHCertificateType

from azukari.errors import AzukariError, NotJudged, Unreachable
from azukari.people import attempts as people_attempts
from azukari.people import authority, ssh_certificates
from azukari.site import Site
from azukari.ssh import keys, outside
from azukari.ssh.identity import JUMP_USER, Identity
from azukari.ssh.outside import Credential, Jump, Target
from azukari.ssh.session import Session
from azukari.verify.authoring import NotEvaluated
from azukari.verify.host import RunContext

TIMEOUT = 15.0  # seconds for each step; servers that do not answer at all are left out beforehand
PATIENCE = 25.0  # seconds that an attempt at the bastion waits out an earlier penalty
FLOOD = 12  # connections; OpenSSH's own settings drop a source after four
FLOOD_AT_ONCE = 4
AUDIT = "azukari-audit"
_PASSWORD = "azukari-decoy-password"  # noqa: S105 - it opens nothing, by promise

_JUMPS: "weakref.WeakKeyDictionary[Identity, Jump | NotEvaluated]" = weakref.WeakKeyDictionary()
_OPENING = threading.Lock()

Value = TypeVar("Value")
Outcome = dict[str, Any]  # {"error": sentence} or {"value": what was found}


def handshakes(site: Site, run: RunContext) -> dict[str, Outcome]:
    """Return what each server offers before anybody has said who they are."""

    def one(name: str, jump: Jump) -> dict[str, Any]:
        host = site.hosts[name]
        if _is_bastion(site, name):
            return asdict(outside.handshake(str(host.address), timeout=TIMEOUT))
        channel = cast(socket.socket, jump.open(str(host.address), 22, TIMEOUT))  # it answers as a socket does
        return asdict(outside.handshake(str(host.address), connection=channel))

    return _everywhere(site, run, one)


def decoy_logins(site: Site, run: RunContext) -> dict[str, Outcome]:
    """Present each domain's decoys to its servers."""
    try:
        vantage = run.outside.namespace
        found = people_attempts.try_decoys(site, _identity(run), vantage, hosts=_answering(run), timeout=TIMEOUT)
    except AzukariError as error:
        raise NotEvaluated(error.message) from error
    return {
        name: {"error": tried.message} if isinstance(tried, AzukariError) else {"value": [asdict(one) for one in tried]}
        for name, tried in found.items()
    }


def other_logins(site: Site, run: RunContext) -> dict[str, Outcome]:
    """Try root and automation with passwords, without anything, and with an honest certificate that is not theirs."""
    identity = _identity(run)

    def one(name: str, jump: Jump) -> list[dict[str, Any]]:
        honest = _honest(site, identity, name)
        tried = _told(_target(site, name, "root", jump), [honest, *_without_certificate()])
        if not _is_bastion(site, name):  # each of these is one more connection that fails
            tried += _told(_target(site, name, "azukari-apply", jump), [honest, *_without_certificate()])
        return tried

    return _everywhere(site, run, one)


def sessions(site: Site, run: RunContext) -> dict[str, Outcome]:
    """Ask every server for forwards, a terminal and the rest, with a certificate that would permit all of it.

    Only whoever holds the domain's keys can make such a certificate; else the audit's own is used, and says so.
    """
    identity = _identity(run)

    def one(name: str, jump: Jump) -> dict[str, Any]:
        host = site.hosts[name]
        credential, generous = _generous(site, identity, name)
        transport = outside.connect(_target(site, name, AUDIT, jump), credential, TIMEOUT)
        try:
            there = [(str(host.address), 22), ("127.0.0.1", 22)]
            tried = Session(transport).everything(there, "/run/systemd/notify")
        finally:
            transport.close()
        return {"generous": generous, "tried": [asdict(attempt) for attempt in tried]}

    return _everywhere(site, run, one)


def across_domains(site: Site, run: RunContext) -> dict[str, Outcome]:
    """Present every other domain's honest certificates to each server, for its own audit account.

    They are made for the very server, which no honest signer would do: what refuses them is the CA alone.
    """

    def one(name: str, jump: Jump) -> list[dict[str, Any]]:
        others = [d for d in authority.domains_at_hand(site) if d != site.hosts[name].domain]
        if not others:
            raise NotJudged("The keys of no other domain are at hand, so that none could be tried here.")
        kit = [_made(site, domain, name, f"attempt/across/{domain}", ()) for domain in others]
        return _told(_target(site, name, AUDIT, jump), kit)

    return _everywhere(site, run, one)


def flood(site: Site, run: RunContext) -> dict[str, Any]:
    """Fail to log in to the bastion in quick succession, until it takes no more connections from there.

    Raises:
        NotEvaluated: there is no place from which this could be tried without shutting somebody out.
    """
    if run.outside.namespace is None:
        raise NotEvaluated("a flood would shut this machine out: declare a probe host, and try it from there")
    stranger = _unknown()
    try:
        target = people_attempts.flooding(site, AUDIT, run.outside.namespace)
    except NotJudged as error:
        raise NotEvaluated(error.message) from error

    def fail(_number: int) -> Unreachable | None:
        try:
            outside.login(target, stranger, TIMEOUT)
        except Unreachable as error:
            return error
        return None

    made = 0
    # Several at once: penalties run off with time, and one after the other they would on a machine that is busy.
    with ThreadPoolExecutor(max_workers=FLOOD_AT_ONCE) as pool:
        while made < FLOOD:
            dropped = [error for error in pool.map(fail, range(FLOOD_AT_ONCE)) if error]
            made += FLOOD_AT_ONCE - len(dropped)
            if dropped:
                return {"made": made, "dropped": True, "said": dropped[0].message}
    return {"made": made, "dropped": False, "said": ""}


def _unknown() -> Credential:
    """Return a key with a certificate of a CA that nobody knows.

    A bare key would not do: where sshd takes certificates alone, it counts one as no attempt at all.
    """
    key: Ed25519PrivateKey = keys.new_key()
    start = datetime.now(UTC) - timedelta(minutes=5)
    validity = (start, start + timedelta(minutes=10))
    kind, public = SSHCertificateType.USER, keys.public_text(key)
    line, _ = ssh_certificates.make(keys.new_key(), kind, public, ["audit@nowhere"], "attempt/flood", validity)
    return _credential("a certificate of an unknown CA", key, line)


def jump_session(
    site: Site, run: RunContext, forbidden: list[tuple[str, int]], declared: list[tuple[str, int]]
) -> dict[str, list[dict[str, Any]]]:
    """Try everything with the jump account and its honest certificate, on a connection of its own.

    Args:
        site: the declared site.
        run: the run.
        forbidden: addresses and ports that must be refused, with everything else that a session could ask for.
        declared: addresses and ports that must be reached.

    Raises:
        NotEvaluated: the bastion does not let the honest certificate in.
    """
    with _new_jump(site, _identity(run)) as jump:
        session = Session(jump.transport)
        refused = session.everything(forbidden, "/run/systemd/notify")
        reached = [session.forward(address, port) for address, port in declared]
    return {"forbidden": [asdict(one) for one in refused], "declared": [asdict(one) for one in reached]}


def _everywhere(site: Site, run: RunContext, one: Callable[[str, Jump], Value]) -> dict[str, Outcome]:
    """Do one thing at every server of the run at once; a server that does not answer holds up nobody."""

    def safely(name: str) -> Outcome:
        for _ in range(2):
            jump = _jump(site, run)
            try:
                outcome: Outcome = {"value": one(name, jump)}
            except AzukariError as error:
                outcome = {"error": error.message}
            if jump.transport.is_active() or _is_bastion(site, name):
                return outcome  # where the way broke meanwhile, a refusal proves nothing: once more, by a new one
        return {"error": f"the connection to the bastion broke while {name} was attempted, twice"}

    names = _answering(run)
    if not names:
        return {}
    _jump(site, run)  # opened once, before all ask for it
    with ThreadPoolExecutor(max_workers=8) as pool:
        return dict(zip(names, pool.map(safely, names), strict=True))


def _answering(run: RunContext) -> list[str]:
    return [name for name, host in run.hosts.items() if not host.unreachable]


def _jump(site: Site, run: RunContext) -> Jump:
    """Return the run's own way through the bastion; all attempts behind it share it, each with a channel of its own."""
    identity = _identity(run)
    with _OPENING:
        known = _JUMPS.get(identity)
        if isinstance(known, NotEvaluated):  # who did not answer the first collector is not waited for by each
            raise known
        if known is None or not known.transport.is_active():
            try:
                known = _JUMPS[identity] = _new_jump(site, identity)
            except NotEvaluated as error:
                _JUMPS[identity] = error
                raise
            weakref.finalize(identity, known.close)
        return known


def _new_jump(site: Site, identity: Identity) -> Jump:
    bastion = site.group("bastion")[0]
    credential = Credential.from_files("honest", identity.private_key, identity.jump_certificate)
    try:
        return Jump(str(bastion.address), JUMP_USER, credential, timeout=TIMEOUT)
    except Unreachable as error:
        raise NotEvaluated(error.message) from error


def outcome_of(found: Mapping[str, Outcome], host: str) -> Any:
    """Return what was found at a host, for a judge.

    Raises:
        NotEvaluated: nothing was; says why.
    """
    outcome = found.get(host, {"error": f"{host} was not attempted"})
    if "error" in outcome:
        raise NotEvaluated(str(outcome["error"]))
    return outcome["value"]


def _told(target: Target, credentials: list[Credential]) -> list[dict[str, Any]]:
    """Return the logins as mappings, with the account that each was for."""
    patience = 0.0 if target.via else PATIENCE
    answers = outside.logins(target, credentials, TIMEOUT, patience)
    return [{"account": target.user, **asdict(answer)} for answer in answers]


def _identity(run: RunContext) -> Identity:
    if run.identity is None:
        raise NotEvaluated("no identity of the site is at hand")
    return run.identity


def _is_bastion(site: Site, name: str) -> bool:
    return name == site.group("bastion")[0].name


def _target(site: Site, name: str, user: str, jump: Jump) -> Target:
    host = site.hosts[name]
    if _is_bastion(site, name):
        # Over IPv6 where there is: OpenSSH punishes that source apart from the one that the whole run depends on.
        return Target(str(host.address6 or host.address), user)
    return Target(str(host.address), user, via=jump)


def _honest(site: Site, identity: Identity, name: str) -> Credential:
    bastion = _is_bastion(site, name)
    certificate = identity.bastion_certificate if bastion else identity.certificates.get(site.hosts[name].domain)
    if certificate is None:
        raise NotJudged(f"The keys at hand do not open {name}: its domain is kept by somebody else.")
    return Credential.from_files("an honest certificate of the audit", identity.private_key, certificate)


def _without_certificate() -> list[Credential]:
    return [
        Credential("nothing"),
        Credential("a password", password=_PASSWORD),
        Credential("a password in a dialogue", password=_PASSWORD, interactive=True),
    ]


def _generous(site: Site, identity: Identity, name: str) -> tuple[Credential, bool]:
    domain = site.hosts[name].domain
    if domain not in authority.domains_at_hand(site):
        return _honest(site, identity, name), False
    extensions = ("permit-agent-forwarding", "permit-port-forwarding", "permit-pty", "permit-X11-forwarding")
    return _made(site, domain, name, "attempt/sessions", extensions), True


def _made(site: Site, domain: str, name: str, key_id: str, extensions: tuple[str, ...]) -> Credential:
    """Make a key with a certificate of five minutes for one server's audit account."""
    key: Ed25519PrivateKey = keys.new_key()
    start = datetime.now(UTC) - timedelta(minutes=5)
    places = ("controller", "auditor") if _is_bastion(site, name) else (site.group("bastion")[0].name,)
    sources = [str(network) for place in places for network in site.addresses(place)]
    line = authority.load(site, domain).user_certificate(
        keys.public_text(key), [f"audit@{name}"], key_id, start, start + timedelta(minutes=10), sources, extensions
    )
    return _credential(key_id, key, line)


def _credential(name: str, key: Ed25519PrivateKey, certificate: str) -> Credential:
    """Return a credential of a key that never touches the disk for longer than it takes to read it."""
    with tempfile.TemporaryDirectory(prefix="azukari-attempt-") as folder:
        private, public = Path(folder) / "key", Path(folder) / "key-cert.pub"
        keys.write_closed(private, keys.private_text(key))
        keys.write_closed(public, certificate)
        return Credential.from_files(name, private, public)
