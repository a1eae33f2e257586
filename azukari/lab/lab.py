"""The lab as a whole: brought up, taken down, returned to a snapshot, asked and entered."""

import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Literal

from azukari.errors import InputError, Unreachable
from azukari.lab import disk, enter, fresh, image, internet, issuer, keys, network, process, record, settings
from azukari.lab.at_once import each
from azukari.lab.commands import LabFault
from azukari.lab.layout import HostLayout, Layout, layout
from azukari.lab.locks import lock
from azukari.lab.needs import require_machine, require_root
from azukari.lab.passage import open_passage
from azukari.lab.removal import end, remove, remove_host
from azukari.lab.sources import Upstream, machine_resolvers
from azukari.site import Site, holders_dir, state_dir

# A step that ended: what it was, and the seconds it took.
Progress = Callable[[str, float], None]
State = Literal["up", "starting", "down"]
_READY_WITHIN = 60.0  # seconds; a second or two on a machine with nothing else to do
_PATIENCE = 10.0  # seconds given to a host's services before a snapshot


@dataclass(frozen=True)
class HostStatus:
    """How one host is; `pid` is its first process as this machine numbers it."""

    name: str
    address: str
    address6: str | None
    state: State
    snapshots: int
    pid: int | None


def _quiet(step: str, seconds: float) -> None:
    """Say nothing of a step."""


def _nothing(host: HostLayout) -> None:
    """Leave a host's disks as they are."""


class Lab:
    """The disposable servers of one site on this machine."""

    def __init__(self, site: Site, upstream: Upstream | None, progress: Progress = _quiet) -> None:
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
            InputError: the site is a real one, or its addresses cannot be a lab's.
        """
        if not site.lab:
            raise InputError(f"The site “{site.name}” is a real one; only a site with “lab: true” has a lab.")
        found = site.upstream
        if found is None:  # never brought up
            return cls(site, None, progress)
        upstream = Upstream(str(found.mirror), str(found.security_mirror), tuple(str(r) for r in found.resolvers))
        return cls(site, upstream, progress)

    @property
    def layout(self) -> Layout:
        """Where everything of this lab lies and what it is called."""
        return self._layout

    @property
    def stands(self) -> bool:
        """Whether it was brought up, and not taken down since."""
        return bool(record.read(self._layout))

    def make_keys(self) -> None:
        """Make the hosts' keys that are missing, and publish their public parts in the site's `keys/hosts`."""
        for host in self._layout.hosts:
            self._keys(host)
        acme = self._site.settings.acme
        if acme and acme.roots:
            issuer.make_keys(self._issuer_keys, self._site.path / acme.roots, acme.server)

    def up(self) -> None:
        """Bring the lab up, or what is missing of it; running hosts are left alone.

        Raises:
            InputError: the site has no `upstream.yml`.
            MachineLacks: a package, the kernel's support or room is missing; nothing was changed.
            LabFault: a host does not come up.
        """
        require_machine("azukari lab up")
        with lock(self._layout.bridge):
            started = time.monotonic()
            gone = set(record.standing(self._layout).hosts) - set(self._layout.hosts)
            each(sorted(gone, key=str), lambda host: remove_host(self._layout, host))
            base = self._image()
            settings.claim(self._layout.site)
            self._timed("network", lambda: network.make(self._layout))
            open_passage(self._layout)
            self._timed("internet", lambda: internet.ensure(self._layout, self._site, self._asked()))
            self._timed("issuer", lambda: issuer.ensure(self._layout, self._site, self._issuer_keys))
            each(self._layout.hosts, lambda host: self._ensure(host, base))
            self._progress("lab", time.monotonic() - started)

    def ask(self, resolvers: tuple[str, ...]) -> tuple[str, ...]:
        """Say whom the lab's own name server asks for names that are not the site's; return its own addresses."""
        folder = self._layout.internet_folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolvers").write_text("\n".join(resolvers) + "\n", encoding="utf-8")
        return tuple(address.partition("/")[0] for address in self._layout.internet[:1])

    def received(self) -> list[internet.Received]:
        """Return what the readers' mail server has taken, the oldest first."""
        return internet.received(self._layout)

    def down(self) -> None:
        """End all hosts at once and remove everything that `up` made on this machine, but for the cached image."""
        require_root("azukari lab down")
        remove(self._layout)

    def reset(self, names: str | Iterable[str], to: Literal["provisioned", "fresh"] = "provisioned") -> None:
        """Return hosts to their newest snapshot, or to a fresh image when there is none or it is asked for.

        Args:
            names: one host, or several, which are reset at the same time.
            to: `provisioned` (the snapshot) or `fresh` (the snapshots are thrown away too).
        """
        require_root("azukari lab reset")
        drop = partial(disk.drop, snapshots=to == "fresh")
        self._anew("reset", names, patience=0, between=drop, keep=False)

    def snapshot(self, names: str | Iterable[str] | None = None) -> None:
        """Keep hosts as they are now, as what `reset` returns to; they are shut down for it and started again.

        Files come back whole, but for `chattr`'s marks: the kernel's overlay keeps them for the topmost layer only.

        Args:
            names: the hosts; all by default.
        """
        require_root("azukari lab snapshot")
        chosen = [host.name for host in self._layout.hosts] if names is None else names
        for host in self._named(chosen):
            disk.require_room(host)
        self._anew("snapshot", chosen, patience=_PATIENCE, between=disk.keep_as_snapshot)

    def restart(self, names: str | Iterable[str], *, patience: float = _PATIENCE) -> None:
        """Shut hosts down and start them again with what is on their disks.

        Args:
            names: one host or several.
            patience: seconds given to their services; 0 is the pulled plug.
        """
        require_root("azukari lab restart")
        self._anew("restart", names, patience=patience, between=_nothing)

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
            address, boot = record.made_for(host)
            if found and address in {"", str(host.address)}:
                network.connect(self._layout, host.interface)
                # If nobody could work with it, perhaps it still starts; else it is started anew.
                if self._comes_up(host, found, 5):
                    return
            end(self._layout, host)
            if address not in {"", str(host.address)}:
                disk.drop(host, snapshots=True)  # declared anew: another server
            elif boot != process.boot_id():
                # The machine itself was restarted: what the host had not synced is lost in unknown places.
                disk.drop(host, snapshots=False)
            self._start(host, base)
        self._progress(host.name, time.monotonic() - started)

    def _anew(
        self,
        verb: str,
        names: str | Iterable[str],
        *,
        patience: float,
        between: Callable[[HostLayout], None],
        keep: bool = True,
    ) -> None:
        """End hosts, do something with their disks (which they keep or not), and start them again."""
        base = self._base()

        def again(host: HostLayout) -> None:
            with self._alone(host):
                process.power_off(self._layout, host, patience=patience)
                end(self._layout, host, for_certain=keep)
                between(host)
                self._start(host, base)

        each(self._named(names), lambda host: self._timed(f"{host.name} {verb}", lambda: again(host)))

    def _start(self, host: HostLayout, base: Path) -> None:
        host.folder.mkdir(parents=True, exist_ok=True)
        content = host.folder / "fresh.tar"
        bare = disk.prepare(host)
        if bare:
            lacking = fresh.files(self._layout, host, self._sources, self._keys(host), image.RECIPE.suite)
            fresh.pack(lacking, content)
        record.remember_host(host, process.boot_id())
        try:
            found = process.start(self._layout, host, disk.mounting(host, base, content if bare else None))
        except LabFault:
            if bare:  # half unpacked
                end(self._layout, host)
                disk.drop(host, snapshots=False)
            raise
        finally:
            content.unlink(missing_ok=True)
        if not self._comes_up(host, found, _READY_WITHIN):
            raise LabFault(
                f"{host.name} runs, but is not ready after {_READY_WITHIN:.0f} s: {process.last_words(host)}"
            )

    def _comes_up(self, host: HostLayout, found: process.Running, seconds: float) -> bool:
        """Wait until sshd listens and the host's start is over, whatever became of its services."""
        until = time.monotonic() + seconds
        while found.alive and not process.answers(found):
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        whole = ["systemctl", "is-system-running", "--wait"]
        try:
            enter.run(host.name, found, whole, input=None, timeout=max(until - time.monotonic(), 0.5))
        except LabFault:
            return False
        return found.alive

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

    @property
    def _issuer_keys(self) -> Path:
        return state_dir(self._site) / "issuer"

    def _alone(self, host: HostLayout) -> AbstractContextManager[None]:
        """Keep other azukari processes off a host for a while."""
        return lock(f"{self._layout.bridge}-{host.name}")

    # --- the lab

    def _asked(self) -> tuple[str, ...]:
        said = self._layout.internet_folder / "resolvers"
        return tuple(said.read_text(encoding="utf-8").split()) if said.is_file() else machine_resolvers()

    @property
    def _sources(self) -> Upstream:
        if self._upstream is None:
            raise InputError(
                f"The site “{self._site.name}” has no group_vars/all/upstream.yml yet: run “azukari lab up”."
            )
        return self._upstream

    def _image(self) -> Path:
        """Return the image that this lab stands on, or the present recipe's for a new one."""
        if image.cached() is None:
            self._timed("image", lambda: image.build(self._sources))
        with lock("images"):  # so that nobody removes it before it is known to be used
            recorded = record.read(self._layout).get("image")
            stays = isinstance(recorded, str) and (Path(recorded) / "etc/debian_version").is_file()
            base = Path(str(recorded)) if stays else image.build(self._sources)
            record.write(self._layout, self._site.path, base, disk.loops())
        return base

    def _base(self) -> Path:
        recorded = record.read(self._layout).get("image")
        if not isinstance(recorded, str):
            raise Unreachable(f"The lab of “{self._layout.site}” is down; start it with: azukari lab up")
        return Path(recorded)

    def _named(self, names: str | Iterable[str]) -> tuple[HostLayout, ...]:
        return tuple(self._layout.host(name) for name in ([names] if isinstance(names, str) else names))

    def _timed(self, step: str, do: Callable[[], object]) -> None:
        started = time.monotonic()
        do()
        self._progress(step, time.monotonic() - started)
