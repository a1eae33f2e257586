"""The decoy kit at real servers: refused everywhere, each for its own reason by the server's own log, in seconds."""

import dataclasses
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import SSHCertificateType

from azukari.errors import NotJudged, Unreachable
from azukari.lab import Lab
from azukari.people import attempts, authority, decoys, identity, ssh_certificates
from azukari.people.attempts import Tried
from azukari.people.ledger import Ledger
from azukari.site import Site
from azukari.ssh import config, keys
from azukari.ssh.identity import JUMP_USER
from azukari.ssh.kexinit import handshake
from azukari.ssh.outside import Credential, Jump, Target, connect, login
from azukari.ssh.session import Session
from tests import provisioned

pytestmark = pytest.mark.lab
SECONDS = 12.0  # seven hosts, on two cores that other tests share; alone it takes about two
PATIENT = 20.0  # seconds for one step of one attempt, where not the time is tested

# What the server's log says, by decoy.
REASONS = {
    "expired": "Certificate invalid: expired",
    "not-yet-valid": "Certificate invalid: not yet valid",
    "wrong-principal": "does not contain an authorized principal",
    "revoked": "revoked by file",
    "too-long": "was made for 86400 s, allowed are 28800 s",
    "other-host": "does not contain an authorized principal",
    "other-source": "not from a permitted source address",
}


@pytest.fixture(scope="module")
def lab(provisioned_lab: Lab) -> Lab:
    return provisioned_lab


@pytest.fixture(scope="module")
def site(lab: Lab) -> Site:
    return provisioned.site()


@pytest.fixture(scope="module")
def tried(site: Site, lab: Lab) -> dict[str, list[Tried] | NotJudged]:
    decoys.ensure(site, authority.domains_at_hand(site))
    with identity.automation(site, "audit") as own:
        start = time.monotonic()
        found = attempts.try_decoys(site, own, lab.outside().namespace)
        took = time.monotonic() - start
    assert took < SECONDS
    return found


def test_every_decoy_was_refused_at_every_host(site: Site, tried: dict[str, list[Tried] | NotJudged]) -> None:
    assert set(tried) == set(site.hosts)
    for host, answers in tried.items():
        assert not isinstance(answers, NotJudged), answers
        assert {answer.decoy for answer in answers} == set(decoys.WHY_REFUSED), host
        assert [answer for answer in answers if answer.outcome != "refused"] == []
    bastion = tried["bastion"]
    assert not isinstance(bastion, NotJudged)
    assert {answer.account for answer in bastion} == {"azukari-audit", JUMP_USER}


@pytest.mark.parametrize("host", ["web", "vault", "bastion"])
def test_the_servers_log_gives_the_reason_meant(
    site: Site, lab: Lab, tried: dict[str, list[Tried] | NotJudged], host: str
) -> None:
    kit = {decoy.name: decoy for decoy in decoys.load(site, site.hosts[host].domain)}
    with identity.automation(site, "audit") as own:
        way = Credential.from_files("way", own.private_key, own.jump_certificate)
        for name, reason in REASONS.items():
            since = lab.run(host, ["date", "+%s.%N"]).stdout.decode().strip()
            decoy = kit[name]
            shown = Credential.from_files(name, decoy.private_key, decoy.certificate)
            address = str(site.hosts[host].address)
            if host == "bastion":
                target = attempts.at_bastion(site, "azukari-audit", lab.outside().namespace)
                answer = login(target, shown, PATIENT, patience=30)
            else:
                with Jump(str(site.hosts["bastion"].address), JUMP_USER, way, timeout=PATIENT) as jump:
                    answer = login(Target(address, "azukari-audit", via=jump), shown, PATIENT)
            log = lab.run(host, ["journalctl", "--no-pager", f"--since=@{since}"]).stdout.decode()
            assert answer.outcome == "refused", (name, answer)
            assert reason in log, (name, log)


def test_the_normal_way_reaches_every_host_over_one_connection(site: Site, lab: Lab) -> None:
    with identity.automation(site, "audit") as own:
        file = config.write(site, own)
        config.open_jump(file)
        assert own.control_path.is_socket()
        assert {host: _ssh(file, host, "id -un") for host in site.hosts} == dict.fromkeys(site.hosts, "azukari-audit")
    assert not own.folder.exists()


def test_the_bastion_offers_hybrids_only(site: Site, lab: Lab) -> None:
    target = attempts.at_bastion(site, JUMP_USER, lab.outside().namespace)
    offer = handshake(target.address, connection=target.open(5))
    assert offer.kex
    assert all("x25519" in name and ("mlkem" in name or "sntrup" in name) for name in offer.kex)
    assert offer.strict_order
    assert set(offer.host_key_algorithms) == {"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"}


def test_an_hour_is_enough_for_automation_and_a_minute_more_is_refused(site: Site, lab: Lab) -> None:
    own = authority.load(site, "production")
    now = datetime.now(UTC)
    start = now - timedelta(minutes=5)
    sources = [str(network) for network in site.addresses("bastion")]
    with identity.automation(site, "audit") as audit:
        key = keys.new_key()
        keys.write_closed(audit.folder / "long", keys.private_text(key))
        way = Credential.from_files("way", audit.private_key, audit.jump_certificate)
        outcomes = {}
        for minutes in (60, 61):
            # Not by the authority: its ledger would say, to every later audit, that one was really made for too long.
            validity = (start, start + timedelta(minutes=minutes))
            kind, public, name = SSHCertificateType.USER, keys.public_text(key), f"automation/test/{minutes}"
            line, _ = ssh_certificates.make(own.user_ca, kind, public, ["apply@web"], name, validity, sources=sources)
            keys.write_closed(audit.folder / "long-cert.pub", line)
            shown = Credential.from_files(name, audit.folder / "long", audit.folder / "long-cert.pub")
            with Jump(str(site.hosts["bastion"].address), JUMP_USER, way, timeout=PATIENT) as jump:
                target = Target(str(site.hosts["web"].address), "azukari-apply", via=jump)
                outcomes[minutes] = login(target, shown, PATIENT).outcome
    assert outcomes == {60: "accepted", 61: "refused"}


def test_another_domains_keeper_passes_the_bastion_and_opens_nothing_behind(site: Site, lab: Lab) -> None:
    with identity.automation(site, "audit", domains=["vault"]) as own:
        assert own.hosts == ("vault",)
        way = Credential.from_files("way", own.private_key, own.jump_certificate)
        shown = Credential.from_files("vault's", own.private_key, own.certificates["vault"])
        with Jump(str(site.hosts["bastion"].address), JUMP_USER, way, timeout=PATIENT) as jump:
            outcomes = {
                name: login(Target(str(host.address), "azukari-audit", via=jump), shown, PATIENT).outcome
                for name, host in site.hosts.items()
                if name != "bastion"
            }
    assert outcomes == {name: "accepted" if name == "vault" else "refused" for name in site.hosts if name != "bastion"}


def test_a_certificate_that_is_revoked_is_refused_after_the_next_list(site: Site, lab: Lab) -> None:
    held = authority.load(site, "log")
    with identity.automation(site, "audit", domains=["log"]) as own:
        way = Credential.from_files("way", own.private_key, own.jump_certificate)
        shown = Credential.from_files("own", own.private_key, own.certificates["log"])
        issued = [e for e in held.ledger.entries() if e.event == "issued" and e.key_id.endswith("/log")][-1]
        with Jump(str(site.hosts["bastion"].address), JUMP_USER, way, timeout=PATIENT) as jump:
            target = Target(str(site.hosts["log"].address), "azukari-audit", via=jump)
            before = login(target, shown, PATIENT)
            held.revoke(issued.serial, issued.key_id, "test")
            try:
                _apply_list()
                after = login(target, shown, PATIENT)
            finally:
                _forget_revocation(held.ledger, issued.serial)
                _apply_list()
    assert (before.outcome, after.outcome) == ("accepted", "refused")


def _apply_list() -> None:
    applied = provisioned.azukari("apply", "--limit", "log", "--tags", "ssh", timeout=300)
    assert applied.returncode == 0, applied.stderr


def _forget_revocation(ledger: Ledger, serial: int) -> None:
    """Leave the shared lab's ledger as it was: the bastion, and every snapshot, have a list without this serial."""
    kept = [entry for entry in ledger.entries() if (entry.event, entry.serial) != ("revoked", serial)]
    ledger.path.unlink()
    ledger.append(kept)


def test_the_jump_account_gives_forwards_to_declared_hosts_and_nothing_else(site: Site, lab: Lab) -> None:
    web, address = str(site.hosts["web"].address), str(site.hosts["bastion"].address)
    with identity.automation(site, "audit") as own:
        way = Credential.from_files("way", own.private_key, own.jump_certificate)
        with connect(Target(address, JUMP_USER), way) as transport:
            forwards = [(web, 22), (web, 443), (address, 22), ("127.0.0.1", 3128), ("198.18.0.1", 22)]
            found = Session(transport).everything(forwards, "/run/systemd/notify")
    assert {attempt.what for attempt in found if attempt.allowed} == {f"forward to {web} port 22"}, found


def test_attempts_from_the_honest_machine_itself_shut_nobody_out(site: Site, lab: Lab) -> None:
    with identity.automation(site, "audit") as own:
        file = config.write(site, own)
        for _ in range(2):  # one run after the other, from the address that people use
            found = attempts.try_decoys(site, own, None, hosts=["bastion"], timeout=PATIENT)["bastion"]
            assert not isinstance(found, NotJudged), found
            assert {answer.outcome for answer in found} == {"refused"}
            assert _ssh(file, "bastion", "id -un") == "azukari-audit"


def test_a_host_that_is_down_holds_up_nobody(site: Site, lab: Lab) -> None:
    gone = dataclasses.replace(site.hosts["mail"], address=site.hosts["mail"].address + 100)
    without = dataclasses.replace(site, hosts={**site.hosts, "mail": gone})
    with identity.automation(site, "audit") as own:
        start = time.monotonic()
        found = attempts.try_decoys(without, own, hosts=["web", "mail"], timeout=3)
        took = time.monotonic() - start
    assert isinstance(found["mail"], Unreachable)
    assert not isinstance(found["web"], NotJudged)
    assert took < SECONDS


def _ssh(file: Path, host: str, command: str) -> str:
    done = subprocess.run(["ssh", "-F", file, host, command], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
