"""What may lie in a site's folder: Ansible reads every file it finds there, so nothing unexpected may."""

import os
import re
from pathlib import Path

from azukari.site.problems import Problem

_FILES = re.compile(
    r"hosts\.yml|README(?:\.[a-z]{2})?\.md|approval\.(?:sig|txt)"
    r"|group_vars/all/(?:site|policy|contract|flows|exceptions|upstream)\.yml"
    r"|keys/.+\.(?:pub|pem)|keys/sealing/[a-z][a-z0-9_]*(?:\.[A-Za-z0-9_-]{43})?\.json(?:\.sig)?|secrets/(?:production|vault|log)\.yml"
)
_PRIVATE = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_VAULT = b"$ANSIBLE_VAULT;1.2;AES256;"


def check_folder(folder: Path) -> list[Problem]:
    """Return the problems of the folder itself: foreign files, symbolic links, private keys, open secrets."""
    problems: list[Problem] = []
    for current, folders, names in os.walk(folder):
        relative = Path(current).relative_to(folder)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [*folders, *names]:
            path = str(relative / name)
            if (folder / path).is_symlink():
                problems.append(Problem(path, 0, "is a symbolic link; allowed are files; put the file itself here."))
        for name in sorted(names):
            path = str(relative / name)
            if name.startswith(".") or name.endswith("~") or (folder / path).is_symlink():
                continue
            problems += _check_file(folder, path)
    return problems


def _check_file(folder: Path, path: str) -> list[Problem]:
    if not _FILES.fullmatch(path) or any(ord(char) < 32 for char in path):
        message = "does not belong to a site; allowed are hosts.yml, group_vars/all/, keys/ and secrets/; remove it."
        return [Problem(ascii(path)[1:-1], 0, message)]
    if not (folder / path).is_file():  # a pipe would make every reader wait
        return [Problem(path, 0, "is no ordinary file; allowed are files and folders; remove it.")]
    if path.startswith("keys/"):
        try:
            data = (folder / path).read_bytes()
        except OSError as error:
            return [
                Problem(path, 0, f"cannot be read ({error.strerror}); a readable file is needed; look at its mode.")
            ]
        if match := _PRIVATE.search(data):
            line = data.count(b"\n", 0, match.start()) + 1
            return [
                Problem(path, line, "holds a private key; allowed are public keys; remove it, and make a new pair.")
            ]
    if path.startswith("secrets/"):
        domain = Path(path).stem
        with (folder / path).open("rb") as file:
            if not file.readline().startswith(_VAULT + domain.encode()):
                message = f"is not encrypted for “{domain}”; allowed is Ansible Vault with that vault id; encrypt it."
                return [Problem(path, 1, message)]
    return []
