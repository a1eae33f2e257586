"""The files of a role, all in one round trip: compared, validated, put in place, and undone if they lock people out.

The action plugin of the same name renders templates on the controller and sends contents; this half runs on the host.
"""

import base64
import difflib
import fnmatch
import grp
import json
import os
import pwd
import shlex
import stat
import subprocess
import tempfile
from datetime import UTC, datetime

from ansible.module_utils.basic import AnsibleModule

ROLLBACK = "/usr/local/sbin/azukari-rollback"
LARGEST_DIFF = 100_000  # characters; longer files are compared by size alone in --diff


class Wanted:
    """One path as it should be: its kind, contents, owner and mode."""

    def __init__(self, entry, kind):
        self.path = entry["path"]
        self.kind = kind
        # Without content only owner and mode are kept: a key that was made on this host and never leaves it.
        self.content = base64.b64decode(entry["content"]) if "content" in entry else None
        self.target = entry.get("to", "")
        self.secret = bool(entry.get("secret"))
        self.owner = entry.get("owner") or "root"
        self.group = entry.get("group") or "root"
        self.mode = int(entry["mode"], 8) if entry.get("mode") else (0o755 if kind == "directory" else 0o644)

    def ids(self):
        return pwd.getpwnam(self.owner).pw_uid, grp.getgrnam(self.group).gr_gid

    def differs(self):
        """Return in which respects the path is not as wanted; empty when it is."""
        try:
            now = os.lstat(self.path)
        except FileNotFoundError:
            return ["absent"]
        if self.kind == "link":
            return [] if stat.S_ISLNK(now.st_mode) and os.readlink(self.path) == self.target else ["target"]
        right_kind = stat.S_ISDIR if self.kind == "directory" else stat.S_ISREG
        if not right_kind(now.st_mode):
            return ["kind"]
        found = []
        if self.kind == "file" and self.content is not None and read(self.path) != self.content:
            found.append("content")
        try:
            if (now.st_uid, now.st_gid) != self.ids():
                found.append("owner")
        except KeyError:  # an account that a package of the same run will bring
            found.append("owner")
        if stat.S_IMODE(now.st_mode) != self.mode:
            found.append("mode")
        return found

    def put(self):
        """Bring the path to the wanted state; a file is never seen half written."""
        if self.kind == "directory":
            if os.path.lexists(self.path) and not os.path.isdir(self.path):
                os.unlink(self.path)
            os.makedirs(self.path, exist_ok=True)
            os.chown(self.path, *self.ids())
            os.chmod(self.path, self.mode)
            return
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        if self.kind == "file" and self.content is None:
            os.chown(self.path, *self.ids())
            os.chmod(self.path, self.mode)
            return
        if self.kind == "link":
            new = f"{self.path}.azukari-new"
            if os.path.lexists(new):
                os.unlink(new)
            os.symlink(self.target, new)
        else:
            new = self.staged_beside()
        os.replace(new, self.path)

    def staged_beside(self):
        handle, new = tempfile.mkstemp(prefix=".azukari-", dir=os.path.dirname(self.path))
        with os.fdopen(handle, "wb") as file:
            file.write(self.content or b"")
            os.fchown(file.fileno(), *self.ids())
            os.fchmod(file.fileno(), self.mode)
            file.flush()
            os.fsync(file.fileno())
        return new


def read(path):
    with open(path, "rb") as file:
        return file.read()


def surplus(rules):
    """Return the paths that match a rule's pattern in its directory and are not kept by it."""
    found = []
    for rule in rules:
        if os.path.isdir(rule["dir"]):
            keep = set(rule["keep"])
            found += [
                os.path.join(rule["dir"], name)
                for name in sorted(os.listdir(rule["dir"]))
                if fnmatch.fnmatch(name, rule.get("pattern", "*")) and name not in keep
            ]
    return found


def stale(read_by, reloads=False):
    """Return which units run with older settings than stand in the files they read, as one sentence each.

    A run that was killed between a file and its handler leaves this behind, and so does a hand that changes a file,
    has it read, and puts it back. `manager` is systemd itself. With `reloads` a unit reads them also when reloaded.
    """
    found = []
    for unit, paths in read_by.items():
        read_at = last_read(unit, reloads)
        newer = [path for path in below(paths) if read_at and os.lstat(path).st_ctime > read_at]
        found += [f"{unit} has not read {path}" for path in newer[:1]]
    return found


def last_read(unit, reloads=False):
    """Return when a unit's main process was started, or systemd read its settings; None where it does not run.

    With `reloads`, when it was last reloaded, if that went well: a service that runs changes its state at nothing else.
    """
    which, stamp = ([], "UnitsLoadTimestamp") if unit == "manager" else ([unit], "ExecMainStartTimestamp")
    wanted = f"{stamp},ActiveState,StateChangeTimestamp,ReloadResult"
    done = subprocess.run(
        ["systemctl", "show", "--timestamp=us+utc", f"--property={wanted}", *which],
        capture_output=True,
        text=True,
        check=False,
    )
    said = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    if not said.get(stamp) or said.get("ActiveState", "active") not in ("active", "reloading"):
        return None
    if reloads and said.get("ReloadResult") == "success" and said.get("StateChangeTimestamp"):
        stamp = "StateChangeTimestamp"
    return datetime.strptime(said[stamp], "%a %Y-%m-%d %H:%M:%S.%f UTC").replace(tzinfo=UTC).timestamp()


def below(paths):
    """Return the existing ones of these paths, and all that lies below them."""
    for path in paths:
        if os.path.lexists(path):
            yield path
        for folder, folders, files in os.walk(path):
            yield from (os.path.join(folder, name) for name in folders + files)


def shown(wanted):
    """Return a --diff entry for one path."""
    entry = {"before_header": wanted.path, "after_header": wanted.path}
    if wanted.content is None or wanted.secret:
        return {
            **entry,
            "prepared": f"{wanted.path}: {wanted.kind}, mode {wanted.mode:04o}, {wanted.owner}:{wanted.group}\n",
        }
    before = read(wanted.path) if os.path.isfile(wanted.path) else b""
    if len(before) + len(wanted.content) > LARGEST_DIFF:
        return {**entry, "prepared": f"{wanted.path}: {len(before)} → {len(wanted.content)} bytes\n"}
    old, new = (text.decode("utf-8", "replace").splitlines(True) for text in (before, wanted.content))
    return {**entry, "prepared": "".join(difflib.unified_diff(old, new, wanted.path, wanted.path))}


def shell(module, command, failure):
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    if done.returncode:
        module.fail_json(msg=f"{failure}: “{command}” said: {(done.stderr or done.stdout).strip()}")


def validate(module, changed):
    """Try the new files, still in a folder of their own, with the commands that know their language."""
    with tempfile.TemporaryDirectory(prefix="azukari-") as folder:
        staged = {}
        for number, wanted in enumerate(changed):
            if wanted.content is not None:
                path = os.path.join(folder, f"{number}-{os.path.basename(wanted.path)}")
                with open(path, "wb") as file:
                    file.write(wanted.content)
                os.chmod(path, wanted.mode & 0o700)
                staged["{" + wanted.path + "}"] = path
        for command in module.params["validate"]:
            for name, path in staged.items():
                command = command.replace(name, shlex.quote(path))  # noqa: PLW2901 - each name in turn
            if "{/" not in command:  # a file that does not change was valid when it was put there
                shell(module, command, "Refused before anything was changed")


def roll_back(module, change, reason):
    done = subprocess.run([ROLLBACK, "--restore", change], capture_output=True, text=True, check=False)
    outcome = "it was rolled back" if done.returncode == 0 else f"the rollback failed too: {done.stderr.strip()}"
    module.fail_json(msg=f"{module.params['what']} on this host: {reason}; {outcome}.", rolled_back=change)


def arm(module, paths):
    if not os.path.exists(ROLLBACK):
        module.fail_json(
            msg=f"{ROLLBACK} is not on this host, so a confirmed change cannot be undone; the role `base` installs it."
        )
    confirmed = module.params["confirmed"]
    change = module.params["change_id"]
    request = {
        "id": change,
        "what": module.params["what"],
        "seconds": confirmed["seconds"],
        "paths": paths,
        "activate": confirmed["activate"],
        "save": confirmed["save"],
        "restore": confirmed["restore"],
    }
    done = subprocess.run([ROLLBACK, "--arm"], input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode:
        module.fail_json(msg=f"Nothing was changed: the rollback could not be armed: {done.stderr.strip()}")
    return change


def put_in_place(module, changed, gone, change):
    """Bring every path to its wanted state and put it in force; a confirmed change that fails is rolled back."""
    try:
        for wanted in changed:
            wanted.put()
        for path in gone:
            subprocess.run(["rm", "-rf", "--", path], check=True)
    except (OSError, KeyError, subprocess.CalledProcessError) as error:
        if change:
            roll_back(module, change, f"the files could not be put in place ({error})")
        module.fail_json(msg=f"{module.params['what']}: {error}")
    if change:
        for command in module.params["confirmed"]["activate"]:
            done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
            if done.returncode:
                roll_back(module, change, f"“{command}” failed: {done.stderr.strip()}")


def main():
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "default": []},
            "directories": {"type": "list", "elements": "dict", "default": []},
            "links": {"type": "list", "elements": "dict", "default": []},
            "modes": {"type": "list", "elements": "dict", "default": []},
            "absent": {"type": "list", "elements": "path", "default": []},
            "only": {"type": "list", "elements": "dict", "default": []},
            "validate": {"type": "list", "elements": "str", "default": []},
            "confirmed": {
                "type": "dict",
                "options": {
                    "activate": {"type": "list", "elements": "str", "default": []},
                    "save": {"type": "str", "default": ""},
                    "restore": {"type": "str", "default": ""},
                    "seconds": {"type": "int", "default": 45},
                },
            },
            "read_by": {"type": "dict", "default": {}},
            "reloaded_by": {"type": "dict", "default": {}},
            "what": {"type": "str", "default": "a change of files"},
            "change_id": {"type": "str"},
        },
        supports_check_mode=True,
    )
    given = module.params
    kinds = {"directories": "directory", "files": "file", "links": "link", "modes": "file"}
    wanted = [Wanted(entry, kind) for name, kind in kinds.items() for entry in given[name]]
    changed = [w for w in wanted if w.differs()]
    gone = [path for path in [*given["absent"], *surplus(given["only"])] if os.path.lexists(path)]
    paths = [w.path for w in changed] + gone
    unread = stale(given["read_by"]) + stale(given["reloaded_by"], reloads=True)
    result = {"changed": bool(paths or unread), "changed_paths": paths}
    if unread:
        result["msg"] = "; ".join(unread)
    if module._diff:
        result["diff"] = [shown(w) for w in changed] + [{"prepared": f"removed: {path}\n"} for path in gone]
    if not paths or module.check_mode:
        module.exit_json(**result)
    validate(module, changed)
    change = arm(module, paths) if given["confirmed"] is not None else None
    put_in_place(module, changed, gone, change)
    if change:
        result["confirm"] = change
    module.exit_json(**result)


if __name__ == "__main__":
    main()
