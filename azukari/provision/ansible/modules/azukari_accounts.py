"""The accounts that may log in, in one round trip: people of the contract and declared automation, and nobody else.

An account that is no longer declared is closed, not deleted: it keeps its name, number and home, so that what it owns
and what logs say of it can still be told, and so that its number is never given to somebody else.
"""

import glob
import json
import os
import shutil
import signal
import subprocess
from collections import namedtuple

from ansible.module_utils.basic import AnsibleModule

ROLLBACK = "/usr/local/sbin/azukari-rollback"
DATABASES = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid")
FIRST_PERSON, NOBODY = 1000, 65534  # UID_MIN of login.defs; everything from there on but `nobody` is a person
OWN = "azukari-"
NO_LOGIN = "/usr/sbin/nologin"
PASSWORDLESS = "*"  # no password opens it, and unlike “!” it does not stop certificates
# Whoever is in one of these reads logs or raw disks, or talks to the facts service, without any rule of sudo.
POWERFUL = frozenset({"adm", "disk", "docker", "kmem", "lxd", "root", "shadow", "staff", "sudo", "systemd-journal"})
LONG_AGO = "1"  # the first day after 1970-01-01: expired for PAM, cron and at alike

Account = namedtuple("Account", "name uid gid comment home shell secret expires groups")
Wanted = namedtuple("Wanted", "name comment home shell expires person")
Step = namedtuple("Step", "says argv")


def accounts(passwd, shadow, group):
    """Return {name: Account} from the text of the three files."""
    aging = {row[0]: row for row in (line.split(":") for line in shadow.splitlines()) if len(row) > 7}
    members = [
        (row[0], set(filter(None, row[3].split(","))))
        for row in (line.split(":") for line in group.splitlines())
        if len(row) == 4
    ]
    found = {}
    for row in (line.split(":") for line in passwd.splitlines()):
        if len(row) == 7:
            name = row[0]
            aged = aging.get(name, [name, "", "", "", "", "", "", ""])
            groups = tuple(sorted(g for g, who in members if name in who))
            found[name] = Account(name, int(row[2]), int(row[3]), row[4], row[5], row[6], aged[1], aged[7], groups)
    return found


def declared_steps(wanted, now):
    """Return the steps that bring one declared account to its state."""
    comment, expires = ["--comment", wanted.comment], ["--expiredate", wanted.expires]
    if now is None:
        kind = ["--create-home"] if wanted.person else ["--system", "--no-create-home"]
        argv = [
            "useradd",
            *kind,
            "--user-group",
            "--home-dir",
            wanted.home,
            "--shell",
            wanted.shell,
            "--password",
            PASSWORDLESS,
        ]
        return [Step(f"account {wanted.name} made", [*argv, *comment, *expires, wanted.name])]
    differing = []
    if now.shell != wanted.shell:
        differing += ["--shell", wanted.shell]
    if now.home != wanted.home:
        differing += ["--home", wanted.home]
    if now.comment != wanted.comment:
        differing += comment
    if now.expires != wanted.expires:
        differing += expires
    if now.secret != PASSWORDLESS:
        differing += ["--password", PASSWORDLESS]
    if now.groups:
        differing += ["--groups", ""]
    if not differing:
        return []
    what = ", ".join(word.strip("-") for word in differing if word.startswith("--"))
    return [Step(f"account {wanted.name} as declared ({what})", ["usermod", *differing, wanted.name])]


def closing_steps(account):
    """Return the steps that close an account which nothing declares."""
    if (
        account.shell == NO_LOGIN
        and account.expires == LONG_AGO
        and account.secret.startswith("!")
        and not account.groups
    ):
        return []
    argv = ["usermod", "--shell", NO_LOGIN, "--expiredate", LONG_AGO, "--groups", "", "--password", "!*", account.name]
    return [Step(f"account {account.name} is not declared: closed, its home is kept", argv)]


def leaving_steps(account):
    """Return the steps that take a package's account out of groups that give more than any rule declares."""
    powerful = [group for group in account.groups if group in POWERFUL or group.startswith(OWN)]
    return [
        Step(f"account {account.name} leaves the group {group}", ["gpasswd", "--delete", account.name, group])
        for group in powerful
    ]


def is_extra(account, wanted):
    person = account.uid >= FIRST_PERSON and account.uid != NOBODY
    return account.name not in wanted and (person or account.name.startswith(OWN))


def plan(wanted, now):
    """Return (steps, closed accounts); raises ValueError for a declared name that a package's account has."""
    steps = []
    for want in wanted.values():
        account = now.get(want.name)
        if account and want.person and not FIRST_PERSON <= account.uid < NOBODY:
            raise ValueError(
                f"The person “{want.name}” has the name of a system account (uid {account.uid}); declare another name."
            )
        steps += declared_steps(want, account)
    root = now.get("root")
    if root and not root.secret.startswith(("!", "*")):
        steps.append(Step("account root has a password: locked", ["usermod", "--lock", "root"]))
    extras = [account for account in now.values() if is_extra(account, wanted)]
    closing = [(account, closing_steps(account)) for account in extras]
    steps += [step for _account, found in closing for step in found]
    services = [a for a in now.values() if a.name not in wanted and not is_extra(a, wanted)]
    steps += [step for account in services for step in leaving_steps(account)]
    return steps, extras, [account for account, found in closing if found]


def left_behind(homes, extras):
    """Return the files that would let somebody in, or run for somebody, past the declared way."""
    found = [path for home in sorted(homes) for path in sorted(glob.glob(f"{glob.escape(home)}/.ssh/authorized_keys*"))]
    found += [
        path
        for a in extras
        for path in (f"/var/spool/cron/crontabs/{a.name}", f"/var/lib/systemd/linger/{a.name}")
        if os.path.lexists(path)
    ]
    return found


def end_processes(account):
    """End what a closed account still runs: an open session outlives its account and its certificate."""
    if account.uid < FIRST_PERSON:
        return
    for path in glob.glob("/proc/[0-9]*"):
        try:
            if os.stat(path).st_uid == account.uid:
                os.kill(int(os.path.basename(path)), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def arm(module, change):
    """Have the host take its old accounts back unless the new ones are proven from outside."""
    confirmed = module.params["confirmed"]
    request = {
        "id": change,
        "what": module.params["what"],
        "seconds": confirmed["seconds"],
        "paths": [p for p in DATABASES if os.path.exists(p)],
    }
    done = subprocess.run([ROLLBACK, "--arm"], input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode:
        module.fail_json(msg=f"Nothing was changed: the rollback could not be armed: {done.stderr.strip()}")


def carry_out(module, steps, gone, closed):
    for step in steps:
        done = subprocess.run(step.argv, capture_output=True, text=True, check=False)
        if done.returncode:
            if module.params["change_id"]:
                subprocess.run([ROLLBACK, "--restore", module.params["change_id"]], check=False)
            module.fail_json(msg=f"{step.says}: {step.argv[0]} said: {done.stderr.strip()}")
    for path in gone:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    for account in closed:
        end_processes(account)


def declared(module):
    """Return {name: Wanted} of the module's arguments."""
    people = [
        Wanted(p["name"], p.get("full_name", ""), f"/home/{p['name']}", "/bin/bash", p.get("expires", ""), True)
        for p in module.params["people"]
    ]
    own = [Wanted(a["name"], a["comment"], a["home"], a["shell"], "", False) for a in module.params["automation"]]
    return {want.name: want for want in people + own}


def main():
    module = AnsibleModule(
        argument_spec={
            "people": {"type": "list", "elements": "dict", "required": True},
            "automation": {"type": "list", "elements": "dict", "required": True},
            "confirmed": {"type": "dict", "options": {"seconds": {"type": "int", "default": 45}}},
            "what": {"type": "str", "default": "a change of accounts"},
            "change_id": {"type": "str"},
        },
        supports_check_mode=True,
    )
    wanted = declared(module)
    now = accounts(*(read(path) for path in ("/etc/passwd", "/etc/shadow", "/etc/group")))
    try:
        steps, extras, closed = plan(wanted, now)
    except ValueError as refused:
        module.fail_json(msg=str(refused))
    # Root's own key is the way in until the role `ssh` has proven the new one: it is removed there.
    homes = {want.home for want in wanted.values()} | {account.home for account in extras}
    gone = left_behind(homes - {"/", "/root", "/nonexistent", ""}, extras)
    said = [step.says for step in steps] + [f"{path}: removed" for path in gone]
    result = {"changed": bool(said), "steps": said}
    if module._diff:
        result["diff"] = {"prepared": "".join(f"{line}\n" for line in said)}
    if not said or module.check_mode:
        module.exit_json(**result)
    confirming = bool(steps) and module.params["confirmed"] is not None
    if confirming:
        arm(module, module.params["change_id"])
        result["confirm"] = module.params["change_id"]
    carry_out(module, steps, gone, closed)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
