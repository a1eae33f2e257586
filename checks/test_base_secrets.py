"""LEAK-26: no secret is in sight of an ordinary account, in a recording, or written down in the clear.

What is expected stands here a second time; the roles' own lists are never read.
"""

import json
from pathlib import Path

from azukari import evidence
from azukari.people import authority, domain_secrets
from azukari.verify import check, collector, not_evaluated

# Runs as an ordinary account, and says of each secret in its sight where it is, never what it is.
LOOK = r"""
import glob, json, os, re, subprocess
NAME = r"(?:[A-Za-z0-9_-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|credential)[A-Za-z0-9_-]*)"
GIVEN = re.compile(rf"(?i)(?:^|[\s\"'])(?:--?({NAME})[= ]|({NAME})=)(?!/|file:|env:|fd:|-|%|\$)[^\s\"']{{4,}}")
IN_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s:@]+@")
MARK = b"PRIVATE " b"KEY-----"
found, seen = [], 0

def look(text, where):
    for match in GIVEN.finditer(text):
        found.append({"where": where, "what": match[1] or match[2]})
    if IN_URL.search(text):
        found.append({"where": where, "what": "a password in an address"})

for path in glob.glob("/proc/[0-9]*"):
    try:
        if os.stat(path).st_uid == os.getuid():
            continue
        with open(path + "/cmdline", "rb") as file:
            arguments = file.read().decode(errors="replace").split("\0")
        with open(path + "/comm") as file:
            name = file.read().strip()
    except OSError:
        continue
    seen += 1
    look(" ".join(arguments), f"arguments of {name}")
properties = "--property=Id,Environment,ExecStart,ExecStartPre,ExecStartPost"
units = subprocess.run(["systemctl", "show", properties, "*.service"], capture_output=True, text=True).stdout
for block in units.split("\n\n"):
    name = block.partition("Id=")[2].partition("\n")[0]
    look(block.replace("Environment=", "Environment= ").replace("argv[]=", " "), f"unit {name}")
read = 0
for top in ("/etc", "/srv", "/opt", "/home", "/root", "/usr/local", "/var/backups", "/var/www", "/var/lib/azukari"):
    for folder, _folders, names in os.walk(top):
        for path in (os.path.join(folder, name) for name in names):
            try:
                status = os.lstat(path)
                regular = (status.st_mode & 0o170000) == 0o100000
                if not regular or not 0 < status.st_size < 1 << 20 or status.st_uid == os.getuid():
                    continue
                with open(path, "rb") as file:
                    data = file.read()
            except OSError:
                continue
            read += 1
            if MARK in data:
                found.append({"where": path, "what": "a private key"})
            elif os.path.basename(path) in (".env", ".netrc", ".pgpass", ".my.cnf"):
                found.append({"where": path, "what": "a file of passwords"})
print(json.dumps({"seen": seen, "units": units.count("Id="), "read": read, "found": found}))
"""


@collector()
def in_sight(host):
    """Secrets that an ordinary account sees: in arguments and units of others, and in files it can read."""
    answer = host.command(["python3", "-I", "-c", LOOK])
    if answer.exit_code:
        not_evaluated(f"an ordinary account could not look around: {answer.stderr.strip()[-200:]}")
    return json.loads(answer.stdout)


def judge_in_sight(seen):
    """Fail when an ordinary account saw a secret; not evaluated when it saw nothing at all."""
    if not seen["units"] or not seen["read"]:
        not_evaluated("an ordinary account saw neither units nor files, so nothing can be said")
    found = sorted({f"{one['what']} in {one['where']}" for one in seen["found"]})
    assert not found, f"in sight of every account: {'; '.join(found)}."
    return f"{seen['seen']} processes, {seen['units']} units, {seen['read']} files: no secret in sight"


@check("LEAK-26", collect=[in_sight])
def test_no_secret_in_sight(host, in_sight):
    """No secret stands in arguments, units or readable files, in sight of an ordinary account."""
    return judge_in_sight(in_sight)


def texts_of(value):
    """Yield each secret as one line, without the frame of its PEM; what is public is none."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts_of(one)
    elif isinstance(value, str) and "BEGIN CERTIFICATE" not in value and not value.startswith("ssh-"):
        # Whole, never line by line: the end of a private key is its public key, which a certificate shows.
        whole = "".join(line for line in value.splitlines() if not line.startswith("-----"))
        if len(whole) >= 16:
            yield whole


@collector(scope="site")
def written_down(site):
    """Where the site's folder or its newest evidence holds a secret in the clear: names of files, never the secret."""
    known, domains = {}, authority.domains_at_hand(site)
    for domain in domains:
        password = domain_secrets.password_path(site, domain).read_text().strip()
        for text in [password, *texts_of(domain_secrets.read(site, domain))]:
            known[text.encode()] = f"a secret of {domain}"
    folders = [Path(site.path), *(one.folder for one in evidence.listed(site)[:5])]
    found, read = [], 0
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        data, read = path.read_bytes(), read + 1
        sealed = data.startswith(b"$ANSIBLE_VAULT;")
        if path.parent == Path(site.path) / "secrets" and not sealed:
            found.append(f"{path.name} in secrets/ is not encrypted")
        if b"PRIVATE KEY-----" in data and not sealed:
            found.append(f"a private key in {path.name}")
        line = data.replace(b"\n", b"").replace(rb"\n", b"")  # JSON writes a new line so
        found += sorted({f"{what} in {path.name}" for text, what in known.items() if text in line})
    return {"found": found, "read": read, "domains": domains}


@check("LEAK-26", hosts="site", collect=[written_down])
def test_no_secret_is_written_down(written_down):
    """The site's folder and its evidence hold no secret in the clear."""
    assert not written_down["found"], f"written down in the clear: {'; '.join(written_down['found'])}."
    return f"{written_down['read']} files without the secrets of {', '.join(written_down['domains']) or 'anybody'}"
