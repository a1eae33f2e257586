"""Accounts that nobody logs in to, closed in one round trip: no shell, no password, one uid 0, private homes.

People's accounts and azukari's own are the business of the role `accounts`; here only an empty or a weak password of
theirs is locked and their homes are closed.
"""

import fcntl
import os
import stat
import tempfile

from ansible.module_utils.basic import AnsibleModule

PASSWD = "/etc/passwd"  # noqa: S105 - a file's name
SHADOW = "/etc/shadow"
LOCK = "/etc/.pwd.lock"  # the lock that passwd(1) and useradd(8) take
NOBODY = 65534
FIRST_PERSON = 1000  # UID_MIN of login.defs
NO_LOGIN = ("/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false", "/bin/sync", "/usr/bin/sync")
STRONG = "$y$"  # yescrypt, as crypt(5) writes it


def rows(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return [line.rstrip("\n").split(":") for line in file if line.strip()]


def is_service(row):
    """Return whether a row of passwd is an account that a package brought, and not azukari's own."""
    uid = int(row[2])
    return uid != 0 and (uid < FIRST_PERSON or uid == NOBODY) and not row[0].startswith("azukari-")


def closed_passwd(passwd):
    """Return the rows as they should be, and a sentence for each difference."""
    kept, said = [], []
    for row in passwd:
        if int(row[2]) == 0 and row[0] != "root":
            said.append(f"account {row[0]} has uid 0 beside root: removed")
            continue
        if is_service(row) and row[6] not in NO_LOGIN:
            said.append(f"service account {row[0]} has the shell {row[6]}: /usr/sbin/nologin")
            row = [*row[:6], "/usr/sbin/nologin"]  # noqa: PLW2901
        kept.append(row)
    return kept, said


def closed_shadow(shadow, passwd, service_names):
    """Return the rows as they should be, and a sentence for each difference."""
    names = {row[0] for row in passwd}
    kept, said = [], []
    for row in shadow:
        name, secret = row[0], row[1]
        if name not in names:
            said.append(f"password entry of {name}, which is no account: removed")
            continue
        locked = secret.startswith(("!", "*"))
        if not locked and (secret == "" or name in service_names):
            said.append(f"account {name} has {'an empty' if secret == '' else 'a'} password: locked")
            row = [name, "*", *row[2:]]  # noqa: PLW2901
        elif not locked and not secret.startswith(STRONG):
            said.append(f"account {name} has a password of a weak scheme: locked")
            row = [name, "!" + secret, *row[2:]]  # noqa: PLW2901
        kept.append(row)
    return kept, said


def write(path, wanted):
    """Replace the file in one step, with its owner and mode."""
    before = os.stat(path)
    handle, new = tempfile.mkstemp(prefix=".azukari-", dir=os.path.dirname(path))
    with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(":".join(row) + "\n" for row in wanted)
        os.fchown(file.fileno(), before.st_uid, before.st_gid)
        os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode))
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)


def open_homes(passwd):
    """Return the homes of people, of azukari's accounts and of root that others may enter."""
    homes = {row[5] for row in passwd if row[5] not in ("/", "") and not is_service(row) and int(row[2]) != NOBODY}
    found = []
    for home in sorted(homes):
        try:
            mode = os.lstat(home).st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(mode) and stat.S_IMODE(mode) & 0o077:
            found.append(home)
    return found


def main():
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    with open(LOCK, "a", encoding="ascii") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        passwd, shadow = rows(PASSWD), rows(SHADOW)
        new_passwd, said = closed_passwd(passwd)
        new_shadow, said_of_shadow = closed_shadow(shadow, new_passwd, {row[0] for row in passwd if is_service(row)})
        homes = open_homes(new_passwd)
        said += said_of_shadow + [f"home {home} is open to others: 0700" for home in homes]
        if not module.check_mode:
            if new_passwd != passwd:
                write(PASSWD, new_passwd)
            if new_shadow != shadow:
                write(SHADOW, new_shadow)
            for home in homes:
                os.chmod(home, 0o700)
    result = {"changed": bool(said), "closed": said}
    if module._diff:
        result["diff"] = {"prepared": "".join(f"{line}\n" for line in said)}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
