"""A host's key: the declared one, and the one that it shows."""

from azukari.errors import InputError, Unreachable
from azukari.site import Host, Site, fingerprint


class HostKeyDiffers(InputError):
    """A host shows another key than the site declares: not the declared host, or a declaration to correct."""


def declared_key(site: Site, host: Host) -> str:
    """Return the host's key as `TYPE BASE64`, as the site declares it.

    Where the site declares a fingerprint alone, the host is asked for its key, which must have that fingerprint.

    Raises:
        HostKeyDiffers: it has another.
        Unreachable: it does not answer.
    """
    declared = site.host_public_key(host)
    if declared is not None:
        return declared
    shown = shown_key(str(host.address))
    if fingerprint(shown) != site.host_fingerprint(host):
        raise HostKeyDiffers(
            f"{host.name} ({host.address}) shows the host key {fingerprint(shown)}, but hosts.yml declares "
            f"{site.host_fingerprint(host)}. On its console, compare: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
        )
    return shown


def shown_key(address: str, port: int = 22, timeout: float = 5) -> str:
    """Return the Ed25519 host key that a server shows, as `TYPE BASE64`.

    Args:
        address: its address.
        port: its port.
        timeout: seconds.

    Raises:
        Unreachable: no answer, or no such key.
    """
    import socket

    import paramiko

    try:
        connection = socket.create_connection((address, port), timeout)
    except OSError as error:
        raise Unreachable(f"{address} port {port} does not answer: {error.strerror or error}.") from error
    transport = paramiko.Transport(connection)
    try:
        transport.get_security_options().key_types = ("ssh-ed25519",)
        transport.start_client(timeout=timeout)
        key = transport.get_remote_server_key()
    except (paramiko.SSHException, EOFError, OSError, ValueError) as error:
        raise Unreachable(f"{address} port {port} does not show an Ed25519 host key: {error}.") from error
    finally:
        transport.close()
    return f"{key.get_name()} {key.get_base64()}"
