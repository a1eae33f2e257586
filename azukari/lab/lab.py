"""The lab as a whole: brought up, taken down, returned to a snapshot, asked and entered."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from azukari.errors import InputError, Unreachable
from azukari.lab import disk, enter, fresh, image, keys, network, process
from azukari.lab.commands import LabFault
from azukari.lab.layout import HostLayout, Layout, layout
from azukari.lab.locks import lock
from azukari.lab.needs import require_packages, require_root
from azukari.lab.sources import Upstream
from azukari.site import Site, holders_dir, state_dir

# A step that ended: what it was, and the seconds it took.
Progress = Callable[[str, float], None]
State = Literal["up", "starting", "down"]
# As many at once as let the slowest host not wait for a processor.
_AT_ONCE = 8
_READY_WITHIN = 30.0  # seconds
_PATIENCE = 10.0  # seconds given to a host's services before a snapshot


@dataclass(frozen=True)
class HostStatus:
    """How one host is."""

    name: str
    address: str
    address6: str | None
    state: State
    snapshots: int
    pid: int | None


def _quiet(step: str, seconds: float) -> None:
    """Say nothing of a step."""


class Lab:
    """The disposable servers of one site on this machine."""

    def __init__(self, site: Site, upstream: Upstream, progress: Progress = _quiet) -> None:
        """See Lab.of."""
        self._layout = layout(site.name, site.hosts.values())
        self._site = site
        self._upstream = upstream
        self._progress = progress

    @classmethod
    def of(cls, site: Site, progress: Progress = _quiet) -> "Lab":
        """Return the lab of a site; nothing is done yet.

        Args:
            site: a site whose `site.yml` says `lab: true`.
            progress: called after each step.

        Raises:
            InputError: the site is a real one, or its addresses cannot be a lab's, or it has no `upstream.yml`.
        """
        if not site.settings.lab:
            raise InputError(f"The site “{site.name}” is a real one; only a site with “lab: true” has a lab.")
        if site.upstream is None:
            raise InputError(f"The site “{site.name}” has no group_vars/all/upstream.yml yet: run “azukari lab up”.")
        found = site.upstream
        upstream = Upstream(str(found.mirror), str(found.security_mirror), tuple(str(r) for r in found.resolvers))
        return cls(site, upstream, progress)

    @property
    def layout(self) -> Layout:
        """Where everything of this lab lies and what it is called."""
        return self._layout

    def make_keys(self) -> None:
        """Make the hosts' keys that are missing, and publish their public parts in the site's `keys/hosts`."""
        for host in self._layout.hosts:
            self._keys(host)

    def up(self) -> None:
        """Bring the lab up, or what is missing of it; running hosts are left alone.

        Raises:
            MachineLacks: a package is missing; nothing was changed.
            LabFault: a host does not come up.
        """
        require_root("azukari lab up")
        require_packages()
        with lock(self._layout.bridge):
            started = time.monotonic()
            base = self._image()
            self._timed("network", lambda: network.make(self._layout))
            self._each(self._layout.hosts, lambda host: self._ensure(host, base))
            self._progress("lab", time.monotonic() - started)

    def down(self) -> None:
        """End all hosts at once and remove everything that `up` made on this machine, but for the cached image."""
        require_root("azukari lab down")
        with lock(self._layout.bridge):
            self._each(self._existing(), self._remove)
            network.remove(self._layout)
            before = self._record().get("loops")
            _remove_folder(self._layout.folder)
            if isinstance(before, list):
                disk.remove_loops(set(before))

    def reset(self, names: str | Iterable[str], to: Literal["provisioned", "fresh"] = "provisioned") -> None:
        """Return hosts to their newest snapshot, or to a fresh image when there is none or it is asked for.

        Args:
            names: one host, or several, which are reset at the same time.
            to: `provisioned` (the snapshot) or `fresh` (the snapshots are thrown away too).
        """
        require_root("azukari lab reset")
        hosts = self._named(names)
        base = self._base()

        def reset(host: HostLayout) -> None:
            with self._alone(host):
                process.power_off(self._layout, host, patience=0)
                network.cut(host.interface)
                disk.take_apart(host)
                disk.drop(host, snapshots=to == "fresh")
                self._start(host, base)

        self._each(hosts, lambda host: self._timed(f"{host.name} reset", lambda: reset(host)))

    def snapshot(self, names: Iterable[str] | None = None) -> None:
        """Keep hosts as they are now, as what `reset` returns to; they are shut down for it and started again.

        Args:
            names: the hosts; all by default.
        """
        require_root("azukari lab snapshot")
        base = self._base()

        def keep(host: HostLayout) -> None:
            with self._alone(host):
                process.power_off(self._layout, host, patience=_PATIENCE)
                network.cut(host.interface)
                disk.take_apart(host)
                disk.keep_as_snapshot(host)
                self._start(host, base)

        hosts = self._named(names) if names is not None else self._layout.hosts
        self._each(hosts, lambda host: self._timed(f"{host.name} snapshot", lambda: keep(host)))

    def restart(self, names: str | Iterable[str], *, patience: float = _PATIENCE) -> None:
        """Shut hosts down and start them again with what is on their disks.

        Args:
            names: one host or several.
            patience: seconds given to their services; 0 is the pulled plug.
        """
        require_root("azukari lab restart")
        base = self._base()

        def again(host: HostLayout) -> None:
            with self._alone(host):
                process.power_off(self._layout, host, patience=patience)
                network.cut(host.interface)
                self._start(host, base)

        self._each(self._named(names), lambda host: self._timed(f"{host.name} restart", lambda: again(host)))

    def status(self) -> list[HostStatus]:
        """Tell how each host is, in the site's order."""
        return [self._status(host) for host in self._layout.hosts]

    def execute(
        self,
        name: str,
        argv: Sequence[str],
        *,
        stdin: IO[bytes] | int | None = None,
        stdout: IO[bytes] | int | None = None,
        stderr: IO[bytes] | int | None = None,
    ) -> int:
        """Run a command as root on a host with the caller's input and outputs, and return its exit code.

        Raises:
            InputError: no such host.
            Unreachable: it does not run.
        """
        return enter.execute(self._running(name), argv, stdin=stdin, stdout=stdout, stderr=stderr)

    def run(
        self,
        name: str,
        argv: Sequence[str],
        input: bytes | None = None,  # noqa: A002 -- as subprocess.run names it
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command as root on a host and return its exit code and outputs (bytes).

        Args:
            name: the host.
            argv: the command and its arguments.
            input: what it reads on standard input.
            timeout: seconds after which it is ended.

        Raises:
            InputError: no such host.
            Unreachable: it does not run.
            LabFault: it took too long.
        """
        return enter.run(name, self._running(name), argv, input=input, timeout=timeout)

    def outside(self) -> network.Outside:
        """Return the unfiltered vantage on the lab's bridge."""
        return network.outside(self._layout)

    # --- one host

    def _ensure(self, host: HostLayout, base: Path) -> None:
        started = time.monotonic()
        with self._alone(host):
            found = process.running(host)
            if found and disk.mounted(host.root):
                network.connect(self._layout, host.interface)
                if process.answers(found):
                    return
                # It runs, but nobody could work with it: perhaps it still starts, else it is started anew.
                if self._comes_up(found, 5):
                    return
            self._end(host)
            left = process.recorded(host)
            if left and left.boot != process.boot_id():
                # The machine itself was restarted: what the host had not synced is lost in unknown places.
                disk.take_apart(host)
                disk.drop(host, snapshots=False)
            self._start(host, base)
        self._progress(host.name, time.monotonic() - started)

    def _start(self, host: HostLayout, base: Path) -> None:
        host.folder.mkdir(parents=True, exist_ok=True)
        if disk.assemble(host, base):
            content = fresh.files(self._layout, host, self._upstream, self._keys(host), image.RECIPE.suite)
            fresh.write(host.root, content)
        found = process.start(self._layout, host)
        if not self._comes_up(found, _READY_WITHIN):
            raise LabFault(
                f"{host.name} runs, but its sshd does not listen after {_READY_WITHIN:.0f} s: "
                f"{process.last_words(host)}"
            )

    def _comes_up(self, found: process.Running, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end and found.alive:
            if process.answers(found):
                return True
            time.sleep(0.02)
        return False

    def _end(self, host: HostLayout) -> None:
        process.end_all(self._layout, host)
        network.cut(host.interface)

    def _remove(self, host: HostLayout) -> None:
        with self._alone(host):
            self._end(host)
            disk.take_apart(host)
            _remove_folder(host.folder)

    def _running(self, name: str) -> process.Running:
        found = process.running(self._layout.host(name))
        if found is None:
            raise Unreachable(f"Lab host “{name}” does not run; start it with: azukari lab up")
        return found

    def _status(self, host: HostLayout) -> HostStatus:
        found = process.running(host)
        state: State = "down" if found is None else "up" if process.answers(found) else "starting"
        address6 = str(host.address6) if host.address6 else None
        pid = found.leader if found else None
        return HostStatus(host.name, str(host.address), address6, state, len(disk.layers(host)), pid)

    def _keys(self, host: HostLayout) -> fresh.HostKeys:
        return keys.host_keys(
            state_dir(self._site) / "host_keys",
            self._site.path / "keys" / "hosts",
            holders_dir(self._site) / "contractor" / "first_contact",
            host.name,
        )

    # --- the lab

    def _image(self) -> Path:
        """Return the image that this lab stands on, or the present recipe's for a new one."""
        recorded = self._record().get("image")
        if isinstance(recorded, str) and (Path(recorded) / "etc/debian_version").is_file():
            return Path(recorded)
        if image.cached() is None:
            self._timed("image", lambda: image.build(self._upstream))
        base = image.build(self._upstream)
        self._layout.folder.mkdir(parents=True, exist_ok=True)
        record = {"site": self._layout.site, "image": str(base), "loops": sorted(disk.loops())}
        self._layout.record.write_text(json.dumps(record), encoding="utf-8")
        return base

    def _base(self) -> Path:
        recorded = self._record().get("image")
        if not isinstance(recorded, str):
            raise Unreachable(f"The lab of “{self._layout.site}” is down; start it with: azukari lab up")
        return Path(recorded)

    def _record(self) -> dict[str, object]:
        try:
            found = json.loads(self._layout.record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _existing(self) -> tuple[HostLayout, ...]:
        """All declared hosts, and those of an earlier declaration whose folders are still there."""
        declared = {host.name for host in self._layout.hosts}
        folder = self._layout.folder / "hosts"
        orphans = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        template = self._layout.hosts[0]
        return self._layout.hosts + tuple(
            HostLayout(name, template.address, None, folder / name, f"{self._layout.bridge}-gone")
            for name in orphans
            if name not in declared
        )

    def _named(self, names: str | Iterable[str]) -> tuple[HostLayout, ...]:
        return tuple(self._layout.host(name) for name in ([names] if isinstance(names, str) else names))

    def _alone(self, host: HostLayout) -> AbstractContextManager[None]:
        """Keep other azukari processes off a host for a while."""
        return lock(f"{self._layout.bridge}-{host.name}")

    def _each(self, hosts: Sequence[HostLayout], do: Callable[[HostLayout], None]) -> None:
        """Do something with several hosts at once; all are tried, then the first failure is raised."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            futures = [pool.submit(do, host) for host in hosts]
        for future in futures:
            future.result()

    def _timed(self, step: str, do: Callable[[], object]) -> None:
        started = time.monotonic()
        do()
        self._progress(step, time.monotonic() - started)


def _remove_folder(folder: Path) -> None:
    """Remove a folder of the lab, never reaching into something that is still mounted there."""
    inside = [point for point in disk.mount_points() if Path(point).is_relative_to(folder)]
    if inside:
        raise LabFault(f"{inside[0]} is still mounted, so {folder} was left as it is.")
    shutil.rmtree(folder, ignore_errors=True)
