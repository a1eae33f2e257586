import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

from azukari.errors import AzukariError, InputError, Unreachable
from azukari.people import authority, identity
from azukari.people.authority import KeysNotAtHand
from azukari.site import Site, fingerprint, holders_dir, load, state_dir
from azukari.ssh import config, host_key, keys
from azukari.ssh import identity as ssh_identity
from azukari.ssh.host_key import HostKeyDiffers, declared_key
from tests.unit.ssh.private_sshd import SSHD, PrivateSshd


def _read(path: Path) -> SSHCertificate:
    found = load_ssh_public_identity(path.read_bytes())
    assert isinstance(found, SSHCertificate)
    return found


def _host_keys(site: Site) -> None:
    for name in site.hosts:
        keys.write(site.path / f"keys/hosts/{name}.pub", keys.public_text(keys.new_key()))


def _effective(file: Path, host: str) -> dict[str, str]:
    """What ssh itself understands of the file."""
    said = subprocess.run(["ssh", "-G", "-F", file, host], capture_output=True, text=True, check=True).stdout
    return {word.split()[0]: word.partition(" ")[2] for word in said.splitlines()}


def test_automation_has_two_certificates_a_domain_of_at_most_an_hour(site: Site) -> None:
    with identity.automation(site) as own:
        jump, server, bastion = (
            _read(path)
            for path in (own.jump_certificate, own.certificates["production"], own.bastion_certificate or Path())
        )
        assert own.domains == ("production", "vault", "log")
        assert own.hosts == tuple(site.hosts)
    assert jump.valid_principals == [b"jump@bastion"]
    assert jump.extensions == {b"permit-port-forwarding": b""}
    assert jump.critical_options == {b"source-address": b"198.18.64.1/32,2001:2:0:64::1/128"}
    assert server.valid_principals == [b"apply@web", b"apply@app", b"apply@db", b"apply@mail"]
    assert server.extensions == {b"permit-pty": b""}
    assert server.critical_options == {b"source-address": b"198.18.64.10/32,2001:2:0:64::10/128"}
    assert bastion.valid_principals == [b"apply@bastion"]
    assert bastion.critical_options == jump.critical_options
    now = time.time()
    for one in (jump, server, bastion):
        assert one.valid_before - one.valid_after == 3600
        assert now - 330 <= one.valid_after <= now - 295  # five minutes for clocks that differ


def test_a_vault_keeper_reaches_the_vault_alone(site: Site) -> None:
    for domain in ("production", "log"):
        (holders_dir(site) / domain / "vault-password").unlink()
    with identity.automation(site) as own:
        assert own.hosts == ("vault",)
        assert own.bastion_certificate is None
        signer = _read(own.jump_certificate).signature_key().public_bytes_raw()
    assert signer == authority.load(site, "vault").user_ca.public_key().public_bytes_raw()


def test_domains_that_are_not_at_hand_are_said_to_be_so(site: Site) -> None:
    for domain in ("production", "vault", "log"):
        (holders_dir(site) / domain / "vault-password").unlink()
    with pytest.raises(KeysNotAtHand, match="No domain's keys"):
        identity.automation(site)
    with pytest.raises(KeysNotAtHand, match="kept by sato"):
        identity.automation(site, domains=["vault"])


def test_nothing_is_left_behind(site: Site) -> None:
    own = identity.automation(site, "audit")
    folder = own.folder
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "key").stat().st_mode & 0o777 == 0o600
    child = os.fork()
    if child == 0:  # a child that ends as Python ends must leave its parent's keys alone
        own.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert folder.exists()
    del own
    assert not folder.exists()


def test_nothing_is_left_where_issuing_failed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def folder() -> Path:
        made.append(ssh_identity.new_folder())
        return made[-1]

    monkeypatch.setattr(identity, "new_folder", folder)
    ledger = state_dir(site) / "ledger" / "production.jsonl"
    ledger.parent.mkdir(exist_ok=True)
    ledger.write_text('{"at": "x')
    with pytest.raises(AzukariError):
        identity.automation(site, "audit")
    assert made
    assert not made[0].exists()


def test_a_server_that_says_nothing_is_one_sentence() -> None:
    """paramiko's thread tells its own traceback where nobody has told it to be quiet."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        code = f"from azukari.ssh.host_key import shown_key; shown_key('127.0.0.1', {silent.getsockname()[1]}, 0.5)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)
    assert "does not show an Ed25519 host key" in done.stderr
    assert "Exception (client)" not in done.stderr


def test_what_a_killed_run_left_is_swept_but_a_living_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, alive, young = (tmp_path / f"azukari-{pid}-x" for pid in (2**22 + 1, os.getpid(), 2**22 + 2))
    for folder in (dead, alive, young):
        folder.mkdir()
    for folder in (dead, alive):
        os.utime(folder, (time.time() - 7200,) * 2)
    ssh_identity._sweep(tmp_path)
    assert not dead.exists()
    assert alive.exists()
    assert young.exists()


@pytest.mark.parametrize(
    ("hangups", "alone"), [(signal.SIG_DFL, ""), (signal.SIG_IGN, " 2>/dev/null")], ids=["", "under-nohup"]
)
def test_ssh_understands_the_configuration_as_meant(site: Site, hangups: signal.Handlers, alone: str) -> None:
    with identity.automation(site) as own:
        before = signal.signal(signal.SIGHUP, hangups)
        try:
            file = config.write(site, own)
        finally:
            signal.signal(signal.SIGHUP, before)
        web, bastion, jump = (_effective(file, host) for host in ("web", "bastion", "azukari-jump"))
        known = (own.folder / "ssh_config.known_hosts").read_text()
    assert (web["hostname"], web["user"], web["hostkeyalias"]) == ("198.18.64.11", "azukari-apply", "web")
    assert web["certificatefile"] == str(own.certificates["production"])
    assert web["proxycommand"] == f"ssh -F {file} -W [%h]:%p azukari-jump{alone}"
    assert "proxycommand" not in bastion
    assert bastion["certificatefile"] == str(own.bastion_certificate)
    assert (jump["user"], jump["controlmaster"], jump["controlpersist"]) == ("azukari-jump", "auto", "60")
    for one in (web, bastion, jump):
        assert one["stricthostkeychecking"] in ("true", "yes")
        assert one["hostkeyalgorithms"] == "ssh-ed25519-cert-v01@openssh.com"
        assert (one["batchmode"], one["identitiesonly"], one["forwardagent"]) == ("yes", "yes", "no")
        assert one["globalknownhostsfile"] == "/dev/null"
    ca = " ".join((site.path / "keys/ca/vault_host.pub").read_text().split()[:2])
    assert f"@cert-authority vault {ca}\n" in known
    assert len(str(own.control_path)) + 17 < 108


def test_first_contact_goes_directly_as_root_to_the_declared_key(site: Site) -> None:
    _host_keys(site)
    with identity.automation(site) as own:
        file = config.write(site, own, first_contact=frozenset({"web"}))
        web, app = _effective(file, "web"), _effective(file, "app")
        known = (own.folder / "ssh_config.known_hosts").read_text().splitlines()
    assert (web["user"], web["hostkeyalgorithms"]) == ("root", "ssh-ed25519")
    assert "proxycommand" not in web
    assert web["identityfile"] == str(holders_dir(site) / "contractor" / "first_contact")
    assert app["user"] == "azukari-apply"
    assert f"web {site.host_public_key('web')}" in known
    assert not [line for line in known if line.startswith("@cert-authority web ")]


@pytest.mark.skipif(SSHD is None, reason="not applicable: sshd is not installed (openssh-server)")
def test_a_declared_fingerprint_is_compared_with_the_key_that_is_shown(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = site.path / "hosts.yml"
    ca = keys.public_text(keys.new_key())
    with PrivateSshd(tmp_path / "sshd", ca, ["x"], None) as server:
        shown = host_key.shown_key("127.0.0.1", server.port)
        assert shown == keys.public_text(server.host_key).strip()
        monkeypatch.setattr(host_key, "shown_key", lambda _address: shown)
        for declared, fits in ((fingerprint(shown), True), (fingerprint(ca), False)):
            original = hosts.read_text()
            hosts.write_text(original.replace("keys/hosts/web.pub", f'"{declared}"'))
            again = load(site.path)
            hosts.write_text(original)
            if fits:
                assert declared_key(again, again.hosts["web"]) == shown
            else:
                with pytest.raises(HostKeyDiffers, match=r"ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key\.pub"):
                    declared_key(again, again.hosts["web"])


def test_a_bastion_that_does_not_answer_is_said_to_be_unreachable(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "CONNECT_TIMEOUT", 1)
    with identity.automation(site) as own:
        file = config.write(site, own)
        file.write_text(file.read_text().replace("HostName 198.18.64.10", "HostName 127.0.0.1\n    Port 1"))
        with pytest.raises(Unreachable, match="refused"):
            config.open_jump(file)


class TestAuditor:
    def test_is_issued_at_once_where_the_keys_are_at_hand_and_kept(self, site: Site) -> None:
        with identity.auditor(site) as own:
            assert own.hosts == tuple(site.hosts)
            assert own.user == "azukari-audit"
            found = _read(own.certificates["log"])
        assert found.valid_principals == [b"audit@log"]
        assert found.valid_before - found.valid_after == 8 * 3600
        with identity.auditor(site) as again:
            assert _read(again.certificates["log"]).serial == found.serial

    def test_without_the_keys_uses_what_was_issued_until_it_ends(self, site: Site) -> None:
        identity.issue_auditor(site, ["production"], valid=timedelta(minutes=20))
        for domain in ("production", "vault", "log"):
            (holders_dir(site) / domain / "vault-password").unlink()
        with identity.auditor(site) as own:
            assert own.domains == ("production",)
            assert own.hosts == ("bastion", "web", "app", "db", "mail")
            assert own.valid_before > datetime.now(UTC)
        for old in (holders_dir(site) / "auditor").glob("audit-*-cert.pub"):
            old.unlink()
        with pytest.raises(KeysNotAtHand, match="azukari people audit"):
            identity.auditor(site)

    @pytest.mark.parametrize("hours", [0, -1, 8.1])
    def test_a_person_has_eight_hours_at_most(self, site: Site, hours: float) -> None:
        with pytest.raises(InputError, match="at most 8 hours"):
            identity.issue_auditor(site, ["log"], valid=timedelta(hours=hours))

    def test_a_key_from_elsewhere_is_certified(self, site: Site) -> None:
        public = keys.public_text(keys.new_key())
        paths = identity.issue_auditor(site, ["production", "log"], public)
        assert {path.name for path in paths} == {
            "audit-jump-cert.pub",
            "audit-production-cert.pub",
            "audit-bastion-cert.pub",
            "audit-log-cert.pub",
        }
        assert {fingerprint(public)} == {
            e.key for e in authority.ledger(site, "log").entries() if e.key_id == "auditor/audit/log"
        }
