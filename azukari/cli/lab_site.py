"""What `azukari lab up` adds to the lab's site, and `azukari lab down --everything` takes away again."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

from azukari.errors import InputError
from azukari.lab import Lab, forget_images, of_machine
from azukari.people import lab_site
from azukari.site import Site, home, load, state_dir

# The first line of the file that we make; a file without it was written by somebody, and stays.
_MADE = "# Made by `azukari lab up` from this machine's own sources.\n"
_UPSTREAM = Path("group_vars/all/upstream.yml")
_GENERATED = ("keys", "secrets", "approval.sig", "approval.txt", str(_UPSTREAM))


def complete(folder: Path, mirror: str | None, security_mirror: str | None, resolvers: tuple[str, ...]) -> list[str]:
    """Make what the lab's site lacks: its upstream, the hosts' keys, the people's, and the office's approval.

    Args:
        folder: the site's folder.
        mirror: a Debian mirror's URL, instead of the machine's.
        security_mirror: the mirror of its security updates.
        resolvers: DNS servers, instead of the machine's.

    Returns:
        What was done, in words.

    Raises:
        InputError: the site is wrong or no lab, or the machine names no mirror.
    """
    site = load(folder)
    if not site.lab:
        raise InputError(f"The site “{site.name}” is a real one; only a site with “lab: true” has a lab.")
    said = []
    upstream = folder / _UPSTREAM
    given = bool(mirror or security_mirror or resolvers)
    ours = upstream.exists() and upstream.read_text(encoding="utf-8").startswith(_MADE)
    if given or not upstream.exists() or (ours and not Lab.of(site).stands):
        machine = of_machine(mirror=mirror, security_mirror=security_mirror, resolvers=resolvers)
        # The hosts ask the lab's own name server, which has the site's zone and asks the machine's for all else.
        text = _MADE + replace(machine, resolvers=Lab.of(site).ask(machine.resolvers)).as_yaml()
        if not upstream.exists() or upstream.read_text(encoding="utf-8") != text:
            upstream.write_text(text, encoding="utf-8")
            said.append("made: the site's upstream")
    Lab.of(load(folder)).make_keys()
    made = lab_site.make(folder)
    said += [f"made: {what}" for what in made.made]
    if made.approved:
        said.append("the office approved the site")
    _give_to_owner(folder)
    return said


def forget(site: Site) -> None:
    """Remove the cached images, and everything that `complete` made."""
    forget_images()
    for name in _GENERATED:
        path = site.path / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    shutil.rmtree(state_dir(site))
    for folder in (home() / "sites", home()):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _give_to_owner(folder: Path) -> None:
    """Leave what root made to whom the site's folder belongs, who could otherwise not even delete it."""
    owner = folder.stat()
    if owner.st_uid == 0:
        return
    for name in _GENERATED:
        for path in (folder / name, *(folder / name).rglob("*")):
            if path.exists():
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
