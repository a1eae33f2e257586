"""LEAK-12, LEAK-15, CONT-01: who has an account here, who may become somebody else, and that the contract says so.

What is promised is read from the declared site or stands here; the roles' own lists are never read.
"""

import datetime
import json
import zoneinfo

from azukari.verify import check, fail_unless_equal

AUTOMATION = {"azukari-apply", "azukari-audit"}
NO_LOGIN = {"/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false"}
NO_PASSWORD = {"locked", "none"}
EPOCH = datetime.date(1970, 1, 1)
# Whoever is in one of these reads logs or raw disks, or talks to the facts service, without any rule of sudo.
POWERFUL_GROUPS = {"adm", "disk", "docker", "kmem", "lxd", "root", "shadow", "staff", "sudo", "systemd-journal"}
POWERFUL_GROUPS |= {"azukari-apply", "azukari-audit", "azukari-facts"}


def last_moment(site, person):
    """Return the end of a person's last day, as UTC: dates of the contract are inclusive, in the site's time zone."""
    after = min(person.until, site.contract.end) + datetime.timedelta(days=1)
    zone = zoneinfo.ZoneInfo(site.settings.time_zone)
    return datetime.datetime.combine(after, datetime.time(), zone).astimezone(datetime.UTC)


def is_bastion(host):
    """Tell whether a host is the bastion."""
    return "bastion" in host.groups


# --- LEAK-12 ----------------------------------------------------------------------------------------------------------


def opens(user):
    """Tell whether somebody could log in to an account, or become it by a password."""
    shell_open = user["shell"] not in NO_LOGIN and not (user["name"] == "sync" and user["shell"] == "/bin/sync")
    return shell_open or user["password"] not in NO_PASSWORD


def not_closed(user):
    """Tell whether a person's account that nobody declares is still more than a name on old files."""
    return opens(user) or user["expires_day"] is None or user["expires_day"] > 1


def people_findings(users, people, site, today):
    """Return a sentence for each account of a person that is not as the contract says."""
    by_name = {user["name"]: user for user in users}
    strangers = [u for u in users if 1000 <= u["uid"] != 65534 and u["name"] not in people and not_closed(u)]
    found = [f"{u['name']} (uid {u['uid']}) is nobody of the contract here, and is not closed" for u in strangers]
    for name, person in people.items():
        user = by_name.get(name)
        if user is None:
            found.append(f"{name} has no account")
            continue
        # shadow(5) counts days in UTC: the day after the last moment is the first that may be promised.
        latest = (last_moment(site, person).date() - EPOCH).days + 1
        if user["expires_day"] is None or user["expires_day"] > latest:
            found.append(f"the account of {name} does not end with the contract’s date ({person.until})")
        if user["expires_day"] is not None and user["expires_day"] <= (today - EPOCH).days:
            found.append(f"the account of {name} has ended, but the contract’s date is {person.until}")
    return found


def group_findings(users, groups):
    """Return a sentence for each account in a group that gives what no rule declares."""
    number = {group["gid"]: group["name"] for group in groups}
    powerful = [group for group in groups if group["name"] in POWERFUL_GROUPS]
    found = [f"{who} is in the group {group['name']}" for group in powerful for who in group["members"]]
    for user in users:
        group = number.get(user["gid"])
        if group in POWERFUL_GROUPS and group != user["name"]:
            found.append(f"the first group of {user['name']} is {group}")
    return found


@check("LEAK-12", sections=["users"])
def test_accounts_are_those_of_the_contract(host, site):
    """Only people of the contract, on their days and hosts, and declared automation have a shell; nobody a password."""
    users, groups = host.facts["users"]["users"], host.facts["users"]["groups"]
    today = site.today()
    people = {person.name: person for person in site.people_on(host.declared, on=today)}
    # Root has a shell for the console and for what systemd starts; its password is judged with the others.
    promised = {"root"} | set(people) | AUTOMATION
    where = f"`getent passwd` and `passwd -Sa` on {host.name}"
    fail_unless_equal(
        found={u["name"] for u in users if opens(u)}, promised=promised, where=where, what="accounts that open"
    )
    with_password = {u["name"] for u in users if u["password"] not in NO_PASSWORD}
    fail_unless_equal(found=with_password, promised=set(), where=where, what="accounts with a password")
    findings = people_findings(users, people, site, today) + group_findings(users, groups)
    assert not findings, "; ".join(findings) + f". Where to look: {where}."
    return f"{len(people)} of the contract’s people ({', '.join(sorted(people)) or 'nobody'}) and declared automation"


# --- CONT-01 ----------------------------------------------------------------------------------------------------------


def promised_principals(host, site):
    """Return {account: line} that /etc/ssh/principals must hold: who comes in as whom, from where and until when."""
    bastion = site.group("bastion")[0]
    addresses = ",".join(str(address) for address in (bastion.address, bastion.address6) if address)
    source = "" if is_bastion(host) else f'from="{addresses}",'
    lines = {
        "azukari-apply": f"{source}pty apply@{host.name}",
        "azukari-audit": f"{source}no-pty audit@{host.name}",
    }
    if is_bastion(host):
        lines["azukari-jump"] = f"no-pty jump@{host.name}"
    for person in site.people_on(host.declared, on=site.today()):
        end = f"{last_moment(site, person):%Y%m%d%H%M%S}Z"
        lines[person.name] = f'{source}pty,expiry-time="{end}" {person.name}'
    return lines


@check("CONT-01", sections=["sshd"])
def test_everybody_with_access_is_declared(host, site):
    """Whoever can come in is declared, current, has a duty and was trained before the first day."""
    found = {}
    for file in host.facts["sshd"]["principals"]:
        lines = [line for line in file["text"].splitlines() if line.strip() and not line.startswith("#")]
        found[file["path"].rpartition("/")[2]] = "; ".join(lines)
    fail_unless_equal(
        found=found,
        promised=promised_principals(host, site),
        where=f"/etc/ssh/principals on {host.name}",
        what="who comes in as whom",
    )
    people = site.people_on(host.declared, on=site.today())
    late = [f"{p.name} began on {p.since} and was trained on {p.trained}" for p in people if p.trained > p.since]
    assert not late, "; ".join(late) + ". Where to look: `people` in contract.yml."
    return "; ".join(f"{p.name}: {p.duty}, until {p.until}, trained {p.trained}" for p in people) or "no person"


# --- LEAK-15 ----------------------------------------------------------------------------------------------------------

# What each duty may do, as whom.
BY_DUTY = {
    "operator": ("ALL:ALL", "ALL"),
    "database": ("postgres", "ALL"),
    "vault-keeper": ("ALL:ALL", "ALL"),
    "log-keeper": ("ALL:ALL", "ALL"),
}
SETTINGS = {
    "env_reset": True,
    "env_editor": False,
    "visiblepw": False,
    "secure_path": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "use_pty": True,
    "timestamp_timeout": "5",
    "timestamp_type": "tty",
    "log_output": True,
    "log_input": False,
    "iolog_dir": "/var/log/sudo-io/%{user}",
    "iolog_file": "%{seq}",
    "iolog_mode": "0600",
    "maxseq": "100000",
    "for azukari-apply: log_output": False,
    "for azukari-apply: ignore_iolog_errors": True,
    "for azukari-apply: ignore_logfile_errors": True,
}
# How somebody is proven to be who they say before they become somebody else: Debian's own, one password module, which
# nobody passes, because nobody has a password.
PASSWORD = [
    "auth [success=1 default=ignore] pam_unix.so nullok",
    "auth requisite pam_deny.so",
    "auth required pam_permit.so",
]
ACCOUNT = [
    "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so",
    "account requisite pam_deny.so",
    "account required pam_permit.so",
]
PROOFS = {
    "sudo": PASSWORD + ACCOUNT,
    "sudo-i": PASSWORD + ACCOUNT,
    "su": ["auth sufficient pam_rootok.so", *PASSWORD, *ACCOUNT],
    "su-l": ["auth sufficient pam_rootok.so", *PASSWORD, *ACCOUNT],
}


def words(entries):
    """Return a list of cvtsudoers' names (users, hosts, commands) as one text."""
    told = []
    for entry in entries:
        sign = "!" if entry.get("negated") else ""
        kind, value = next((k, v) for k, v in entry.items() if k != "negated")
        prefix = {"usergroup": "%", "netgroup": "+", "userid": "#"}.get(kind, "")
        told.append(f"{sign}{prefix}{value}")
    return ",".join(told)


def rules(parsed):
    """Return cvtsudoers' JSON as a set of sentences, each `WHO on HOSTS as WHOM: COMMANDS (options)`."""
    found = set()
    for specification in parsed.get("User_Specs", []):
        for one in specification["Cmnd_Specs"]:
            users = words(one.get("runasusers", [])) or "root"
            groups = ",".join(str(next(iter(g.values()))) for g in one.get("runasgroups", []))
            options = {k: v for option in one.get("Options", []) for k, v in option.items()}
            commands = words(one["Commands"])
            if commands == "ALL":
                options.pop("setenv", None)  # sudoers(5): ALL implies SETENV
            told = "".join(f" ({key}={json.dumps(value)})" for key, value in sorted(options.items()))
            who, hosts = words(specification["User_List"]), words(specification["Host_List"])
            found.add(f"{who} on {hosts} as {users}{':' + groups if groups else ''}: {commands}{told}")
    return found


def settings(parsed):
    """Return cvtsudoers' Defaults as one mapping; those bound to somebody are named so."""
    found = {}
    for default in parsed.get("Defaults", []):
        bound = f"for {words(default['Binding'])}: " if default.get("Binding") else ""
        for option in default["Options"]:
            for name, value in option.items():
                if name not in {"operation"}:
                    found[bound + name] = value
    return found


def promised_rules(people):
    """Return the rules of root, automation and people."""
    found = {"root on ALL as ALL:ALL: ALL", "azukari-apply on ALL as ALL:ALL: ALL (authenticate=false)"}
    return found | {f"{p.name} on ALL as {BY_DUTY[p.duty][0]}: {BY_DUTY[p.duty][1]}" for p in people}


def stack(files, service, kinds=("auth", "account")):
    """Return the lines of PAM that decide for a service, with what they include (pam.conf(5))."""
    found = []
    for line in files.get(service, "").replace("\\\n", " ").splitlines():
        fields = line.split("#")[0].split()
        if not fields:
            continue
        if fields[0] == "@include":
            found += stack(files, fields[1], kinds)
        elif fields[0].lstrip("-") in kinds:
            if fields[1] in {"include", "substack"}:
                found += stack(files, fields[2], (fields[0].lstrip("-"),))
            else:
                found.append(" ".join(fields))
    return found


@check("LEAK-15", sections=["sudo", "pam", "users"])
def test_sudo_by_duty(host, site):
    """Rules of sudo are those of the declared duties; automation alone is not asked who it is; what is done is kept."""
    sudo = host.facts["sudo"]
    assert sudo["installed"], f"{host.name} has no sudo"
    assert sudo["valid"], f"visudo -c on {host.name} says: {sudo['visudo']}"
    people = site.people_on(host.declared, on=site.today())
    where = f"`cvtsudoers -f json /etc/sudoers` on {host.name}"
    fail_unless_equal(found=rules(sudo["rules"]), promised=promised_rules(people), where=where, what="rules of sudo")
    fail_unless_equal(found=settings(sudo["rules"]), promised=SETTINGS, where=where, what="settings of sudo")
    fail_unless_equal(
        found={key for key in sudo["rules"] if key not in {"Defaults", "User_Specs"}},
        promised=set(),
        where=where,
        what="aliases",
    )
    files = {file["path"]: file["text"] for file in sudo["files"]}
    inactive = {"/etc/sudoers", "/etc/sudoers.d/README", "/etc/sudo.conf", "/etc/sudo_logsrvd.conf"}
    fail_unless_equal(
        found=set(files) - inactive, promised=set(), where="/etc/sudoers.d", what="files beside /etc/sudoers"
    )
    plugins = [
        line for line in files.get("/etc/sudo.conf", "").splitlines() if line.strip() and not line.startswith("#")
    ]
    assert not plugins, f"/etc/sudo.conf on {host.name} loads something else: {'; '.join(plugins)}"
    return told(host.facts["users"]["users"], people)


def told(users, people):
    """Return what is in force for people, in plain words: their rules open nothing without a second factor."""
    declared = {person.name for person in people}
    able = sorted(u["name"] for u in users if u["name"] in declared and u["password"] not in NO_PASSWORD)
    assert not able, f"{', '.join(able)} can pass sudo with a password alone; promised is a second factor"
    names = ", ".join(p.name for p in people)
    return (
        "Automation alone can use sudo."
        + (f" The rules of {names} open nothing yet: they wait for the second factor." if names else "")
        + " What commands write is kept on the host."
    )


@check("LEAK-15", sections=["pam"])
def test_nobody_becomes_another_without_proof(host):
    """PAM asks for proof before sudo and su let anybody become somebody else."""
    files = {file["path"].removeprefix("/etc/pam.d/"): file["text"] for file in host.facts["pam"]["files"]}
    for service, promised in PROOFS.items():
        fail_unless_equal(
            found=stack(files, service),
            promised=promised,
            where=f"/etc/pam.d/{service} on {host.name}",
            what=f"what proves who uses {service}",
        )
