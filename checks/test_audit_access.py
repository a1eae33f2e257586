"""LEAK-32: the audit can neither change a server nor read its keys or personal information.

What the account may not do is tried, on every server, in the very session in which the audit asks. What it may ask is
one program that takes no input; that the program, its sandbox and its door are as promised is asked too.
"""

import hashlib
import json
from pathlib import Path

from azukari.content import content
from azukari.verify import audit_attempts, check, collector, fail_unless_equal, not_evaluated

SOCKET = "/run/azukari-facts.socket"
PROGRAM = "/usr/local/libexec/azukari-facts"
SESSION = "/usr/local/libexec/azukari-audit-session"
CAPABILITIES = "cap_dac_read_search cap_net_admin cap_sys_ptrace"
# What `systemctl show` must say of the facts service; a drop-in anywhere shows here.
SANDBOX = {
    "User": "azukari-facts",
    "ExecStart": PROGRAM,
    "DropInPaths": "",
    "StandardInput": "null",
    "StandardOutput": "socket",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": CAPABILITIES,
    "AmbientCapabilities": CAPABILITIES,
    "ProtectSystem": "strict",
    "ProtectHome": "read-only",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "PrivateDevices": "yes",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "RestrictAddressFamilies": "AF_INET AF_NETLINK AF_UNIX",
    "ReadWritePaths": "",
}
CLOSED_TO_THE_PROGRAM = {
    "/etc/ssl/private", "/run/dbus", "/run/systemd/private", "/var/lib/azukari/rollback", "/var/lib/postgresql",
    "/var/log/sudo-io", "/var/mail", "/var/spool/postfix",
}  # fmt: skip
LISTED = 8  # attempts that the sentence of a pass names; the evidence holds all


@collector(proof="attempt")
def tried(host):
    """Try, as the audit account and in its session, everything that must be refused."""
    program = Path(audit_attempts.__file__).read_text(encoding="utf-8")
    answer = host.command(["python3", "-I", "-c", program], seconds=40)
    if answer.exit_code:
        not_evaluated(f"the attempts broke off on {host.name}: {answer.stderr.strip()[-300:]}")
    return json.loads(answer.stdout)


def table(attempts):
    """Return attempts as lines, each with the server's own words."""
    return "; ".join(f"{one['what']}: {one['said']}" for one in attempts)


@check("LEAK-32", proof="attempt", collect=[tried], vantage="host")
def test_the_audit_can_change_and_read_nothing(host, tried):
    """Whatever the audit account tries beyond asking is refused: writing, reading secrets, others, rights, services."""
    if len(tried) < 60:
        not_evaluated(f"only {len(tried)} attempts were made on {host.name}")
    done = [one for one in tried if not one["refused"]]
    assert not done, f"{len(done)} of {len(tried)} attempts succeeded on {host.name}: {table(done)}."
    return f"{len(tried)} attempts refused, among them {table(tried[:: max(1, len(tried) // LISTED)])}"


def shown(text):
    """Return what `systemctl show` says as a mapping; sets of words in one order, a command as its path."""
    found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    for name in ("CapabilityBoundingSet", "AmbientCapabilities", "RestrictAddressFamilies"):
        found[name] = " ".join(sorted(found.get(name, "").split()))
    if "path=" in found.get("ExecStart", ""):
        argv = found["ExecStart"].partition("argv[]=")[2].partition(" ;")[0]
        found["ExecStart"] = argv.strip()
    return found


@check("LEAK-32", sections=["users", "sudo"])
def test_one_door_with_one_program_behind(host):
    """The audit account may open the facts socket and nothing more; behind it is azukari’s own program, sandboxed."""
    unit = "azukari-facts@audit.service"
    names = ",".join([*SANDBOX, "InaccessiblePaths"])
    answer = host.command(["systemctl", "show", "--property", names, unit])
    if answer.exit_code:
        not_evaluated(f"systemd did not answer on {host.name}: {answer.stderr.strip()}")
    found = shown(answer.stdout)
    where = f"`systemctl cat {unit}` on {host.name}"
    fail_unless_equal(found={n: found.get(n) for n in SANDBOX}, promised=SANDBOX, where=where, what="the facts service")
    closed = {path.lstrip("-") for path in found.get("InaccessiblePaths", "").split()}
    open_to_it = sorted(CLOSED_TO_THE_PROGRAM - closed)
    assert not open_to_it, (
        f"the facts service on {host.name} may enter {', '.join(open_to_it)}. Where to look: {where}."
    )
    door = host.command(["stat", "-c", "%U %G %a", SOCKET]).stdout.strip()
    fail_unless_equal(found=door, promised="root azukari-audit 660", where=f"{SOCKET} on {host.name}", what="the door")
    members = {
        m for group in host.facts["users"]["groups"] if group["name"] == "azukari-audit" for m in group["members"]
    }
    fail_unless_equal(found=members, promised=set(), where=f"`getent group` on {host.name}", what="who else may ask")
    rules = json.dumps([one["User_List"] for one in host.facts["sudo"]["rules"].get("User_Specs", [])])
    assert "azukari-audit" not in rules, f"a rule of sudo names azukari-audit on {host.name}: {rules}."


@check("LEAK-32", sections=["sshd"])
def test_the_session_of_the_audit(host):
    """Every session of the audit account starts in the program that takes its rights away."""
    settings = host.facts["sshd"]["kinds"]["azukari-audit"]["settings"]
    found = {name: settings.get(name) for name in ("forcecommand", "permittty")}
    where = f"`sshd -T -C user=azukari-audit` on {host.name}"
    fail_unless_equal(
        found=found, promised={"forcecommand": SESSION, "permittty": "no"}, where=where, what="the session"
    )
    for path in (PROGRAM, SESSION):
        own = content("roles/audit_access/files" + path).read_bytes()
        said = host.command(["sha256sum", path]).stdout.split()
        fail_unless_equal(
            found=said[0] if said else "",
            promised=hashlib.sha256(own).hexdigest(),
            where=f"{path} on {host.name}",
            what=path,
        )
        rights = host.command(["stat", "-c", "%U %G %a", path]).stdout.strip()
        fail_unless_equal(found=rights, promised="root root 755", where=f"{path} on {host.name}", what=path)
    manager = host.command(
        ["systemctl", "show", "--property", "ActiveState", f"user@{own_number(host)}.service"]
    ).stdout
    assert "=active" not in manager, (
        f"azukari-audit has a service manager of its own on {host.name}, outside its session."
    )


def own_number(host):
    """Return the audit account's number on a host."""
    return host.command(["id", "-u"]).stdout.strip()
