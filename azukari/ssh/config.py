"""One `ssh_config` per run: `ssh -F FILE web` then means the declared host, by the declared way, as one identity.

Ansible, mitogen and our own checks all go through this one file, so that the way in is described once: through the
bastion on one shared connection, hosts recognised by their domain's CA, nothing asked and nothing learnt on the way.
"""

import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from azukari.errors import Unreachable
from azukari.site import Host, Site, holders_dir
from azukari.ssh import keys
from azukari.ssh.host_key import declared_key
from azukari.ssh.identity import JUMP_ALIAS, JUMP_USER, Identity

CONNECT_TIMEOUT = 5  # seconds; what an unreachable host costs at most
_PERSIST = 60  # seconds that the shared connection outlives its last user, should nobody end it


def write(
    site: Site,
    identity: Identity,
    *,
    first_contact: frozenset[str] = frozenset(),
    by_password: bool = False,
    name: str = "ssh_config",
) -> Path:
    """Write the run's `ssh_config` and known hosts into the identity's folder.

    Args:
        site: the site.
        identity: as whom to connect.
        first_contact: names of hosts not yet taken over: reached directly, as root with the contractor's first key
            if there is one, and recognised by the host key that the site declares.
        by_password: reach hosts of `first_contact` by root's password, even where there is a first key.
        name: the file's name, where a run needs both ways side by side.

    Returns:
        the file, for `ssh -F`. It may be written again with other `first_contact`.

    Raises:
        HostKeyDiffers: a host of `first_contact` shows another key than the declared one.
    """
    target = identity.folder / name
    bastion = site.group("bastion")[0]
    blocks = [_jump_block(bastion, identity)]
    known: list[str] = []
    pinned = _pinned(site, first_contact)
    for host in site.hosts.values():
        if host.name in first_contact:
            blocks.append(_first_contact_block(site, host, by_password=by_password))
            known += pinned[host.name]
            continue
        known.append(f"@cert-authority {host.name} {_host_ca(site, host)}")
        if host.name in identity.hosts:
            blocks.append(_host_block(host, identity, target, through_bastion=host.name != bastion.name))
    known_hosts = identity.folder / f"{name}.known_hosts"
    blocks.append(_common_block(known_hosts))
    keys.write_closed(known_hosts, "".join(f"{line}\n" for line in known))
    keys.write_closed(target, "\n".join(blocks))
    return target


def open_jump(path: Path) -> None:
    """Open the shared connection to the bastion, so that those who start together need not race for it.

    Args:
        path: the file that `write` returned.

    Raises:
        Unreachable: with ssh's own words.
    """
    check = subprocess.run(
        ["ssh", "-F", str(path), "-O", "check", JUMP_ALIAS], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if check.returncode == 0:
        return
    # Not with pipes: the connection goes on in the background and would hold them open.
    errors = path.parent / "jump.log"
    opened = subprocess.run(
        ["ssh", "-F", str(path), "-E", str(errors), "-M", "-N", "-f", JUMP_ALIAS],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=CONNECT_TIMEOUT * 3,
        check=False,
    )
    if opened.returncode != 0:
        said = errors.read_text(errors="replace").strip().splitlines() if errors.exists() else []
        raise Unreachable(f"The bastion does not let us through: {said[-1] if said else 'ssh said nothing'}.")


def _pinned(site: Site, names: frozenset[str]) -> dict[str, list[str]]:
    """Return the known_hosts lines of the named hosts, none for one that had to be asked and did not answer."""

    def one(name: str) -> list[str]:
        try:
            return [f"{name} {declared_key(site, site.host(name))}"]
        except Unreachable:  # whoever connects to it by this file will be told so, of this host alone
            return []

    with ThreadPoolExecutor(max_workers=16) as pool:
        return dict(zip(sorted(names), pool.map(one, sorted(names)), strict=True))


def _host_ca(site: Site, host: Host) -> str:
    source = Path(site.path) / "keys" / "ca" / f"{host.domain}_host.pub"
    return " ".join(source.read_text().split()[:2]) if source.exists() else "missing"


def _block(name: str, **options: str | Path | int) -> str:
    lines = [f"Host {name}"] + [f"    {option} {value}" for option, value in options.items()]
    return "\n".join(lines) + "\n"


def _jump_block(bastion: Host, identity: Identity) -> str:
    return _block(
        JUMP_ALIAS,
        HostName=str(bastion.address),
        HostKeyAlias=bastion.name,
        User=JUMP_USER,
        IdentityFile=identity.private_key,
        CertificateFile=identity.jump_certificate,
        ControlMaster="auto",
        ControlPath=identity.control_path,
        ControlPersist=_PERSIST,
    )


def _host_block(host: Host, identity: Identity, config: Path, *, through_bastion: bool) -> str:
    options: dict[str, str | Path | int] = {
        "HostName": str(host.address),
        "HostKeyAlias": host.name,
        "User": identity.user,
        "IdentityFile": identity.private_key,
    }
    if through_bastion:
        options["CertificateFile"] = identity.certificates[host.domain]
        # ssh ends its ProxyCommand by SIGHUP. Under nohup that is ignored: what stays there until the bastion gives up,
        # after more than a minute, must not hold the error stream open to whose end callers read.
        alone = " 2>/dev/null" if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else ""
        options["ProxyCommand"] = f"ssh -F {config} -W [%h]:%p {JUMP_ALIAS}{alone}"
    elif identity.bastion_certificate:
        options["CertificateFile"] = identity.bastion_certificate
    return _block(host.name, **options)


def _first_contact_block(site: Site, host: Host, *, by_password: bool) -> str:
    first_key = holders_dir(site) / "contractor" / "first_contact"
    options: dict[str, str | Path | int] = {
        "HostName": str(host.address),
        "HostKeyAlias": host.name,
        "User": "root",
        "HostKeyAlgorithms": "ssh-ed25519",
    }
    if first_key.exists() and not by_password:
        options["IdentityFile"] = first_key
    else:  # root by password: the one case in which somebody may be asked
        options |= {"BatchMode": "no", "PreferredAuthentications": "password,keyboard-interactive"}
    return _block(host.name, **options)


def _common_block(known_hosts: Path) -> str:
    return _block(
        "*",
        UserKnownHostsFile=known_hosts,
        GlobalKnownHostsFile="/dev/null",
        StrictHostKeyChecking="yes",
        CheckHostIP="no",
        UpdateHostKeys="no",
        HostKeyAlgorithms="ssh-ed25519-cert-v01@openssh.com",
        IdentitiesOnly="yes",
        IdentityAgent="none",
        PreferredAuthentications="publickey",
        BatchMode="yes",
        ForwardAgent="no",
        ForwardX11="no",
        ConnectTimeout=CONNECT_TIMEOUT,
        ServerAliveInterval=5,
        ServerAliveCountMax=3,
        LogLevel="ERROR",
    )
