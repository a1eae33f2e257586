"""Programs that are what their packages brought: replaced files are installed anew, programs from elsewhere set aside.

A program that no package owns is not deleted: it is moved below QUARANTINE without any right to run, as evidence.
"""

import glob
import os
import re
import shutil
import stat
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule

QUARANTINE = "/var/lib/azukari/quarantine"
# Where programs are looked for by name, and where packages keep theirs.
LOOKED_IN = ("/usr", "/opt", "/srv", "/etc")
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}


def packaged_paths():
    paths = set()
    for listing in glob.glob("/var/lib/dpkg/info/*.list"):
        with open(listing, encoding="utf-8", errors="surrogateescape") as file:
            paths.update(file.read().splitlines())
    for line in subprocess.run(
        ["dpkg-divert", "--list"], capture_output=True, text=True, check=False
    ).stdout.splitlines():
        diverted = re.match(r".*diversion of \S+ to (\S+)", line)
        if diverted:
            paths.add(diverted[1])
    # since the merge of /bin into /usr/bin some lists still name the old place
    return paths | {"/usr" + path for path in paths if path.startswith(("/bin/", "/sbin/", "/lib"))}


def foreign_programs(own):
    """Return the programs in LOOKED_IN that neither a package nor azukari has put there."""
    known, found = packaged_paths() | set(own), []
    for top in LOOKED_IN:
        for folder, _folders, names in os.walk(top):
            for path in (os.path.join(folder, name) for name in names):
                if path in known:
                    continue
                try:
                    mode = os.lstat(path).st_mode
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(mode) and mode & 0o111:
                    found.append(path)
    return sorted(found)


def damaged_files():
    """Return the packaged files, settings apart, that are gone or whose content is another one (dpkg --verify)."""
    done = subprocess.run(["dpkg", "--verify"], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    found = []
    for line in done.stdout.splitlines():
        flags, kind, path = line[:9], line[10:11], line[12:]
        if kind != "c" and (flags.startswith("missing") or "5" in flags):
            found.append(path)
    return found


def owners(paths):
    """Return the packages that brought the paths."""
    names = set()
    for listing in glob.glob("/var/lib/dpkg/info/*.list"):
        with open(listing, encoding="utf-8", errors="surrogateescape") as file:
            if not paths.isdisjoint(file.read().splitlines()):
                names.add(os.path.basename(listing).removesuffix(".list"))
    return sorted(names)


def set_aside(path):
    target = os.path.join(QUARANTINE, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + path.replace("/", "_"))
    os.makedirs(QUARANTINE, mode=0o700, exist_ok=True)
    os.chmod(path, 0)
    shutil.move(path, target)


def main():
    module = AnsibleModule(
        argument_spec={"own": {"type": "list", "elements": "path", "required": True}},
        supports_check_mode=True,
    )
    foreign = foreign_programs(module.params["own"])
    damaged = damaged_files()
    packages = owners(set(damaged)) if damaged else []
    said = [f"{path} comes from no package: set aside in {QUARANTINE}" for path in foreign]
    said += [f"{path} is not what its package brought: installed anew" for path in damaged]
    if not module.check_mode:
        for path in foreign:
            set_aside(path)
        if packages:
            command = [
                "apt-get",
                "install",
                "--yes",
                "--reinstall",
                "--no-install-recommends",
                "-o",
                "Dpkg::Options::=--force-confold",
                "-o",
                "DPkg::Lock::Timeout=60",
                *packages,
            ]
            done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
            if done.returncode:
                module.fail_json(
                    msg=f"{', '.join(packages)} could not be installed anew: {done.stderr.strip()}", found=said
                )
    result = {"changed": bool(said), "found": said}
    if module._diff:
        result["diff"] = {"prepared": "".join(f"{line}\n" for line in said)}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
