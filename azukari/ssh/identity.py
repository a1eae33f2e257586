"""What somebody proves to servers: one key, its certificates, and a private folder for the time of a run."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

Kind = Literal["apply", "audit"]

JUMP_USER = "azukari-jump"
JUMP_ALIAS = "azukari-jump"  # the name of the shared connection to the bastion in our ssh_config
_PREFIX = "azukari-"


def user(kind: Kind) -> str:
    """Return the account on servers that a kind of identity uses."""
    return f"azukari-{kind}"


@dataclass(eq=False)
class Identity:
    """A key with short certificates; used as a context, it leaves nothing behind.

    Attributes:
        kind: `apply` or `audit`.
        place: where it may be used from: `controller` or `auditor`.
        folder: private folder of this run (0700): configuration, certificates, the shared connection's socket.
        private_key: the key.
        jump_certificate: for the bastion's jump account.
        certificates: for servers, by domain.
        bastion_certificate: for the bastion itself as a server; None when its domain is not at hand.
        valid_before: when the first of them ends.
        hosts: names of the site's hosts that it can reach.
    """

    kind: Kind
    place: str
    folder: Path
    private_key: Path
    jump_certificate: Path
    certificates: Mapping[str, Path]
    bastion_certificate: Path | None
    valid_before: datetime
    hosts: tuple[str, ...]
    _end: weakref.finalize = field(init=False, repr=False)  # type: ignore[type-arg]

    def __post_init__(self) -> None:
        self._end = weakref.finalize(self, _leave, self.folder, os.getpid())

    @property
    def user(self) -> str:
        """The account on servers."""
        return user(self.kind)

    @property
    def domains(self) -> tuple[str, ...]:
        """The trust domains whose servers it can reach."""
        return tuple(self.certificates)

    @property
    def control_path(self) -> Path:
        """The socket of the shared connection to the bastion."""
        return self.folder / "jump"

    def close(self) -> None:
        """End the shared connection and remove the folder; may be called twice."""
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def new_folder() -> Path:
    """Return a new private folder (0700) on a file system that does not outlive the machine where there is one.

    Its path is short: the name of a socket has 108 bytes, and ssh adds 17 while it makes one.
    """
    for base in ("/run", os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir()):
        if base and os.access(base, os.W_OK | os.X_OK) and len(base) < 50:
            _sweep(Path(base))
            return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=base))
    return Path(tempfile.mkdtemp(prefix=_PREFIX))


def _sweep(base: Path) -> None:
    """Remove what a killed run of this user left: its keys are worthless by then, but need not lie there."""
    for left in base.glob(f"{_PREFIX}[0-9]*-*"):
        pid = left.name.removeprefix(_PREFIX).split("-")[0]
        with contextlib.suppress(OSError):
            mine = left.lstat().st_uid == os.getuid() and left.is_dir() and not left.is_symlink()
            old = time.time() - left.lstat().st_mtime > 3600
            if mine and old and pid.isdigit() and not Path("/proc", pid).exists():
                shutil.rmtree(left, ignore_errors=True)


def _leave(folder: Path, owner: int) -> None:
    if os.getpid() != owner:  # a forked child ends: the folder is its parent's
        return
    socket = folder / "jump"
    if socket.exists():
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                ["ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", JUMP_ALIAS],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=5,
                check=False,
            )
    shutil.rmtree(folder, ignore_errors=True)
