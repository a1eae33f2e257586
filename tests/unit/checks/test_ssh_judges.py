"""Judges of SSH, the bastion, the audit's access and the site as a whole, with recorded answers and with bad ones."""

import copy
import datetime
import json
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import SSHCertificateBuilder, SSHCertificateType

from azukari.people.ledger import Entry
from azukari.ssh import keys
from azukari.verify.authoring import NotApplicable, NotEvaluated
from azukari.verify.ssh_findings import (
    certificate_findings,
    idle_findings,
    key_blobs,
    ledger_findings,
    read_certificate,
    seconds,
)
from checks import test_audit_access as audit
from checks import test_bastion as bastion
from checks import test_site as of_site
from checks import test_ssh as ssh

NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)


@pytest.fixture
def recorded(answers, lab_site):
    """Return a maker of hosts: a recorded one, with settings of some kinds of connection that may be spoilt."""

    def make(name, kinds=(), **settings):
        facts = copy.deepcopy(json.loads((answers / f"facts-{name}.json").read_text()))
        for kind in kinds or facts["sshd"]["kinds"]:
            facts["sshd"]["kinds"][kind]["settings"].update(settings)
        declared = lab_site.hosts[name]
        return SimpleNamespace(
            name=name, declared=declared, groups=declared.groups, domain=declared.domain, facts=facts
        )

    return make


@pytest.mark.parametrize("name", ["bastion", "log"])
def test_recorded_settings_are_as_promised(recorded, lab_site, name):
    host = recorded(name)
    ssh.test_no_password_and_no_root(host)
    ssh.test_only_modern_algorithms_are_set(host)
    ssh.test_idle_sessions_end(host)
    ssh.test_forwarding_is_off(host)
    ssh.test_the_limits_of_sshd(host, lab_site)
    if name == "bastion":
        bastion.test_the_jump_account_is_set_so(host, lab_site)


# One kind of connection alone, as a Match block would make it: all others stay as they should be.
@pytest.mark.parametrize("kind", ["root", "person", "stranger", "azukari-audit"])
@pytest.mark.parametrize(
    ("judge", "settings"),
    [
        (ssh.test_no_password_and_no_root, {"passwordauthentication": "yes"}),
        (ssh.test_no_password_and_no_root, {"kbdinteractiveauthentication": "yes"}),
        (ssh.test_no_password_and_no_root, {"permitrootlogin": "without-password"}),
        (ssh.test_no_password_and_no_root, {"permitemptypasswords": "yes"}),
        (ssh.test_only_modern_algorithms_are_set, {"macs": "hmac-sha2-512-etm@openssh.com,hmac-sha1"}),
        (ssh.test_only_modern_algorithms_are_set, {"kexalgorithms": "mlkem768x25519-sha256,curve25519-sha256"}),
        (ssh.test_only_modern_algorithms_are_set, {"ciphers": "aes256-ctr"}),
        (ssh.test_only_modern_algorithms_are_set, {"pubkeyacceptedalgorithms": "ssh-ed25519"}),
        (ssh.test_idle_sessions_end, {"channeltimeout": "none"}),
        (ssh.test_idle_sessions_end, {"channeltimeout": "session=30m"}),
        (ssh.test_idle_sessions_end, {"channeltimeout": "*=2h"}),
        (ssh.test_idle_sessions_end, {"channeltimeout": "*=30m agent-connection=0"}),
        (ssh.test_idle_sessions_end, {"unusedconnectiontimeout": "none"}),
        (ssh.test_idle_sessions_end, {"clientaliveinterval": "0"}),
        (ssh.test_forwarding_is_off, {"disableforwarding": "no", "allowtcpforwarding": "yes"}),
        (ssh.test_forwarding_is_off, {"disableforwarding": "no", "permittunnel": "yes"}),
    ],
)
def test_one_kind_of_connection_that_is_not_as_promised(recorded, kind, judge, settings):
    with pytest.raises(AssertionError, match=kind):
        judge(recorded("log", [kind], **settings))


def lone(recorded, **settings):
    host = recorded("log", **settings)
    host.declared = None
    return host


def test_a_server_of_somebody_elses(recorded):
    kept = {"ciphers": "chacha20-poly1305@openssh.com", "pubkeyacceptedalgorithms": "ssh-ed25519,rsa-sha2-512"}
    ssh.test_only_modern_algorithms_are_set(lone(recorded, **kept))
    with pytest.raises(AssertionError, match="not promised: curve25519-sha256"):
        ssh.test_only_modern_algorithms_are_set(lone(recorded, kexalgorithms="mlkem768x25519-sha256,curve25519-sha256"))


@pytest.mark.parametrize("settings", [{"persourcepenalties": "no"}, {"maxstartups": "1000"}, {"logingracetime": "0"}])
def test_limits_that_are_gone(recorded, lab_site, settings):
    with pytest.raises(AssertionError, match="promised"):
        ssh.test_the_limits_of_sshd(recorded("bastion", **settings), lab_site)


def test_a_bastion_that_spares_somebody(recorded, lab_site):
    with pytest.raises(AssertionError, match="persourcepenaltyexemptlist"):
        ssh.test_the_limits_of_sshd(recorded("bastion", persourcepenaltyexemptlist="198.18.64.1"), lab_site)


@pytest.mark.parametrize(
    "settings",
    [
        {"permitopen": "any"},
        {"permitopen": "198.18.64.11:22 198.18.64.11:5432"},
        {"forcecommand": "none"},
        {"maxsessions": "10"},
        {"allowtcpforwarding": "yes"},
    ],
)
def test_a_jump_account_that_gives_more(recorded, lab_site, settings):
    with pytest.raises(AssertionError, match="azukari-jump"):
        bastion.test_the_jump_account_is_set_so(recorded("bastion", ["azukari-jump"], **settings), lab_site)


# --- attempts ---------------------------------------------------------------------------------------------------------


def tried(decoy="unknown-ca", outcome="refused"):
    return {
        "account": "azukari-audit",
        "decoy": decoy,
        "domain": "production",
        "outcome": outcome,
        "message": "accepted" if outcome == "accepted" else "Authentication failed.",
    }


def login(outcome="refused"):
    return {"account": "root", "credential": "a password", "outcome": outcome, "message": "no", "methods_offered": []}


def judge_decoys(host, kit, others):
    return ssh.test_strangers_are_refused(host, {"web": {"value": kit}}, {"web": {"value": others}})


WEB = SimpleNamespace(name="web", groups=("web",), domain="production")


def test_decoys_that_are_refused():
    assert judge_decoys(WEB, [tried(), tried("bare-key")], [login()]) == (
        "3 attempts refused: a password, bare-key, unknown-ca"
    )


@pytest.mark.parametrize("outcome", ["accepted", "partial"])
def test_a_decoy_that_opens(outcome):
    with pytest.raises(AssertionError, match="unknown-ca"):
        judge_decoys(WEB, [tried(outcome=outcome)], [login()])
    with pytest.raises(AssertionError, match="root with a password"):
        judge_decoys(WEB, [tried()], [login(outcome)])
    with pytest.raises(AssertionError, match="revoked"):
        ssh.test_old_long_and_revoked_certificates_are_refused(WEB, {"web": {"value": [tried("revoked", outcome)]}})


@pytest.mark.parametrize(("kit", "others"), [([], [login()]), ([tried()], []), ([tried("revoked")], [login()])])
def test_nothing_attempted_is_no_pass(kit, others):
    with pytest.raises(NotEvaluated, match="nothing was attempted"):
        judge_decoys(WEB, kit, others)


def test_a_host_that_was_not_reached_is_no_pass():
    with pytest.raises(NotEvaluated, match="web was not attempted"):
        ssh.test_old_long_and_revoked_certificates_are_refused(WEB, {})
    with pytest.raises(NotEvaluated, match="no answer"):
        ssh.test_old_long_and_revoked_certificates_are_refused(WEB, {"web": {"error": "no answer"}})


OFFER = {
    "version": "SSH-2.0-OpenSSH_10.0",
    "kex": sorted(ssh.KEX),
    "ciphers": sorted(ssh.CIPHERS),
    "macs": sorted(ssh.MACS),
    "host_key_algorithms": sorted(ssh.HOST_KEYS),
    "strict_order": True,
}


@pytest.mark.parametrize(
    "worse",
    [
        {"kex": [*sorted(ssh.KEX), "curve25519-sha256"]},
        {"macs": ["hmac-sha1"]},
        {"ciphers": []},
        {"host_key_algorithms": ["ssh-rsa"]},
        {"strict_order": False},
    ],
)
def test_handshakes(worse):
    ssh.test_only_modern_algorithms_are_offered(WEB, {"web": {"value": OFFER}})
    with pytest.raises(AssertionError):
        ssh.test_only_modern_algorithms_are_offered(WEB, {"web": {"value": OFFER | worse}})


def asked(what, allowed=False):
    return {"what": what, "allowed": allowed, "message": "no"}


def test_sessions_that_forward():
    good = [asked("command “echo”", allowed=True), asked("network tunnel"), asked("terminal")]
    ssh.test_forwarding_is_refused(WEB, {"web": {"value": {"generous": True, "tried": good}}})
    bad = [asked("forward to 127.0.0.1 port 22", allowed=True)]
    with pytest.raises(AssertionError, match="forward to 127"):
        ssh.test_forwarding_is_refused(WEB, {"web": {"value": {"generous": False, "tried": bad}}})


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({"made": 4, "dropped": True, "said": "the SSH handshake failed: Not allowed at this time"}, None),
        ({"made": 8, "dropped": False, "said": ""}, AssertionError),
        ({"made": 0, "dropped": True, "said": "198.18.64.10 port 22 cannot be reached: no answer."}, NotEvaluated),
        ({"made": 0, "dropped": True, "said": "the SSH handshake was not done after 15 s."}, NotEvaluated),
        ({"made": 0, "dropped": True, "said": "198.18.64.10 hung up without an answer: no reason."}, NotEvaluated),
    ],
)
def test_floods(said, verdict):
    host = SimpleNamespace(name="bastion")
    if verdict is None:
        assert "4 failed logins" in ssh.test_the_bastion_drops_who_fails_repeatedly(host, said)
        return
    with pytest.raises(verdict):
        ssh.test_the_bastion_drops_who_fails_repeatedly(host, said)


def judge_doors(lab_site, name, outside, here):
    host = SimpleNamespace(name=name, declared=lab_site.hosts[name])
    doors = {"outside": outside, "the machine that ran azukari": here}
    return bastion.test_ssh_is_shut_to_everybody_but_the_bastion(host, lab_site, doors)


def test_doors(lab_site):
    judge_doors(lab_site, "web", [], ["198.18.64.10"])
    judge_doors(lab_site, "bastion", [], ["198.18.64.10"])
    with pytest.raises(AssertionError, match="opens to outside"):
        judge_doors(lab_site, "web", ["2001:2:0:64::11"], ["198.18.64.10"])
    with pytest.raises(AssertionError, match="opens to the machine"):
        judge_doors(lab_site, "web", [], ["198.18.64.10", "198.18.64.11"])
    with pytest.raises(AssertionError, match="opens to outside"):
        judge_doors(lab_site, "bastion", ["198.18.64.10"], ["198.18.64.10"])
    with pytest.raises(NotEvaluated, match="shows nothing"):
        judge_doors(lab_site, "web", [], [])


def test_the_bastions_door_is_not_judged_from_where_it_is_open(lab_site):
    host = SimpleNamespace(name="bastion", declared=lab_site.hosts["bastion"])
    with pytest.raises(NotApplicable, match="let this machine in"):
        bastion.test_ssh_is_shut_to_everybody_but_the_bastion(host, lab_site, {bastion.HERE: ["198.18.64.10"]})


def test_jumping():
    host = SimpleNamespace(name="bastion")
    good = {"forbidden": [asked("shell")], "declared": [asked("forward to 198.18.64.11 port 22", allowed=True)]}
    bastion.test_the_jump_account_forwards_ssh_only(host, good)
    with pytest.raises(AssertionError, match="shell"):
        bastion.test_the_jump_account_forwards_ssh_only(host, good | {"forbidden": [asked("shell", allowed=True)]})
    with pytest.raises(NotEvaluated, match="forwards nowhere"):
        bastion.test_the_jump_account_forwards_ssh_only(host, good | {"declared": [asked("forward to x")]})


def door_facts(process_port=22, **sockets):
    listening = [{"port": process_port, "protocol": "tcp", "process": "sshd"}]
    loaded = {name.replace("_", "-") + ".socket": {"ActiveState": state} for name, state in sockets.items()}
    return SimpleNamespace(name="web", facts={"sockets": listening, "units": {"loaded": loaded}})


def test_other_doors():
    bastion.test_no_other_door_to_ssh(door_facts(ssh="inactive", azukari_facts="active"))
    with pytest.raises(AssertionError, match="sshd-unix-local"):
        bastion.test_no_other_door_to_ssh(door_facts(sshd_unix_local="active"))
    with pytest.raises(AssertionError, match="2222"):
        bastion.test_no_other_door_to_ssh(door_facts(process_port=2222))


def test_attempts_of_the_audit(answers):
    found = json.loads((answers / "audit-attempts.json").read_text())
    assert f"{len(found)} attempts refused" in audit.test_the_audit_can_change_and_read_nothing(WEB, found)
    found[7]["refused"] = False
    with pytest.raises(AssertionError, match=f"1 of {len(found)} attempts succeeded"):
        audit.test_the_audit_can_change_and_read_nothing(WEB, found)
    with pytest.raises(NotEvaluated, match="only 5 attempts"):
        audit.test_the_audit_can_change_and_read_nothing(WEB, found[:5])


# --- certificates, ledger, times --------------------------------------------------------------------------------------


def host_certificate(ca, names=("web", "198.18.64.11"), days=180, begins=NOW):
    builder = SSHCertificateBuilder().public_key(Ed25519PrivateKey.generate().public_key()).serial(1)
    builder = builder.type(SSHCertificateType.HOST).key_id(b"web").valid_principals([n.encode() for n in names])
    ends = begins + datetime.timedelta(days=days)
    signed = builder.valid_after(begins.timestamp()).valid_before(ends.timestamp()).sign(ca)
    return read_certificate(signed.public_bytes().decode())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, []),
        ({"names": ("web",)}, ["it names web; promised are 198.18.64.11, web"]),
        ({"days": 29}, ["it ends on 2026-12-24; promised are 30 days yet"]),
        ({"days": 400}, ["it is valid for 400 days; promised is a year at most"]),
        ({"begins": NOW + datetime.timedelta(days=1)}, ["it is not valid before 2026-11-26 12:00 UTC"]),
    ],
)
def test_host_certificates(given, said):
    ca = keys.new_key()
    found = certificate_findings(
        host_certificate(ca, **given), {"web", "198.18.64.11"}, key_blobs(keys.public_text(ca)), NOW
    )
    assert found == said


def test_a_host_certificate_of_another_authority():
    other = key_blobs(keys.public_text(keys.new_key()))
    (said,) = certificate_findings(host_certificate(keys.new_key()), {"web", "198.18.64.11"}, other, NOW)
    assert "another authority" in said
    assert read_certificate("ssh-ed25519-cert-v01@openssh.com AAAA") is None
    assert read_certificate(keys.public_text(keys.new_key())) is None


def entry(key_id, hours, kind="user", event="issued"):
    ends = NOW + datetime.timedelta(hours=hours)
    return Entry(event, kind, 7, key_id, ("x",), NOW.isoformat(), ends.isoformat())


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (entry("automation/apply/1/web", 1), ""),
        (entry("automation/apply/1/web", 2), "was made for 2:00:00"),
        (entry("tanaka/T-1/production", 8), ""),
        (entry("tanaka/T-1/production", 9), "was made for 9:00:00"),
        (entry("tanaka", 1), "names no ticket"),
        (entry("suzuki/T-1/production", 8), "outlives the contract’s date of suzuki"),
        (entry("decoy/too-long/production", 24), ""),
        (entry("web", 9000, kind="host"), ""),
    ],
)
def test_the_ledger(one, said):
    people = {"tanaka": NOW + datetime.timedelta(days=9), "suzuki": NOW + datetime.timedelta(hours=1)}
    found = ledger_findings([one], people)
    assert (said in found[0]) if said else found == []


@pytest.mark.parametrize(
    ("text", "value"),
    [("900", 900), ("30m", 1800), ("1h30m", 5400), ("0", 0), ("none", None), ("", None), (None, None)],
)
def test_times_of_sshd(text, value):
    assert seconds(text) == value


def test_automation_may_be_silent_for_longer():
    told = {
        "channeltimeout": "*=60m",
        "unusedconnectiontimeout": "300",
        "clientaliveinterval": "60",
        "clientalivecountmax": "3",
    }
    assert idle_findings("azukari-apply", told) == []
    assert idle_findings("tanaka", told) == ["idle sessions end after *=60m; promised are 30 minutes"]


# --- the site ---------------------------------------------------------------------------------------------------------


def test_overlaps_of_people_and_keys(lab_site):
    people = list(lab_site.contract.people)
    assert of_site.overlaps(people, lambda person: [f"ssh-ed25519 {person.name}"]) == []
    (said,) = of_site.overlaps(people[:3], lambda _person: ["ssh-ed25519 AAAA comment"])
    assert "the key “ssh-ed25519 AAAA” stands in the domains production, vault" in said
    twin = people[2].model_copy(update={"full_name": people[0].full_name.upper()})
    assert any("the person" in one for one in of_site.overlaps([people[0], twin], lambda p: [p.name]))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"vault": "tanaka"}, "tanaka, keeper of vault, works in the domain production"),
        ({"log": "nobody"}, "nobody, keeper of log, is no current person"),
        ({"vault": "kimura"}, "one person keeps several domains"),
    ],
)
def test_keepers(lab_site, changed, said):
    authorities = lab_site.contract.authorities.model_copy(update=changed)
    today = datetime.date(2026, 11, 25)
    domains = ["log", "production", "vault"]
    found = "; ".join(of_site.keeper_findings(authorities, lab_site.contract.people, domains, today))
    assert said in found if said else found == ""


def test_an_authority_that_serves_twice(tmp_path):
    for domain in ("log", "vault"):
        (tmp_path / f"{domain}_user.pub").write_text(f"ssh-ed25519 AAAA{domain} users\n")
        (tmp_path / f"{domain}_host.pub").write_text(f"ssh-ed25519 BBBB{domain} hosts\n")
        (tmp_path / f"{domain}_tls.pem").write_text(f"{domain}\n")
    assert of_site.shared_authorities(tmp_path, ["log", "vault"]) == []
    (tmp_path / "vault_host.pub").write_text("ssh-ed25519 AAAAlog hosts\n")
    assert of_site.shared_authorities(tmp_path, ["log", "vault"]) == ["log_user.pub and vault_host.pub are one key"]


def test_across_domains():
    refused = [{"credential": "attempt/across/vault", "outcome": "refused", "message": "no"}]
    assert of_site.test_other_domains_open_nothing_here(WEB, {"web": {"value": refused}}) == "refused: vault"
    with pytest.raises(AssertionError, match="vault"):
        of_site.test_other_domains_open_nothing_here(WEB, {"web": {"value": [refused[0] | {"outcome": "accepted"}]}})
