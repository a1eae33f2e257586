"""Files that must be closed, in one round trip: set-uid and set-gid, capabilities, access lists, open files, mounts.

One walk over the host's own disks (not over proc, sys, run or dev) finds what carries a right that no package needs;
such a right is taken away, the file stays. Mounts are remounted with the options that are asked for.
"""

import grp
import os
import pwd
import stat
import subprocess
from functools import partial

from ansible.module_utils.basic import AnsibleModule

NOT_WALKED = ("/proc", "/sys", "/dev", "/run")
# A listed file on another file system (a separate /var, say) is still the host's own disk.
DISKS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "overlay", "tmpfs", "f2fs", "zfs"})
ACCESS_LISTS = ("system.posix_acl_access", "system.posix_acl_default")
CAPABILITY = "security.capability"
# systemd-tmpfiles gives the group adm access to the journal by an access list.
ACCESS_LISTS_KEPT = ("/var/log/journal",)


def mounts():
    """Return {mount point: (file system, options)} of what is mounted now; the uppermost wins."""
    found = {}
    with open("/proc/self/mounts", encoding="utf-8") as file:
        for line in file:
            _source, point, kind, options = line.split(" ")[:4]
            found[point.encode().decode("unicode_escape")] = (kind, set(options.split(",")))
    return found


def walked(mounted):
    """Yield (path, lstat) of every file and directory on the host's own disks."""
    foreign = {point for point, (kind, _options) in mounted.items() if kind not in DISKS} | set(NOT_WALKED)
    waiting = ["/"]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        continue
                    yield entry.path, entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False) and entry.path not in foreign:
                        waiting.append(entry.path)
        except OSError:  # it vanished while it was walked
            continue


def attributes(path):
    try:
        return os.listxattr(path, follow_symlinks=False)
    except OSError:
        return []


def too_open(path, status, given):
    """Return [(sentence, act)] for one path."""
    found = []
    mode = stat.S_IMODE(status.st_mode)
    regular, folder = stat.S_ISREG(status.st_mode), stat.S_ISDIR(status.st_mode)
    right = mode & 0o1777 if regular and path not in given["setuid"] else mode
    if right != mode:
        found.append(
            (f"{path} is set-uid or set-gid ({mode:04o}): bits removed", lambda: os.chmod(path, right & ~0o002))
        )
    if regular and mode & 0o002:
        found.append(
            (f"{path} can be written by everybody ({mode:04o}): closed", lambda: os.chmod(path, right & ~0o002))
        )
    if folder and mode & 0o1002 == 0o002:
        found.append(
            (f"{path} lets everybody delete others' files ({mode:04o}): sticky", lambda: os.chmod(path, mode | 0o1000))
        )
    if regular or folder:
        for name in attributes(path):
            if name == CAPABILITY and path not in given["capabilities"]:
                found.append((f"{path} carries capabilities: removed", lambda: os.removexattr(path, CAPABILITY)))
            elif name in ACCESS_LISTS and not path.startswith(ACCESS_LISTS_KEPT):
                found.append((f"{path} carries an access list: removed", partial(os.removexattr, path, name)))
    return found


def wrong_modes(modes):
    """Return [(sentence, act)] for the paths whose owner, group or mode is said outright; absent ones are left out."""
    found = []
    for entry in modes:
        path, mode = entry["path"], int(entry["mode"], 8)
        owner, group = entry.get("owner") or "root", entry.get("group") or "root"
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            continue
        ids = (pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid)
        if (status.st_uid, status.st_gid) != ids:
            found.append((f"{path}: owner {owner}:{group}", lambda path=path, ids=ids: os.chown(path, *ids)))
        if stat.S_IMODE(status.st_mode) != mode:
            was = stat.S_IMODE(status.st_mode)
            found.append((f"{path} has mode {was:04o}: {mode:04o}", lambda path=path, mode=mode: os.chmod(path, mode)))
    return found


def wrong_mounts(wanted, mounted):
    """Return [(sentence, act)] for mounts that lack an option."""
    found = []
    for point, options in wanted.items():
        missing = set(options) - mounted.get(point, ("", set(options)))[1]
        if missing:
            argv = ["mount", "-o", "remount," + ",".join(options), point]
            found.append(
                (f"{point} lacks {', '.join(sorted(missing))}", lambda argv=argv: subprocess.run(argv, check=True))
            )
    return found


def main():
    module = AnsibleModule(
        argument_spec={
            "setuid": {"type": "list", "elements": "path", "required": True},
            "capabilities": {"type": "list", "elements": "path", "required": True},
            "modes": {"type": "list", "elements": "dict", "default": []},
            "mounts": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    given = module.params
    mounted = mounts()
    todo = wrong_mounts(given["mounts"], mounted)
    todo += [step for path, status in walked(mounted) for step in too_open(path, status, given)]
    todo += wrong_modes(given["modes"])
    said = [sentence for sentence, _act in todo]
    if not module.check_mode:
        for sentence, act in todo:
            try:
                act()
            except (OSError, subprocess.CalledProcessError) as error:
                module.fail_json(msg=f"{sentence}: this could not be done: {error}", closed=said)
    result = {"changed": bool(said), "closed": said}
    if module._diff:
        result["diff"] = {"prepared": "".join(f"{line}\n" for line in said)}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
