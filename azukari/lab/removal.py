"""Takes a lab down until nothing of it is left on the machine; needs its record only, not its site."""

import shutil
from pathlib import Path

from azukari.lab import disk, image, internet, issuer, network, process, record, settings
from azukari.lab.at_once import each
from azukari.lab.commands import LabFault
from azukari.lab.layout import HostLayout, Layout
from azukari.lab.locks import lock
from azukari.lab.passage import close_passage


def remove(lab: Layout) -> None:
    """End a lab's hosts at once and remove everything that bringing it up made, but for the cached image.

    Raises:
        LabFault: something is still in use.
    """
    with lock(lab.bridge):
        before = record.read(lab).get("loops")
        known = {host.name: host for host in (*record.standing(lab).hosts, *lab.hosts)}
        each(list(known.values()), lambda host: remove_host(lab, host))
        internet.end(lab)
        issuer.end(lab)
        network.remove(lab)
        close_passage(lab)
        settings.give_back(lab.site)
        _remove_folder(lab.folder)
        for folder in (lab.folder.parent, lab.folder.parent.parent):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        if isinstance(before, list):
            disk.remove_loops(set(before))


def forget_images() -> None:
    """Remove the cached images that no standing lab uses."""
    with lock("images"):
        image.forget(record.images_in_use())


def remove_host(lab: Layout, host: HostLayout) -> None:
    """End one host and remove all that it wrote."""
    with lock(f"{lab.bridge}-{host.name}"):
        end(lab, host, for_certain=False)
        _remove_folder(host.folder)
        # systemd-nspawn makes them for each machine and leaves them.
        for kind in ("propagate", "unix-export"):
            shutil.rmtree(Path("/run/systemd/nspawn") / kind / host.machine, ignore_errors=True)


def end(lab: Layout, host: HostLayout, *, for_certain: bool = True) -> None:
    """End a host at once and wait until its disks are released.

    Args:
        lab: the lab.
        host: the host.
        for_certain: fail if they are not; otherwise go on, as when the disks are thrown away anyway.

    Raises:
        LabFault: something else holds its disks.
    """
    process.end_all(lab, host)
    network.cut(host.interface)
    held = disk.release(host)
    if held and for_certain:
        raise LabFault(f"{host.name} was ended, but something else holds its disks ({', '.join(held)}).")


def _remove_folder(folder: Path) -> None:
    """Remove a folder of the lab, but never reach into something that is mounted there."""
    for point in disk.mounted_below(folder):
        raise LabFault(f"{point} is mounted; unmount it, then take the lab down again.")
    shutil.rmtree(folder, ignore_errors=True)
