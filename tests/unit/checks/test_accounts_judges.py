"""Judges of accounts, sudo and principals, with facts recorded on lab hosts and with bad ones."""

# States of passwords and names of shells stand here, no passwords and no calls.
# ruff: noqa: S106, S604

import copy
import datetime
import json
from types import SimpleNamespace

import pytest

from checks import test_accounts as judged


@pytest.fixture
def recorded(answers, lab_site):
    """Return a maker of hosts: a recorded one, with facts that may be spoilt."""

    def make(name, spoil=None):
        facts = copy.deepcopy(json.loads((answers / f"facts-{name}.json").read_text()))
        if spoil:
            spoil(facts)
        declared = lab_site.hosts[name]
        return SimpleNamespace(
            name=name, declared=declared, groups=declared.groups, domain=declared.domain, facts=facts
        )

    return make


def user(facts, name):
    return next(one for one in facts["users"]["users"] if one["name"] == name)


@pytest.mark.parametrize("name", ["bastion", "log"])
def test_recorded_hosts_are_as_promised(recorded, lab_site, name):
    host = recorded(name)
    assert "declared automation" in judged.test_accounts_are_those_of_the_contract(host, lab_site)
    assert "trained" in judged.test_everybody_with_access_is_declared(host, lab_site)
    assert "wait for the second factor" in judged.test_sudo_by_duty(host, lab_site)
    judged.test_nobody_becomes_another_without_proof(host)


def add_person(**changed):
    def spoil(facts):
        new = copy.deepcopy(user(facts, "tanaka")) | {"name": "mallory", "uid": 1005, "gid": 1005} | changed
        facts["users"]["users"].append(new)

    return spoil


def change(name, **changed):
    return lambda facts: user(facts, name).update(changed)


def join(group, member):
    def spoil(facts):
        facts["users"]["groups"].append({"name": group, "gid": 4, "members": [member]})

    return spoil


def leave(name):
    return lambda facts: facts["users"]["users"].remove(user(facts, name))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (add_person(), "mallory"),
        (add_person(shell="/usr/sbin/nologin", password="none", expires_day=None), "mallory (uid 1005) is nobody"),
        (change("games", shell="/bin/sh"), "games"),
        (change("sync", shell="/bin/bash"), "sync"),
        (change("root", password="yescrypt"), "root"),
        (change("tanaka", password="yescrypt"), "tanaka"),
        (change("tanaka", password="empty"), "tanaka"),
        (change("tanaka", expires_day=None), "does not end with the contract"),
        (change("tanaka", expires_day=99999), "does not end with the contract"),
        (change("tanaka", expires_day=20000), "has ended"),
        (change("tanaka", shell="/usr/sbin/nologin"), "promised but not found: tanaka"),
        (leave("tanaka"), "tanaka"),
        (leave("azukari-audit"), "azukari-audit"),
        (join("adm", "tanaka"), "tanaka is in the group adm"),
        (join("azukari-audit", "games"), "games is in the group azukari-audit"),
        (change("games", gid=0), "the first group of games is root"),
    ],
)
def test_accounts_that_nobody_declared(recorded, lab_site, spoil, said):
    with pytest.raises(AssertionError, match=said.replace("(", r"\(").replace(")", r"\)")):
        judged.test_accounts_are_those_of_the_contract(recorded("bastion", spoil), lab_site)


def test_a_closed_account_may_stay(recorded, lab_site):
    spoil = add_person(shell="/usr/sbin/nologin", password="locked", expires_day=1)
    judged.test_accounts_are_those_of_the_contract(recorded("bastion", spoil), lab_site)


def principal(account, text):
    def spoil(facts):
        facts["sshd"]["principals"] = [
            one for one in facts["sshd"]["principals"] if not one["path"].endswith(f"/{account}")
        ]
        if text is not None:
            facts["sshd"]["principals"].append({"path": f"/etc/ssh/principals/{account}", "text": text})

    return spoil


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (principal("kimura", 'pty,expiry-time="20360331150000Z" kimura\n'), "kimura"),
        (principal("kimura", None), "kimura"),
        (principal("mallory", "pty mallory\n"), "mallory"),
        (principal("azukari-apply", "pty apply@log\n"), "azukari-apply"),
        (principal("azukari-audit", "audit@log\nmallory\n"), "azukari-audit"),
        (principal("root", "apply@log\n"), "root"),
    ],
)
def test_principals_that_nobody_declared(recorded, lab_site, spoil, said):
    with pytest.raises(AssertionError, match=said):
        judged.test_everybody_with_access_is_declared(recorded("log", spoil), lab_site)


def test_a_person_trained_too_late(recorded, lab_site, monkeypatch):
    host = recorded("log")
    late = lab_site.people_on(host.declared)[0].model_copy(update={"trained": datetime.date(2026, 4, 2)})
    fake = SimpleNamespace(
        people_on=lambda *_args, **_named: [late],
        group=lab_site.group,
        today=lab_site.today,
        contract=lab_site.contract,
        settings=lab_site.settings,
    )
    with pytest.raises(AssertionError, match="was trained on 2026-04-02"):
        judged.test_everybody_with_access_is_declared(host, fake)


def test_the_last_moment_is_the_sites_own(lab_site):
    person = lab_site.contract.people[0].model_copy(update={"until": datetime.date(2027, 3, 31)})
    assert judged.last_moment(lab_site, person) == datetime.datetime(2027, 3, 31, 15, tzinfo=datetime.UTC)


def rule(**given):
    new = {
        "User_List": [{"username": "tanaka"}],
        "Host_List": [{"hostname": "ALL"}],
        "Cmnd_Specs": [{"runasusers": [{"username": "ALL"}], "Commands": [{"command": "ALL"}]}],
    }

    def spoil(facts):
        facts["sudo"]["rules"]["User_Specs"].append(new | given)

    return spoil


def setting(**option):
    return lambda facts: facts["sudo"]["rules"]["Defaults"].append({"Options": [option]})


def sudo_text(path, text):
    return lambda facts: facts["sudo"]["files"].append({"path": path, "text": text})


NOT_ASKED = [
    {
        "runasusers": [{"username": "ALL"}],
        "Options": [{"authenticate": False}, {"setenv": True}],
        "Commands": [{"command": "ALL"}],
    }
]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (rule(), "tanaka on ALL as ALL: ALL"),
        (rule(Cmnd_Specs=NOT_ASKED), "authenticate=false"),
        (rule(User_List=[{"usergroup": "sudo"}]), "%sudo on ALL"),
        (rule(User_List=[{"userid": 1001}]), "#1001 on ALL"),
        (rule(User_List=[{"username": "root", "negated": True}]), "!root on ALL"),
        (setting(env_keep=["LD_PRELOAD"]), "env_keep"),
        (setting(log_output=False), "log_output is no"),
        (setting(use_pty=False), "use_pty is no"),
        (setting(secure_path="/tmp"), "secure_path"),
        (lambda f: f["sudo"]["rules"].update(User_Aliases={"ADMINS": []}), "User_Aliases"),
        (sudo_text("/etc/sudoers.d/extra", ""), "/etc/sudoers.d/extra"),
        (sudo_text("/etc/sudo.conf", "Plugin sudoers_policy /tmp/x.so\n"), "loads something else"),
        (lambda f: f["sudo"].update(valid=False, visudo="syntax error"), "syntax error"),
        (lambda f: f["sudo"].update(installed=False), "has no sudo"),
        (change("tanaka", password="yescrypt"), "can pass sudo with a password alone"),
    ],
)
def test_sudo_beyond_the_duty(recorded, lab_site, spoil, said):
    with pytest.raises(AssertionError, match=said):
        judged.test_sudo_by_duty(recorded("bastion", spoil), lab_site)


def pam_line(service, line, first=True):
    def spoil(facts):
        file = next(one for one in facts["pam"]["files"] if one["path"].endswith(f"/{service}"))
        file["text"] = f"{line}\n{file['text']}" if first else f"{file['text']}\n{line}"

    return spoil


@pytest.mark.parametrize("service", ["sudo", "sudo-i", "su", "su-l", "common-auth", "common-account"])
@pytest.mark.parametrize("line", ["auth sufficient pam_permit.so", "account [default=done] pam_permit.so"])
def test_pam_that_permits(recorded, service, line):
    with pytest.raises(AssertionError, match="pam_permit"):
        judged.test_nobody_becomes_another_without_proof(recorded("bastion", pam_line(service, line)))


@pytest.mark.parametrize("line", ["auth include other", "-auth sufficient pam_permit.so", "@include other"])
def test_pam_that_includes_what_permits(recorded, line):
    def spoil(facts):
        facts["pam"]["files"].append({"path": "/etc/pam.d/other", "text": "auth sufficient pam_permit.so"})
        pam_line("sudo", line)(facts)

    with pytest.raises(AssertionError, match="pam_permit"):
        judged.test_nobody_becomes_another_without_proof(recorded("bastion", spoil))


def test_a_comment_in_pam_changes_nothing(recorded):
    spoil = pam_line("sudo", "# auth sufficient pam_permit.so")
    judged.test_nobody_becomes_another_without_proof(recorded("bastion", spoil))
