"""LEAK-09 10 11 14 18: who is let in by SSH, over what, for how long, and what a session may do.

Attempts are made through the bastion, at the bastion directly. What is promised stands here; `sshd -T` is asked for
every kind of connection, one for each Match block included, because one block is enough to undo all the rest.
"""

import base64
import re
import zoneinfo
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from azukari.people import authority
from azukari.people.ledger import LedgerBroken
from azukari.ssh import krl
from azukari.verify import check, collector, fail_unless_equal, not_applicable, not_evaluated
from azukari.verify import ssh_attempts as attempts
from azukari.verify.ssh_findings import (
    certificate_findings,
    idle_findings,
    key_blobs,
    ledger_findings,
    read_certificate,
)

# --- what sshd -T must say, for every kind of connection --------------------------------------------------------------

WHO = {
    "authenticationmethods": "publickey",
    "authorizedkeyscommand": "none",
    "authorizedkeysfile": "none",
    "gssapiauthentication": "no",
    "hostbasedauthentication": "no",
    "kbdinteractiveauthentication": "no",
    "kerberosauthentication": "no",
    "passwordauthentication": "no",
    "permitemptypasswords": "no",
    "permitrootlogin": "no",
    "permituserenvironment": "no",
    "pubkeyauthentication": "yes",
    "strictmodes": "yes",
    "trustedusercakeys": "/etc/ssh/azukari/user_ca.pub",
    "usepam": "yes",
}
KEX = {"mlkem768x25519-sha256", "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com"}
CIPHERS = {"aes256-gcm@openssh.com", "aes128-gcm@openssh.com"}
MACS = {"hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com"}
HOST_KEYS = {"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"}
USER_KEYS = {"ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com"}
OVER = {
    "kexalgorithms": KEX,
    "ciphers": CIPHERS,
    "macs": MACS,
    "hostkeyalgorithms": HOST_KEYS,
    "pubkeyacceptedalgorithms": USER_KEYS,
    "casignaturealgorithms": {"ssh-ed25519"},
}
MODERN = {"kexalgorithms": KEX, "ciphers": CIPHERS | {"chacha20-poly1305@openssh.com"}, "macs": MACS}
HOW_LONG = {
    "authorizedprincipalscommand": "/usr/local/libexec/azukari-principals %u %k",
    "authorizedprincipalscommanduser": "azukari-principals",
    "authorizedprincipalsfile": "none",
    "revokedkeys": "/etc/ssh/azukari/revoked.krl",
}
FORWARDS_NOTHING = {
    "allowagentforwarding": "no",
    "allowstreamlocalforwarding": "no",
    "allowtcpforwarding": "no",
    "disableforwarding": "yes",
    "gatewayports": "no",
    "permitlisten": "none",
    "permittunnel": "no",
    "permituserrc": "no",
    "x11forwarding": "no",
}


def kinds(host):
    """Return {kind of connection: (account, settings)} of `sshd -T`."""
    sshd = host.facts["sshd"]
    if not sshd["installed"]:
        not_applicable("no SSH server is installed")
    return {kind: (answer["asked"]["user"], answer["settings"]) for kind, answer in sshd["kinds"].items()}


def settings_of(settings, names):
    """Return some settings as they are told; None for what this version of sshd does not know."""
    return {name: settings.get(name) for name in names}


def where(kind, host):
    """Return where to look for a kind of connection."""
    return f"`sshd -T -C user=…` for “{kind}” on {host.name}, in the files {', '.join(files_of(host))}"


def files_of(host):
    """Return the configuration files that sshd would read at its next start."""
    return [file["path"] for file in host.facts["sshd"]["files"]]


# --- LEAK-10 ----------------------------------------------------------------------------------------------------------

AGE_OR_REVOKED = {"expired", "not-yet-valid", "too-long", "revoked"}  # LEAK-14 judges these decoys


@collector(proof="attempt", scope="site")
def decoys(site, run):
    """Present the decoy kit to every server."""
    return attempts.decoy_logins(site, run)


@collector(proof="attempt", scope="site")
def other_logins(site, run):
    """Try passwords, nothing, and certificates of others."""
    return attempts.other_logins(site, run)


def refused(tried):
    """Fail when an attempt was let in; return how many were refused.

    Args:
        tried: sequences of (account, what was presented, outcome, the server's words).
    """
    accepted = [f"{account} with {what} ({said})" for account, what, outcome, said in tried if outcome != "refused"]
    assert not accepted, f"let in, though it must be refused: {'; '.join(accepted)}."
    if not tried:
        not_evaluated("nothing was attempted")
    return len(tried)


def told(kit):
    """Return attempts with decoys as `refused` takes them."""
    return [
        (one["account"], f"the decoy “{one['decoy']}” of {one['domain']}", one["outcome"], one["message"])
        for one in kit
    ]


@check("LEAK-10", proof="attempt", collect=[decoys, other_logins], vantage="controller")
def test_strangers_are_refused(host, decoys, other_logins):
    """Passwords, bare keys, certificates of others, of other CAs, hosts, accounts and places are refused when tried."""
    kit = [one for one in attempts.outcome_of(decoys, host.name) if one["decoy"] not in AGE_OR_REVOKED]
    others = attempts.outcome_of(other_logins, host.name)
    count = refused(told(kit)) + refused([(o["account"], o["credential"], o["outcome"], o["message"]) for o in others])
    names = sorted({one["decoy"] for one in kit} | {one["credential"] for one in others})
    return f"{count} attempts refused: {', '.join(names)}"


@check("LEAK-10", sections=["sshd", "certificates", "users"])
def test_only_certificates_of_the_domain(host, site):
    """Every kind of connection needs a certificate of the domain’s own CA: no password, no root, no key file."""
    jump = "/etc/ssh/azukari/jump_ca.pub"
    for kind, (account, settings) in kinds(host).items():
        promised = WHO | ({"trustedusercakeys": jump} if account == "azukari-jump" and "bastion" in host.groups else {})
        fail_unless_equal(found=settings_of(settings, promised), promised=promised, where=where(kind, host), what=kind)
    fail_unless_equal(
        found=set(files_of(host)),
        promised={"/etc/ssh/sshd_config", "/etc/ssh/azukari/audit.conf"}
        | ({"/etc/ssh/azukari/jump.conf"} if "bastion" in host.groups else set()),
        where=f"`Include` in the files below /etc/ssh on {host.name}",
        what="files that sshd would read at its next start",
    )
    domains = {"/etc/ssh/azukari/user_ca.pub": {host.domain}}
    if "bastion" in host.groups:
        domains[jump] = {h.domain for h in site.hosts.values()}
    found = {one["path"]: key_blobs(one["text"]) for one in host.facts["certificates"]["ssh_authorities"]}
    for path, names in domains.items():
        promised = {blob for name in names for blob in key_blobs(public(site, f"{name}_user.pub"))}
        fail_unless_equal(found=found.get(path, set()), promised=promised, where=f"{path} on {host.name}", what="CAs")
    keys = [file["path"] for user in host.facts["users"]["users"] for file in user["ssh_files"]]
    left = sorted(path for path in keys if path.rpartition("/")[2].startswith("authorized_keys"))
    assert not left, f"keys lie beside the certificates: {', '.join(left)} on {host.name}."


def public(site, name):
    """Return the text of a public key of the site's authorities."""
    return (Path(site.path) / "keys" / "ca" / name).read_text()


@check("LEAK-10", sections=["sshd"], host_level=True)
def test_no_password_and_no_root(host):
    """sshd takes no password from anybody, and root from nowhere."""
    promised = {
        "passwordauthentication": "no",
        "kbdinteractiveauthentication": "no",
        "permitemptypasswords": "no",
        "hostbasedauthentication": "no",
        "permitrootlogin": "no",
    }
    for kind, (_account, settings) in kinds(host).items():
        fail_unless_equal(found=settings_of(settings, promised), promised=promised, where=where(kind, host), what=kind)


@check("LEAK-10", sections=["units"])
def test_the_listener_runs_with_these_settings(host):
    """What listens now was started with no options of its own, and a restart would give it none."""
    running = host.command(["ps", "-C", "sshd", "-o", "args="]).stdout.splitlines()
    listeners = [line.strip() for line in running if "[listener]" in line]
    assert len(listeners) == 1, f"{len(listeners)} sshd listen on {host.name}: {'; '.join(listeners)}; promised is one."
    options = re.sub(r"^sshd: (\S+) (.*?)\s*\[listener\].*$", r"\1 \2", listeners[0])
    fail_unless_equal(
        found=options, promised="/usr/sbin/sshd -D", where=f"`ps -C sshd` on {host.name}", what="the listener"
    )
    unit = host.facts["units"]["loaded"].get("ssh.service", {})
    given = host.command(["cat", "/etc/default/ssh"]).stdout
    opts = [line for line in given.splitlines() if line.strip() and not line.startswith("#")]
    fail_unless_equal(
        found=opts, promised=["SSHD_OPTS="], where=f"/etc/default/ssh on {host.name}", what="start options"
    )
    fail_unless_equal(
        found=(unit.get("FragmentPath"), unit.get("DropInPaths", "")),
        promised=("/usr/lib/systemd/system/ssh.service", ""),
        where=f"`systemctl cat ssh` on {host.name}",
        what="the service",
    )


# --- LEAK-11 ----------------------------------------------------------------------------------------------------------


@collector(proof="attempt", scope="site")
def handshakes(site, run):
    """Read what every server offers."""
    return attempts.handshakes(site, run)


@check("LEAK-11", proof="attempt", collect=[handshakes], vantage="controller")
def test_only_modern_algorithms_are_offered(host, handshakes):
    """A handshake offers X25519 hybrids with ML-KEM or NTRU Prime, AES-GCM and Ed25519, and nothing else."""
    offer = attempts.outcome_of(handshakes, host.name)
    for what, promised in (("kex", KEX), ("ciphers", CIPHERS), ("macs", MACS), ("host_key_algorithms", HOST_KEYS)):
        fail_unless_equal(found=set(offer[what]), promised=promised, where=f"a handshake with {host.name}", what=what)
    assert offer["strict_order"], f"{host.name} has no remedy to Terrapin (CVE-2023-48795)."
    return f"{offer['version']} offers {offer['kex'][0]}, {offer['ciphers'][0]}"


@check("LEAK-11", sections=["sshd"], host_level=True)
def test_only_modern_algorithms_are_set(host):
    """The settings that a restart would load allow hybrid key exchange, authenticated ciphers and Ed25519 only."""
    for kind, (_account, settings) in kinds(host).items():
        found = {name: set(settings.get(name, "").split(",")) for name in OVER}
        if host.declared is None:  # a server of somebody else's, who may choose among what is modern
            found = {name: found[name] - allowed for name, allowed in MODERN.items()}
        promised = OVER if host.declared else dict.fromkeys(MODERN, frozenset())
        fail_unless_equal(found=found, promised=promised, where=where(kind, host), what=kind)


@check("LEAK-11", sections=["certificates"])
def test_the_host_certificate(host, site, run):
    """The host certificate is of the domain’s CA, for this host, valid for a year at most, and for 30 days yet."""
    texts = {one["path"]: one["text"] for one in host.facts["certificates"]["ssh"]}
    text = texts.get("/etc/ssh/ssh_host_ed25519_key-cert.pub")
    assert text, f"{host.name} has no host certificate."
    declared = host.declared
    names = {str(name) for name in (declared.name, declared.address, declared.address6) if name}
    certificate = read_certificate(text)
    assert certificate, f"the host certificate of {host.name} cannot be read, or its signature is wrong."
    ca = key_blobs(public(site, f"{host.domain}_host.pub"))
    findings = certificate_findings(certificate, names, ca, run.now)
    assert not findings, f"the host certificate of {host.name}: {'; '.join(findings)}."
    return f"valid until {datetime.fromtimestamp(certificate.valid_before, UTC):%F}"


# --- LEAK-14 ----------------------------------------------------------------------------------------------------------


@check("LEAK-14", proof="attempt", collect=[decoys], vantage="controller")
def test_old_long_and_revoked_certificates_are_refused(host, decoys):
    """Certificates that ended, have not begun, were made for too long or are revoked are refused when tried."""
    kit = [one for one in attempts.outcome_of(decoys, host.name) if one["decoy"] in AGE_OR_REVOKED]
    count = refused(told(kit))
    return f"{count} attempts refused: {', '.join(sorted({one['decoy'] for one in kit}))}"


@check("LEAK-14", sections=["sshd", "krl"])
def test_the_revoked_are_known(host, site, run):
    """The list of revoked certificates is in force, valid and fresh, and knows what the ledger knows."""
    for kind, (_account, settings) in kinds(host).items():
        fail_unless_equal(found=settings_of(settings, HOW_LONG), promised=HOW_LONG, where=where(kind, host), what=kind)
    held = host.facts["krl"]
    assert held["exists"], f"{host.name} has no {held['path']}, so that sshd refuses everybody."
    assert held["valid"], (
        f"{held['path']} on {host.name} cannot be read ({held['error']}), so that sshd refuses everybody."
    )
    found = krl.read(listed_bytes(host, held["path"]))
    age = run.now - found.generated
    assert age < timedelta(days=14), (
        f"{held['path']} on {host.name} is of {found.generated:%F %R} UTC; promised are 14 days."
    )
    domains = sorted({h.domain for h in site.hosts.values()}) if "bastion" in host.groups else [host.domain]
    without = [domain for domain in domains if not authority.ledger(site, domain).path.exists()]
    for domain in set(domains) - set(without):
        (blob,) = key_blobs(public(site, f"{domain}_user.pub"))
        promised = authority.ledger(site, domain).revoked() | {authority.REVOKED_DECOY_SERIAL}
        known = found.serials.get(base64.b64decode(blob), frozenset())
        missing = sorted(promised - known)
        assert not missing, f"{held['path']} on {host.name} does not know {missing}, revoked in the ledger of {domain}."
    kept = f"; the ledger of {', '.join(without)} is not at hand" if without else ""
    return f"of {found.generated:%F %R} UTC, {sum(map(len, found.serials.values()))} revoked{kept}"


def listed_bytes(host, path):
    """Return the list itself, which everybody may read."""
    answer = host.command(["cat", path])
    if answer.exit_code:
        not_evaluated(f"{path} on {host.name} could not be read: {answer.stderr.strip()}")
    return answer.stdout_bytes


@check("LEAK-14", hosts="site")
def test_the_ledger_is_whole(site):
    """Every certificate made is in an unbroken ledger, short enough, with a ticket, within the contract."""
    zone = zoneinfo.ZoneInfo(site.settings.time_zone)
    day = timedelta(days=1)
    people = {p.name: datetime.combine(p.until + day, time(), zone) for p in site.contract.people}
    at_hand = {d: authority.ledger(site, d) for d in sorted({h.domain for h in site.hosts.values()})}
    at_hand = {domain: ledger for domain, ledger in at_hand.items() if ledger.path.exists()}
    if not at_hand:
        not_evaluated("no ledger is on this machine; the keeper of each domain has its own")
    findings, count = [], 0
    for domain, ledger in at_hand.items():
        try:
            entries = list(ledger.entries())
        except LedgerBroken as broken:
            raise AssertionError(str(broken)) from broken
        count += len(entries)
        findings += [f"{domain}: {finding}" for finding in ledger_findings(entries, people)]
    assert not findings, (
        "; ".join(findings[:10]) + (f"; and {len(findings) - 10} more" if len(findings) > 10 else "") + "."
    )
    return f"{count} entries of {', '.join(at_hand)}"


# --- LEAK-18 ----------------------------------------------------------------------------------------------------------


@collector(proof="attempt", scope="site")
def sessions(site, run):
    """Ask every server for forwards and the rest."""
    return attempts.sessions(site, run)


MAY = {"command", "sftp", "shell"}  # what a session is for; `terminal` is judged for people by their certificates


@check("LEAK-18", proof="attempt", collect=[sessions], vantage="controller")
def test_forwarding_is_refused(host, sessions):
    """Forwards, listening, agent, X11, tunnels, sockets and variables are refused when a session asks for them."""
    outcome = attempts.outcome_of(sessions, host.name)
    tried = [one for one in outcome["tried"] if one["what"].split()[0] not in MAY]
    allowed = [f"{one['what']} ({one['message']})" for one in tried if one["allowed"]]
    assert not allowed, f"{host.name} allowed: {'; '.join(allowed)}."
    how = "a certificate that permits all of it" if outcome["generous"] else "the audit’s own certificate"
    return f"refused with {how}: {', '.join(one['what'] for one in tried)}"


@check("LEAK-18", sections=["sshd"])
def test_idle_sessions_end(host):
    """An idle session ends within half an hour, automation’s within one; a dead one within minutes."""
    for kind, (account, settings) in kinds(host).items():
        findings = idle_findings(account, settings)
        assert not findings, f"{kind}: {'; '.join(findings)}. Where to look: {where(kind, host)}."


@check("LEAK-18", sections=["sshd"], host_level=True)
def test_forwarding_is_off(host):
    """sshd forwards nothing for any kind of connection; the bastion’s jump account alone forwards to declared hosts."""
    for kind, (account, settings) in kinds(host).items():
        promised = dict(FORWARDS_NOTHING)
        if account == "azukari-jump" and "bastion" in host.groups:
            promised |= {"disableforwarding": "no", "allowtcpforwarding": "local"}
        found = settings_of(settings, promised)
        if found["disableforwarding"] == "yes":  # it overrides every other one (sshd_config(5))
            promised = found
        fail_unless_equal(found=found, promised=promised, where=where(kind, host), what=kind)


# --- LEAK-09 ----------------------------------------------------------------------------------------------------------

LIMITS = {
    "logingracetime": "20",
    "maxauthtries": "6",
    "maxstartups": "20:30:100",
    "persourcepenalties": "crash:90 authfail:5 noauth:1 grace-exceeded:10 refuseconnection:10 max:600 min:15"
    " max-sources4:65536 max-sources6:65536 overflow:permissive overflow6:permissive",
}


@collector(proof="attempt", scope="site")
def flood(site, run):
    """Fail to log in to the bastion in quick succession."""
    return attempts.flood(site, run)


@check("LEAK-09", proof="attempt", hosts="bastion", collect=[flood], vantage="outside")
def test_the_bastion_drops_who_fails_repeatedly(host, flood):
    """Whoever fails to log in to the bastion a few times in succession is not listened to for a while."""
    said = flood["said"]
    if flood["dropped"] and "the SSH handshake failed" not in said:  # it was not taken, or nobody spoke
        not_evaluated(f"after {flood['made']} failures, {said}")
    assert flood["dropped"], f"{host.name} went on listening after {flood['made']} failed logins in quick succession."
    return f"dropped after {flood['made']} failed logins: {said}"


@check("LEAK-09", sections=["sshd"])
def test_the_limits_of_sshd(host, site):
    """The settings that a restart would load bound attempts, waiting connections and time, and punish sources."""
    bastion = site.group("bastion")[0]
    spared = [str(address) for address in (bastion.address, bastion.address6) if address]
    promised = LIMITS | {"persourcepenaltyexemptlist": "none" if host.name == bastion.name else ",".join(spared)}
    for kind, (_account, settings) in kinds(host).items():
        fail_unless_equal(found=settings_of(settings, promised), promised=promised, where=where(kind, host), what=kind)
