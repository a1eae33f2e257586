"""Nobody is locked out: each wrong configuration is really applied, and the host is reachable again by the normal way.

The wrong configuration is a copy of the checkout with one file changed, run by its own `azukari apply`: the mistake a
contractor would make. What must hold: `apply` ends non-zero and names what was rolled back; within 60 s the host can be
reached by the normal way, by the right checkout.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from azukari.lab import Lab
from tests import provisioned
from tests.provisioned import REPOSITORY, azukari

pytestmark = pytest.mark.lab
WITHIN = 60.0  # seconds


@dataclass(frozen=True)
class Mistake:
    """One wrong edit: in which file of the roles, what is replaced by what, and what `apply` must name."""

    name: str
    file: str
    old: str
    new: str
    tags: str
    names: str
    host: str = "app"
    also: tuple[str, str, str] | None = None  # a second edit: file, old, new
    before: str = ""  # run on the host first, where the edit alone would change nothing


# As on a network where every packet goes by the gateway, so that a wrong one matters.
WRONG_GATEWAY = """
- name: A network with the wrong gateway
  azukari_files:
    files:
      - dest: /etc/systemd/network/10-host0.network
        content: |
          [Match]
          Name=host0
          [Network]
          LinkLocalAddressing=ipv6
          IPv6AcceptRA=no
          [Address]
          Address={{ azukari.host.address }}/32
          [Route]
          Gateway=198.18.65.99
          GatewayOnLink=yes
        mode: "0644"
    confirmed: {activate: [networkctl reload, networkctl reconfigure host0]}
"""

MISTAKES = [
    Mistake(
        "sshd on another port",
        "roles/ssh/templates/etc/ssh/sshd_config.j2",
        "^Port 22$",
        "Port 2222",
        "ssh",
        "settings",
    ),
    Mistake(
        "wrong user CA",
        "roles/ssh/tasks/server.yml",
        re.escape("{{ azukari.authorities[azukari.host.domain].user_ca }}"),
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFSnCKMYr7+mSDvYHZtLYH8sSLzfIkiMKQ3XkCTwBXJJ nobody",
        "ssh",
        "settings",
    ),
    Mistake(
        "KRL missing",
        "roles/ssh/templates/etc/ssh/sshd_config.j2",
        "^RevokedKeys .*$",
        "RevokedKeys /etc/ssh/azukari/nowhere.krl",
        "ssh",
        "settings",
    ),
    Mistake(
        "principals nobody has",
        "roles/accounts/tasks/people.yml",
        re.escape('files: "{{ azukari.principals }}"'),
        "files: [{dest: /etc/ssh/principals/azukari-apply, content: 'nobody@nowhere', mode: '0644'}]",
        "accounts",
        "Principals",
    ),
    Mistake(
        "firewall without the SSH flow",
        "roles/firewall/templates/etc/nftables.conf.j2",
        r"for flow in azukari\.flows_in",
        "for flow in azukari.flows_in if flow.port != 22",
        "firewall",
        "rules",
    ),
    Mistake(
        "sudoers that lock automation out",
        "roles/accounts/templates/etc/sudoers.j2",
        r"(?m)^azukari-apply .*$",
        "azukari-apply ALL=(ALL:ALL) ALL",
        "accounts",
        "sudo",
    ),
    Mistake(
        "KRL corrupt",
        "azukari/provision/ansible/action/azukari_certificate.py",
        r"return authorities\.combined_revocation_list\(issuers\),",
        'return b"no list",',
        "ssh",
        "list of revoked certificates",
        before="rm /etc/ssh/azukari/revoked.krl; : >/etc/ssh/azukari/revoked.krl",
    ),
    Mistake(
        "shell removed",
        "roles/accounts/tasks/people.yml",
        r"home: /var/lib/azukari-apply, shell: /bin/bash",
        "home: /var/lib/azukari-apply, shell: /usr/sbin/nologin",
        "accounts",
        "Accounts",
    ),
    Mistake(
        "drop policy before the accept",
        "roles/firewall/templates/etc/nftables.conf.j2",
        r"^(\s*)type filter hook input .*$",
        "    type filter hook input priority filter; policy drop;\n    drop",
        "firewall",
        "ruleset",
    ),
    Mistake(
        "wrong gateway",
        "roles/base/tasks/main.yml",
        r"\Z",
        WRONG_GATEWAY,
        "base",
        "network",
    ),
    Mistake(
        "host certificate expired",
        "azukari/people/authority.py",
        r"start = datetime\.now\(UTC\) - ssh_certificates\.CLOCK_SKEW",
        "start = datetime.now(UTC) - timedelta(days=400)",
        "ssh",
        "certificate",
        also=(
            "azukari/provision/renewal.py",
            r"SSH_HOST_RENEW = timedelta\(days=60\)",
            "SSH_HOST_RENEW = timedelta(999)",
        ),
    ),
    Mistake(
        "PAM that denies",
        "roles/accounts/files/etc/pam.d/common-account",
        r"\A",
        "account required pam_deny.so\n",
        "accounts",
        "sudo",
    ),
]


def wrong_checkout(target: Path, mistake: Mistake) -> Path:
    """Return a copy of the checkout with the mistake in it; fails when the edit would change nothing."""
    for part in ("azukari", "roles", "playbooks", "checks", "safeguards"):
        shutil.copytree(REPOSITORY / part, target / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(REPOSITORY / "inventory", target / "inventory", ignore=shutil.ignore_patterns("keys", "secrets"))
    for name, old, new in [(mistake.file, mistake.old, mistake.new), *([mistake.also] if mistake.also else [])]:
        text, edits = re.subn(old, lambda _, new=new: new, (target / name).read_text(), flags=re.MULTILINE)
        assert edits, f"{name} has no {old}: the mistake would change nothing"
        (target / name).write_text(text)
    return target


def reachable(host: str) -> bool:
    """Say whether the normal way is open: through the bastion, with a new certificate, and sudo."""
    return azukari("doctor", "--limit", host, timeout=60).returncode in (0, 1)


def reachable_within(host: str, seconds: float) -> float:
    """Return after how many seconds the normal way was open again."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if reachable(host):
            return time.monotonic() - started
        time.sleep(1)
    pytest.fail(f"{host} could not be reached by the normal way within {seconds} s")


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_a_mistake_locks_nobody_out(provisioned_lab: Lab, tmp_path: Path, mistake: Mistake) -> None:
    provisioned_lab.reset(mistake.host)
    if mistake.before:
        assert provisioned_lab.run(mistake.host, ["sh", "-c", mistake.before]).returncode == 0
    checkout = wrong_checkout(tmp_path / "checkout", mistake)
    done = azukari("apply", "--limit", mistake.host, "--tags", mistake.tags, root=checkout)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert mistake.host in said
    assert mistake.names.lower() in said.lower()
    assert any(word in said for word in ("restored", "rolled back", "Refused before anything was changed")), said
    reachable_within(mistake.host, WITHIN)


def test_killed_between_activation_and_confirmation(provisioned_lab: Lab, tmp_path: Path) -> None:
    """The controller dies when the wrong sshd is active and nothing was proven: the host restores itself."""
    mistake = MISTAKES[0]
    provisioned_lab.reset(mistake.host)
    checkout = wrong_checkout(tmp_path / "checkout", mistake)
    process = subprocess.Popen(
        [sys.executable, "-m", "azukari", "apply", "--limit", mistake.host, "--tags", mistake.tags],
        cwd=checkout,
        env=provisioned.environment(checkout),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    armed = [
        "sh",
        "-c",
        'grep -ls \'"state": "armed"\' /var/lib/azukari/rollback/*/change.json && ss -Hltn sport = 2222 | grep -q .',
    ]
    end = time.monotonic() + 60
    while provisioned_lab.run(mistake.host, armed).returncode != 0:
        assert time.monotonic() < end, "the wrong configuration never became active"
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    killed = time.monotonic()
    assert not reachable(mistake.host), "the mistake did not lock anybody out, so this proves nothing"
    reachable_within(mistake.host, WITHIN)
    assert time.monotonic() - killed < WITHIN
    # doctor above was the first to look after the kill; whoever looks first names it.
    record = provisioned_lab.run(mistake.host, ["azukari-rollback", "--list"]).stdout.decode()
    assert "rolled back" in record


def test_the_next_run_names_what_was_rolled_back(provisioned_lab: Lab) -> None:
    host = "app"
    provisioned_lab.reset(host)
    arm = '{"id": "20260101T000000Z-abcdef", "what": "a test", "seconds": 600, "paths": ["/etc/motd"]}'
    done = provisioned_lab.run(host, ["azukari-rollback", "--arm"], input=arm.encode())
    assert done.returncode == 0, done.stderr
    provisioned_lab.run(host, ["sh", "-c", "echo changed >/etc/motd"])
    first = azukari("doctor", "--limit", host)
    assert first.returncode == 1, first.stderr
    assert "“a test”" in first.stderr
    assert provisioned_lab.run(host, ["cat", "/etc/motd"]).stdout != b"changed\n"
    assert azukari("doctor", "--limit", host).returncode == 0


def test_a_reboot_does_not_keep_what_nobody_has_proven(provisioned_lab: Lab) -> None:
    """The timer is gone with the boot; the wrong sshd must not be what starts."""
    host, settings = "app", "/etc/ssh/sshd_config"
    provisioned_lab.reset(host)
    before = provisioned_lab.run(host, ["cat", settings]).stdout
    arm = f'{{"id": "20260101T000000Z-abcdef", "what": "a test", "seconds": 600, "paths": ["{settings}"]}}'
    done = provisioned_lab.run(host, ["azukari-rollback", "--arm"], input=arm.encode())
    assert done.returncode == 0, done.stderr
    provisioned_lab.run(host, ["sed", "-i", "s/^Port 22$/Port 2222/", settings])
    assert provisioned_lab.run(host, ["cat", settings]).stdout != before
    # An older change that was never disarmed, of a path that a later one has proven; and a record that was cut short.
    older = '{"id": "20260101T000000Z-000001", "what": "older", "seconds": 600, "paths": ["/etc/motd"]}'
    newer = older.replace("000001", "000002").replace("older", "newer")
    for request in (older, newer):
        assert provisioned_lab.run(host, ["azukari-rollback", "--arm"], input=request.encode()).returncode == 0
    cut = "/var/lib/azukari/rollback/20260101T000000Z-000003"
    later = (
        "azukari-rollback --disarm 20260101T000000Z-000002 && echo proven >/etc/motd && "
        f"mkdir {cut} && echo {{ >{cut}/change.json"
    )
    assert provisioned_lab.run(host, ["sh", "-c", later]).returncode == 0
    provisioned_lab.restart(host, patience=0)
    reachable_within(host, WITHIN)
    assert provisioned_lab.run(host, ["cat", settings]).stdout == before
    assert provisioned_lab.run(host, ["cat", "/etc/motd"]).stdout == b"proven\n"
    assert '"by": "boot"' in provisioned_lab.run(host, ["azukari-rollback", "--list", "--json"]).stdout.decode()


def test_rollback_by_hand_on_the_console(provisioned_lab: Lab) -> None:
    host = "app"
    provisioned_lab.reset(host)
    provisioned_lab.run(host, ["sh", "-c", "echo before >/etc/motd"])
    arm = '{"id": "20990101T000000Z-abcdef", "what": "a test", "seconds": 600, "paths": ["/etc/motd"]}'
    provisioned_lab.run(host, ["azukari-rollback", "--arm"], input=arm.encode())
    provisioned_lab.run(host, ["sh", "-c", "echo after >/etc/motd; azukari-rollback --disarm 20990101T000000Z-abcdef"])
    listed = provisioned_lab.run(host, ["azukari-rollback", "--list"]).stdout.decode()
    assert "20990101T000000Z-abcdef  confirmed" in listed
    assert provisioned_lab.run(host, ["azukari-rollback", "--last"]).returncode == 0
    assert provisioned_lab.run(host, ["cat", "/etc/motd"]).stdout == b"before\n"
    named = azukari("doctor", "--limit", host)
    assert named.returncode == 1, named.stderr
    assert "“a test”" in named.stderr
    assert azukari("doctor", "--limit", host).returncode == 0
