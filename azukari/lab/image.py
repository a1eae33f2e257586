"""The image that every lab host starts from: a freshly installed Debian 13, cached by the digest of its recipe."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from azukari.lab.commands import LabFault, find
from azukari.lab.locks import lock
from azukari.lab.sources import Upstream

IMAGES = Path("/var/cache/azukari/images")
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# What the Debian installer leaves on a server with nothing but “SSH server” chosen, as far as it matters to what is
# configured and judged here; sudo, python3-apt and nftables are what `apply` itself needs.
_PACKAGES = (
    "adduser",
    "apt-utils",
    "ca-certificates",
    "cron",
    "dbus",
    "e2fsprogs",
    "iproute2",
    "iputils-ping",
    "kmod",
    "less",
    "libpam-systemd",
    "logrotate",
    "netbase",
    "nftables",
    "openssh-server",
    "openssl",
    "procps",
    "python3",
    "python3-apt",
    "sudo",
    "systemd",
    "systemd-sysv",
    "systemd-timesyncd",
    "tzdata",
)


@dataclass(frozen=True)
class Recipe:
    """What an image is made from; a change of any of it makes another image."""

    suite: str = "trixie"
    variant: str = "minbase"
    packages: tuple[str, ...] = _PACKAGES
    edition: int = 1  # raised when _finish changes

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name the image."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


RECIPE = Recipe()


def cached(recipe: Recipe = RECIPE, images: Path = IMAGES) -> Path | None:
    """Return the image's folder if it was already built."""
    folder = images / recipe.digest
    return folder if (folder / "etc/debian_version").is_file() else None


def build(upstream: Upstream, recipe: Recipe = RECIPE, images: Path = IMAGES) -> Path:
    """Return the image's folder, building it when it is not in the cache (about 20 s).

    Args:
        upstream: the mirrors it is taken from.
        recipe: what it is made from.
        images: the cache.

    Raises:
        LabFault: mmdebstrap failed; the message has its last lines.
    """
    images.mkdir(parents=True, exist_ok=True)
    with lock(f"image-{recipe.digest}"):
        found = cached(recipe, images)
        if found:
            return found
        for left in images.glob(f".unfinished-{recipe.digest}-*"):  # by a run that was killed; we hold its lock now
            shutil.rmtree(left, ignore_errors=True)
        with _beside(images, recipe) as unfinished:
            _debootstrap(unfinished, upstream, recipe)
            _finish(unfinished)
            # A rename makes the cache whole or absent, also when this process is killed half way.
            unfinished.rename(images / recipe.digest)
    return images / recipe.digest


@contextmanager
def _beside(images: Path, recipe: Recipe) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f".unfinished-{recipe.digest}-", dir=images))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _debootstrap(target: Path, upstream: Upstream, recipe: Recipe) -> None:
    program = find("mmdebstrap")
    if program is None:
        raise LabFault("This machine has no “mmdebstrap”.")
    argv = [
        program,
        "--mode=root",
        "--quiet",
        f"--variant={recipe.variant}",
        f"--include={','.join(recipe.packages)}",
        f"--keyring={_KEYRING}",
        *_proxy_options(),
        recipe.suite,
        str(target),
        f"deb {upstream.mirror} {recipe.suite} main",
        f"deb {upstream.mirror} {recipe.suite}-updates main",
        f"deb {upstream.security_mirror} {recipe.suite}-security main",
    ]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise LabFault(f"The image could not be built from {upstream.mirror}:\n{last}")


def _proxy_options() -> list[str]:
    """Pass on the proxy that the machine's own apt uses; mmdebstrap does not read the machine's apt.conf."""
    program = find("apt-config")
    if program is None:
        return []
    shell = ["HTTP", "Acquire::http::Proxy", "HTTPS", "Acquire::https::Proxy"]
    said = subprocess.run([program, "shell", *shell], capture_output=True, text=True, check=False).stdout
    found = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    names = {"HTTP": "Acquire::http::Proxy", "HTTPS": "Acquire::https::Proxy"}
    return [f"--aptopt={names[key]} {json.dumps(value.strip(chr(39)))}" for key, value in found.items()]


def _finish(root: Path) -> None:
    """Leave the image as the installer leaves a server: networkd in charge, no identity of its own yet."""
    # An empty machine-id would make systemd run its first-boot presets; each host gets its own before it starts.
    (root / "etc/machine-id").unlink(missing_ok=True)
    (root / "etc/hostname").unlink(missing_ok=True)
    for key in (root / "etc/ssh").glob("ssh_host_ed25519_key*"):
        key.unlink()
    wanted = root / "etc/systemd/system/multi-user.target.wants"
    wanted.mkdir(parents=True, exist_ok=True)
    networkd = wanted / "systemd-networkd.service"
    if not os.path.lexists(networkd):
        networkd.symlink_to("/usr/lib/systemd/system/systemd-networkd.service")
    # The installer's servers do not wait for a network that is static.
    (root / "etc/systemd/system/systemd-networkd-wait-online.service").symlink_to("/dev/null")


def forget(used: set[Path], images: Path = IMAGES) -> None:
    """Remove the cached images that nobody uses: a lab's hosts would lose their programs while they run.

    Args:
        used: the images of the labs that stand.
        images: the cache.
    """
    if images.is_dir():
        for folder in images.iterdir():
            if folder not in used:
                shutil.rmtree(folder, ignore_errors=True)
    for folder in (images, images.parent):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
