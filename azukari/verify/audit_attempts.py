"""What the audit account tries on a server in order to be refused (LEAK-32); sent there as text, it needs nothing else.

Each attempt is harmless should it succeed: it opens for writing without writing, sets a value to what it is, asks a
process whether a signal could be sent, makes a file and removes it. It prints a JSON list of what was tried.
"""

# Plain calls of the system are what is tried.
# ruff: noqa: PTH108, PTH116, PTH123, PTH207

import contextlib
import ctypes
import errno
import glob
import json
import os
import pwd
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

MARK = "azukari-attempt"
WRITABLE_BY_MANY = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock", "/var/mail", "/var/crash")  # noqa: S108
ROOTS_OWN = (
    "/",
    "/etc",
    "/etc/ssh",
    "/etc/systemd/system",
    "/usr/local/bin",
    "/var/lib",
    "/run",
    "/boot",
    "/root",
    "/home",
)
SETTINGS = ("kernel/core_pattern", "kernel/hostname", "kernel/printk", "net/ipv4/ip_forward", "vm/drop_caches")
SECRETS = (
    "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/ssh/sshd_config", "/etc/security/opasswd", "/proc/1/environ",
    "/proc/1/mem", "/proc/kcore", "/dev/mem", "/dev/kmsg", "/var/log/btmp",
)  # fmt: skip
SECRET_PATTERNS = (
    "/etc/ssh/ssh_host_*_key",
    "/etc/azukari/tls/*.key",
    "/etc/azukari/tls/*/*.key",
    "/etc/azukari/site/*.password",
    "/etc/azukari/site/*.secret",
    "/etc/azukari/mail/*.key",
    "/etc/azukari/letters/*.key",
    "/etc/azukari/letters/*.password",
    "/etc/azukari/letters/*.secret",
    "/etc/nginx/**/*.key",
)
CLOSED_FOLDERS = (
    "/root", "/var/log/sudo-io", "/var/log/nginx", "/var/log/squid", "/var/lib/azukari/rollback", "/var/lib/postgresql",
    "/var/spool/postfix/maildrop", "/var/spool/cron/crontabs", "/etc/ssl/private", "/etc/sudoers.d",
)  # fmt: skip
# Everybody may log, look names up, and ask the system bus, which asks in turn who it is that asks. The database lets
# the audit look at its settings; what it must not give is tried below.
DATABASE = "/run/postgresql/.s.PGSQL.5432"
OPEN_SOCKETS = (
    "/run/azukari-facts.socket", "/run/azukari-database-attempts.socket", "/run/azukari-signature.socket", DATABASE,
    "/run/dbus/system_bus_socket", "/run/systemd/journal/", "/run/systemd/userdb/",
    "/run/systemd/io.system", "/run/systemd/netif/", "/run/systemd/notify", "/run/systemd/resolve/",
    "/run/systemd/report/",
)  # fmt: skip
DATABASE_STATEMENTS = (
    "SELECT count(*) FROM site.contact",
    "DELETE FROM site.contact",
    "SELECT count(*) FROM site.tally",
    "SELECT count(*) FROM site.counts",
    "SELECT site.keep('contact', gen_random_uuid(), '{\"reply\": \"a.b.c.d.e\"}')",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_read_file('/etc/passwd')",
    "SET ROLE pg_read_all_data",
    "SET default_transaction_read_only = off; CREATE TABLE public.azukari_attempt (x int)",
    "SELECT pg_reload_conf()",
)
CALLS = {"ptrace": 101, "mount": 165, "sethostname": 170, "init_module": 175, "clock_settime": 227}  # x86-64

REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS}
REFUSALS |= {errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR, errno.ESRCH, errno.ECONNREFUSED}  # it is not there

Attempt = dict[str, str | bool]
DONE: list[Attempt] = []


class Refused(Exception):
    """The attempt failed, as it must; the message is the server's."""


def attempt(what: str, work: Callable[..., object], *given: object) -> None:
    """Try one thing and note the answer."""
    try:
        said = work(*given)
    except Refused as refusal:
        DONE.append({"what": what, "refused": True, "said": str(refusal)})
    except OSError as error:
        # Any other error says that permission was not what it failed for.
        DONE.append({"what": what, "refused": error.errno in REFUSALS, "said": error.strerror or str(error)})
    else:
        DONE.append({"what": what, "refused": False, "said": str(said or "it was done")})


def make(folder: str) -> None:
    """Make a file in a folder, and remove it again."""
    path = f"{folder.rstrip('/')}/.{MARK}-{os.getpid()}"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    os.unlink(path)


def open_only(path: str, flags: int) -> None:
    """Open a file or device and close it."""
    os.close(os.open(path, flags | os.O_NONBLOCK))


def command(*argv: str) -> str:
    """Run a command that must end with an error; a missing one is refused too."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=8, check=False)
    except FileNotFoundError:
        raise Refused(f"{argv[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise Refused("no answer within 8 s") from None
    said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    if done.returncode:
        raise Refused(said[0][:160] if said else f"ended with {done.returncode}")
    return said[0][:160] if said else "ended with 0"


def call(name: str, *arguments: object) -> None:
    """Make a system call by its number; raise its error."""
    if os.uname().machine != "x86_64":
        raise Refused(f"not tried on {os.uname().machine}")
    library = ctypes.CDLL(None, use_errno=True)
    if library.syscall(CALLS[name], *arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def processes_of_others() -> list[int]:
    """Return the numbers of some processes of other accounts, the first of each account."""
    found: dict[int, int] = {}
    for path in sorted(glob.glob("/proc/[0-9]*"), key=lambda one: int(one[6:])):
        with contextlib.suppress(OSError):
            owner = os.stat(path).st_uid
            if owner != os.getuid():
                found.setdefault(owner, int(path[6:]))
    return list(found.values())


def files() -> None:
    """Write, by any way that a path offers."""
    home = pwd.getpwuid(os.getuid()).pw_dir
    own = (home, f"/run/user/{os.getuid()}", f"/var/spool/cron/crontabs/{pwd.getpwuid(os.getuid()).pw_name}")
    for folder in dict.fromkeys([*ROOTS_OWN, *WRITABLE_BY_MANY, *own]):
        attempt(f"make a file in {folder}", make, folder)
    for setting in SETTINGS:
        attempt(f"write /proc/sys/{setting}", open_only, f"/proc/sys/{setting}", os.O_WRONLY)
    for path in (
        "/sys/kernel/uevent_helper",
        "/sys/fs/cgroup/cgroup.procs",
        "/proc/self/oom_score_adj",
        "/proc/self/mem",
    ):
        attempt(f"write {path}", open_only, path, os.O_WRONLY)
    for path in sorted(glob.glob("/dev/[svhx]d*") + glob.glob("/dev/nvme*") + ["/dev/loop-control", "/dev/net/tun"]):
        attempt(f"open {path}", open_only, path, os.O_RDWR)
    attempt("make a device", os.mknod, f"/tmp/.{MARK}", 0o020600, os.makedev(1, 1))  # noqa: S108


def secrets() -> None:
    """Read keys, password hashes, recordings, and folders with personal information."""
    named = [path for pattern in SECRET_PATTERNS for path in glob.glob(pattern, recursive=True)]
    for path in dict.fromkeys([*SECRETS, *named]):
        attempt(f"read {path}", open_only, path, os.O_RDONLY)
    closed = [*CLOSED_FOLDERS, *glob.glob("/run/credentials/*")]
    homes = [one.pw_dir for one in pwd.getpwall() if one.pw_dir.startswith(("/home/", "/var/lib/azukari-"))]
    for path in dict.fromkeys([*closed, *homes]):
        attempt(f"list {path}", os.listdir, path)
    attempt("read the journal of root", command, "journalctl", "-q", "-n", "1", "--no-pager", "_UID=0")


def others() -> None:
    """Reach into processes of others."""
    for number in processes_of_others():
        name = f"process {number}"
        attempt(f"send a signal to {name}", os.kill, number, 0)
        attempt(f"trace {name}", call, "ptrace", 0x4206, number, 0, 0)  # PTRACE_SEIZE
        attempt(f"see the files of {name}", os.listdir, f"/proc/{number}/fd")


def rights() -> None:
    """Become somebody else, or gain what this account lacks."""
    attempt("sudo", command, "sudo", "-n", "true")
    attempt("su", command, "su", "-c", "true")
    attempt("pkexec", command, "pkexec", "true")
    attempt("run0", command, "run0", "--no-ask-password", "true")
    attempt("newgrp root", command, "newgrp", "root")
    attempt("change a shell", command, "chsh", "-s", "/bin/sh")
    attempt("a job of at", command, "sh", "-c", "echo true | at now + 1 year")
    attempt("a job of cron", command, "sh", "-c", "printf '' | crontab -")
    attempt("set-uid 0", os.setuid, 0)
    attempt("another group", os.setgroups, [0])
    attempt("set-uid programs gain something", no_new_privileges)
    attempt("chroot", os.chroot, "/")


def no_new_privileges() -> str:
    """Say whether a program with a set-uid bit could gain anything at all."""
    with open("/proc/self/status", encoding="ascii") as file:
        state = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
    if state["NoNewPrivs"].strip() == "1" and int(state["CapEff"], 16) == 0:
        raise Refused("NoNewPrivs: 1, no capability")
    return f"NoNewPrivs: {state['NoNewPrivs'].strip()}, capabilities {state['CapEff'].strip()}"


def kernel() -> None:
    """Change the kernel's state, the clock, the network."""
    hostname = socket.gethostname().encode()
    now = (ctypes.c_long * 2)(int(time.time()), 0)
    attempt("set the clock", call, "clock_settime", 0, now)
    attempt("set the host's name", call, "sethostname", hostname, len(hostname))
    attempt("mount", call, "mount", b"tmpfs", b"/mnt", b"tmpfs", 0, None)
    attempt("load a module", call, "init_module", None, 0, b"")
    attempt("list the firewall", command, "nft", "list", "ruleset")
    attempt("add to the firewall", command, "nft", "add", "table", "inet", MARK)
    attempt("add an address", command, "ip", "address", "add", "192.0.2.99/32", "dev", "lo")
    attempt("a raw socket", raw, socket.AF_INET, socket.IPPROTO_ICMP)
    attempt("a packet socket", raw, socket.AF_PACKET, 0)
    attempt("a port below 1024", low_port)
    for what, flags in (("user namespace", "-Ur"), ("user and network namespace", "-Urn"), ("mount namespace", "-m")):
        attempt(f"root in a {what}", command, "unshare", flags, "true")
    attempt("the network namespace of init", command, "nsenter", "-t", "1", "-n", "true")


def raw(family: socket.AddressFamily, protocol: int) -> None:
    """Open a socket that sees or forges packets."""
    socket.socket(family, socket.SOCK_RAW, protocol).close()


def low_port() -> None:
    """Listen where only root may."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 1))


def services() -> None:
    """Have others do it: the system bus, services' own sockets."""
    name = socket.gethostname()
    attempt("start a service", command, "systemctl", "--no-ask-password", "start", "ssh.service")
    attempt("reload systemd", command, "systemctl", "--no-ask-password", "daemon-reload")
    attempt("run as a service", command, "systemd-run", "--no-ask-password", "--quiet", "true")
    attempt("run as a service of one's own", command, "systemd-run", "--user", "--quiet", "true")
    attempt("set the name over the bus", command, "hostnamectl", "--no-ask-password", "hostname", name)
    attempt("linger", command, "loginctl", "--no-ask-password", "enable-linger")
    attempt("log in elsewhere", command, "machinectl", "--no-ask-password", "shell", ".host", "/bin/true")
    for path in listening_sockets():
        attempt(f"open {path}", connect, path)
    if Path(DATABASE).exists():
        database()


def database() -> None:
    """Ask the database for more than its settings."""
    own = "/usr/lib/postgresql/17/bin/psql"  # Debian's `psql` looks for the cluster first, each time
    ask = (own if Path(own).exists() else "psql", "--no-psqlrc", "--no-password", "--quiet", "--dbname=site")
    for role in ("postgres", "site_owner", "intake", "letters"):
        attempt(f"be {role} in the database", command, *ask, f"--username={role}", "--command=SELECT 1")
    attempt("enter another database", command, *ask, "--dbname=postgres", "--command=SELECT 1")
    for statement in DATABASE_STATEMENTS:
        attempt(f"“{statement}” in the database", command, *ask, f"--command={statement}")


def listening_sockets() -> list[str]:
    """Return the local sockets on which somebody listens, but for those that everybody may open."""
    found = set()
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
        for line in file.read().splitlines()[1:]:
            fields = line.split()
            if len(fields) > 7 and int(fields[3], 16) & 0x10000:  # __SO_ACCEPTCON
                found.add(fields[7])
    return sorted(path for path in found if not path.startswith(OPEN_SOCKETS))


def connect(path: str) -> str:
    """Open a local socket; `@` begins an abstract one."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        client.connect("\0" + path[1:] if path.startswith("@") else path)
    return "it opened"


def main() -> None:
    """Try everything, and print what came of it."""
    for part in (files, secrets, others, rights, kernel, services):
        part()
    json.dump(DONE, sys.stdout)


if __name__ == "__main__":
    main()
