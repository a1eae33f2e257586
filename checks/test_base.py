"""LEAK-19, LEAK-27, LEAK-29: accounts that nobody logs in to, closed files, sandboxes.

What is expected stands here a second time; the roles' own lists are never read.
"""

import re
import stat

from azukari.verify import check, collector, fail_unless_equal, not_evaluated
from azukari.verify.systemd import exposures

# --- LEAK-19 ----------------------------------------------------------------------------------------------------------

NO_LOGIN = {"/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false", "/bin/sync", "/usr/bin/sync"}
AUTOMATION = {"azukari-apply", "azukari-audit", "azukari-jump"}  # LEAK-12 judges these
STRONG = {"yescrypt"}
NO_PASSWORD = {"locked", "none"}


def is_service(user):
    """Tell whether an account belongs to a service: below 1000, or nobody (Debian policy 9.2.2)."""
    return user["uid"] != 0 and (user["uid"] < 1000 or user["uid"] == 65534) and user["name"] not in AUTOMATION


def account_findings(users):
    """Return a sentence for each account that is open to somebody who should not have it."""
    found = []
    for user in users:
        name, state = user["name"], user["password"]
        if user["uid"] == 0 and name != "root":
            found.append(f"{name} is a second account with uid 0")
        if state == "empty":
            found.append(f"{name} has an empty password")
        elif state not in NO_PASSWORD | STRONG:
            found.append(f"{name} has a password hashed with {state}; promised is yescrypt")
        if is_service(user):
            if user["shell"] not in NO_LOGIN:
                found.append(f"the service account {name} has the shell {user['shell']}")
            if state in STRONG:
                found.append(f"the service account {name} has a password")
        elif home_is_open(user):
            home = user["home_directory"]
            found.append(f"{home['path']}, home of {name}, has mode {home['mode']} {home['owner']}:{home['group']}")
    return found


def home_is_open(user):
    """Tell whether others may enter a home; its own group of the same name has no other member."""
    home = user["home_directory"]
    if home is None or home["kind"] != "directory" or home["path"] == "/":
        return False
    mode = int(home["mode"], 8)
    return bool(mode & 0o007) or bool(mode & 0o070 and home["group"] != user["name"])


@check("LEAK-19", sections=["users"], host_level=True)
def test_accounts_that_nobody_logs_in_to(host):
    """Service accounts cannot log in, no password is empty or weak, uid 0 is root alone, homes are closed."""
    users = host.facts["users"]["users"]
    if not users:
        not_evaluated("the facts service named no account")
    found = account_findings(users)
    assert not found, f"{'; '.join(found)}. Where to look: /etc/passwd and /etc/shadow on {host.name}."
    return f"{len(users)} accounts; services cannot log in, homes are closed"


@collector()
def umask(host):
    """What a new session gets, whether its group is its own, and what a later login would read."""
    session, settings = host.command("umask; id -un; id -gn"), host.command(["cat", "/etc/login.defs"])
    if session.exit_code or settings.exit_code:
        not_evaluated(f"the umask could not be asked: {session.stderr or settings.stderr}")
    lines = [line.split() for line in settings.stdout.splitlines() if line.strip() and not line.startswith("#")]
    given, name, group = session.stdout.split()
    return {
        "session": given,
        "own_group": name == group,
        "settings": [row[1:] for row in lines if row[0] == "UMASK"],
    }


@check("LEAK-19", collect=[umask], sections=["pam"])
def test_new_files_are_closed(host, umask):
    """A new session makes files that others cannot read: umask 027."""
    # Debian's pam_umask gives an account's own group, of which nobody else is a member, the owner's bits: 007.
    promised = 0o007 if umask["own_group"] else 0o027
    assert int(umask["session"], 8) & promised == promised, (
        f"a session of azukari-audit got the umask {umask['session']}; promised is {promised:03o}. Where to look: "
        f"pam_umask in /etc/pam.d/common-session and UMASK in /etc/login.defs on {host.name}."
    )
    fail_unless_equal(found=umask["settings"], promised=[["027"]], where="/etc/login.defs", what="UMASK")
    texts = {one["path"]: one["text"] for one in host.facts["pam"]["files"]}
    sessions = texts.get("/etc/pam.d/common-session", "") + texts.get("/etc/pam.d/common-session-noninteractive", "")
    assert sessions.count("pam_umask.so") >= 2, "pam_umask is missing in /etc/pam.d/common-session or -noninteractive"
    return "umask 027 now and for every later session"


# --- LEAK-27 ----------------------------------------------------------------------------------------------------------

# Every set-uid or set-gid file that a package of Debian's base or of azukari's roles needs, with its owner.
SETUID = {
    "/usr/bin/chage": "2755 root:shadow",
    "/usr/bin/chfn": "4755 root:root",
    "/usr/bin/chsh": "4755 root:root",
    "/usr/bin/crontab": "2755 root:crontab",
    "/usr/bin/expiry": "2755 root:shadow",
    "/usr/bin/gpasswd": "4755 root:root",
    "/usr/bin/mount": "4755 root:root",
    "/usr/bin/newgrp": "4755 root:root",
    "/usr/bin/passwd": "4755 root:root",
    "/usr/bin/ssh-agent": "2755 root:_ssh",
    "/usr/bin/su": "4755 root:root",
    "/usr/bin/sudo": "4755 root:root",
    "/usr/bin/umount": "4755 root:root",
    "/usr/lib/dbus-1.0/dbus-daemon-launch-helper": "4754 root:messagebus",
    "/usr/lib/openssh/ssh-keysign": "4755 root:root",
    "/usr/sbin/unix_chkpwd": "2755 root:shadow",
}
# What else Debian's packages bring to an ordinary server that azukari did not build.
SETUID_ELSEWHERE = {
    "/usr/bin/at": "6755 daemon:daemon",
    "/usr/bin/dotlockfile": "2755 root:mail",
    "/usr/bin/fusermount3": "4755 root:root",
    "/usr/bin/pkexec": "4755 root:root",
    "/usr/bin/wall": "2755 root:tty",
    "/usr/bin/write.ul": "2755 root:tty",
    "/usr/lib/polkit-1/polkit-agent-helper-1": "4755 root:root",
    "/usr/sbin/exim4": "4755 root:root",
    "/usr/sbin/postdrop": "2755 root:postdrop",
    "/usr/sbin/postqueue": "2755 root:postdrop",
    "/usr/sbin/mount.nfs": "4755 root:root",
}
CAPABILITIES = {"/usr/lib/squid/pinger"}  # opens raw sockets to measure peers
CAPABILITIES_ELSEWHERE = {
    "/usr/bin/ping",
    "/usr/bin/mtr-packet",
    "/usr/lib/x86_64-linux-gnu/gstreamer1.0/gstreamer-1.0/gst-ptp-helper",
}
# systemd's own: the group adm may read the journal, a service its credentials.
ACCESS_LISTS_BELOW = ("/var/log/journal", "/run/log/journal", "/run/user", "/run/credentials")
DEVICES_BELOW = re.compile(r"/run/(host|systemd|user/\d+/systemd)/inaccessible/")  # systemd hides with them
CLOSED_TO_THE_WALK = ("/run/", "/proc/", "/sys/", "/dev/")
MOUNT_OPTIONS = {"/dev/shm": {"nosuid", "nodev", "noexec"}, "/tmp": {"nosuid", "nodev", "noexec"}}  # noqa: S108
DYNAMIC = range(61184, 65520)  # user ids of services that have theirs while they run; UIDS-GIDS of systemd
MODES = {
    "/etc/passwd": ("0644", "root", "root"),
    "/etc/group": ("0644", "root", "root"),
    "/etc/shadow": ("0640", "root", "shadow"),
    "/etc/gshadow": ("0640", "root", "shadow"),
    "/etc/sudoers": ("0440", "root", "root"),
    "/etc/ssh/ssh_host_ed25519_key": ("0600", "root", "root"),
}


def described(one):
    """Return a path's metadata as a person reads it."""
    return f"{one['path']} ({one['mode']} {one['owner']}:{one['group']})"


def _of_a_service(one):
    """Tell whether a file is the state of a service whose user exists while it runs: systemd.exec(5), DynamicUser=."""
    return one["path"].startswith("/var/lib/private/") and one["owner"].isdecimal() and int(one["owner"]) in DYNAMIC


def rights_beyond(walk, setuid, capabilities):
    """Return a sentence for each file that carries a right which no package needs, or lies open to everybody."""
    found = []
    found += [
        f"{described(one)} is set-uid or set-gid and not one of those that Debian's packages need"
        for one in walk["setuid"]
        if setuid.get(one["path"]) != f"{one['mode']} {one['owner']}:{one['group']}"
    ]
    found += [
        f"{one['path']} carries file capabilities" for one in walk["capabilities"] if one["path"] not in capabilities
    ]
    found += [
        f"{described(one)} carries an access list"
        for one in walk["acl"]
        if not one["path"].startswith(ACCESS_LISTS_BELOW)
    ]
    for one in walk["world_writable"]:
        sticky = int(one["mode"], 8) & stat.S_ISVTX
        if one["kind"] == "file" or (one["kind"] == "directory" and not sticky):
            found.append(f"{described(one)} can be written by everybody")
    found += [f"{described(one)} belongs to nobody who exists" for one in walk["unowned"] if not _of_a_service(one)]
    found += [
        f"{described(one)} is a device outside /dev" for one in walk["devices"] if not DEVICES_BELOW.match(one["path"])
    ]
    return found


def open_sensitive_files(files):
    """Return a sentence for each sensitive file whose mode or owner is not as promised; absent ones are left out."""
    found = []
    for path, (mode, owner, group) in MODES.items():
        one = files.get(path)
        if one and (one["mode"], one["owner"], one["group"]) != (mode, owner, group):
            found.append(f"{described(one)}; promised is {mode} {owner}:{group}")
    return found


def mount_findings(mounted):
    """Return a sentence for each mount that lacks an option; of several at one place the last lies on top."""
    options = {one["target"]: set(one["options"]) for one in mounted}
    found = []
    for target, promised in MOUNT_OPTIONS.items():
        if target not in options:
            found.append(f"{target} is no mount of its own")
        elif missing := promised - options[target]:
            found.append(f"{target} is mounted without {', '.join(sorted(missing))}")
    return found


@check("LEAK-27", sections=["walk", "files"], host_level=True)
def test_no_file_is_more_open_than_needed(host, site):
    """Set-uid, capability and access-list sets are the known ones; no file is open to everybody."""
    walk = host.facts["walk"]
    unseen = [path for path in walk["closed"] if not path.startswith(CLOSED_TO_THE_WALK)]
    if not walk["counted"] or len(walk["setuid"]) == 0:
        not_evaluated("the walk over the disks saw nothing; sudo and su alone are set-uid on every Debian")
    if site is None:
        found = rights_beyond(walk, {**SETUID_ELSEWHERE, **SETUID}, CAPABILITIES | CAPABILITIES_ELSEWHERE)
    else:
        found = rights_beyond(walk, SETUID, CAPABILITIES)
    found += open_sensitive_files(host.facts["files"])
    assert not found, f"{'; '.join(found)}. Where to look: these paths on {host.name}."
    return f"{walk['counted']} paths walked{f'; kept out of {len(unseen)} directories' if unseen else ''}"


@check("LEAK-27", sections=["mounts"], host_level=True)
def test_nothing_runs_from_shared_memory_or_tmp(host):
    """Shared memory and temporary files are mounted without set-uid files, devices and programs."""
    mounted = host.facts["mounts"]["mounted"]
    if not mounted:
        not_evaluated("the facts service named no mount")
    found = mount_findings(mounted)
    assert not found, f"{'; '.join(found)}. Where to look: findmnt on {host.name}."
    return "nosuid, nodev, noexec"


# --- LEAK-29 ----------------------------------------------------------------------------------------------------------

# `systemd-analyze security`: 0 is closed, 10 is open. A bound above 2.5 stands here with its reason.
EXPOSURE = {
    "all": {"chrony.service": 2.5},
    "bastion": {"squid.service": 2.5, "unbound.service": 2.5},
    "web": {"nginx.service": 2.5, "azukari-retention-web.service": 2.5},
    "app": {"azukari-site.service": 2.5},
    "db": {"postgresql@17-main.service": 2.5, "azukari-retention-db.service": 2.5},
    "mail": {
        "postfix.service": 2.5,
        "opendkim.service": 2.5,
        "azukari-letters.service": 2.5,
        "azukari-finder.service": 2.5,
    },
}


# Where the public names are certified by ACME: on the hosts of the group web.
EXPOSURE_BY_ACME = {"azukari-acme.service": 2.5, "azukari-acme-install.service": 2.5}


def exposure_findings(scores, bounds):
    """Return a sentence for each service that is less closed than its bound, or that systemd does not know."""
    found = []
    for service, bound in bounds.items():
        if service not in scores:
            found.append(f"{service} is not loaded, so nothing of it is sandboxed")
        elif scores[service] > bound:
            found.append(f"{service} has an exposure of {scores[service]}; the bound is {bound}")
    return found


def exposure_bounds(host, site):
    """Return how open each of a host's services may be."""
    bounds = {s: b for group in ("all", *host.declared.groups) for s, b in EXPOSURE.get(group, {}).items()}
    return bounds | (EXPOSURE_BY_ACME if "web" in host.declared.groups and site.settings.acme else {})


@collector()
def sandboxes(host, site):
    """How open each of this host's services is that must be closed."""
    return exposures(host, list(exposure_bounds(host, site)))


@check("LEAK-29", collect=[sandboxes])
def test_services_are_sandboxed(host, site, sandboxes):
    """What touches personal information, or the network on its behalf, runs in a sandbox."""
    bounds = exposure_bounds(host, site)
    found = exposure_findings(sandboxes, bounds)
    assert not found, f"{'; '.join(found)}. Where to look: systemd-analyze security SERVICE on {host.name}."
    return ", ".join(f"{service} {sandboxes[service]}" for service in sorted(bounds))
