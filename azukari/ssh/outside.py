"""The outside client: what a stranger can try at an SSH server, and what the server answers.

A server's settings are its own word; a refused attempt is not. Attempts are made with paramiko, so that they do not
depend on what this machine's ssh is configured to do.
"""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import paramiko

from azukari.errors import InputError, Unreachable
from azukari.ssh.kexinit import Handshake, handshake
from azukari.ssh.transport import AnySocket, AttemptTransport
from azukari.ssh.vantage import dial

__all__ = ["Credential", "Handshake", "Jump", "Login", "Target", "connect", "handshake", "login", "logins", "logins_at"]

_TOO_MANY = "Too many authentication failures"
_PAUSE = 1.0  # seconds between two looks whether a penalty is over


@dataclass(frozen=True)
class Credential:
    """What is presented in one attempt: a key (with or without a certificate), a password, or nothing.

    Attributes:
        name: how the attempt is named in results.
        key: the key with its certificate.
        password: tried as `password`, and by `keyboard-interactive` when `interactive` is set.
        interactive: whether the password is given to a dialogue.
    """

    name: str
    key: paramiko.PKey | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    interactive: bool = False

    @classmethod
    def from_files(cls, name: str, private_key: Path, certificate: Path | None = None) -> Self:
        """Return a key's credential.

        Args:
            name: how the attempt is named.
            private_key: an unencrypted OpenSSH key's file.
            certificate: its certificate's file; None for the bare key.

        Raises:
            InputError: a file is missing or is none.
        """
        try:
            key = paramiko.Ed25519Key.from_private_key_file(str(private_key))
            if certificate:
                key.load_certificate(certificate.read_text())
        except (OSError, ValueError, paramiko.SSHException) as error:
            raise InputError(
                f"The key {private_key} with the certificate {certificate} cannot be used: {error}."
            ) from error
        return cls(name, key)


@dataclass(frozen=True)
class Login:
    """A server's answer to one credential.

    Attributes:
        credential: its name.
        outcome: `accepted`; `partial`: accepted, but something more is asked for; or `refused`.
        methods_offered: the methods that the server would go on with.
        message: the server's words, or ours.
    """

    credential: str
    outcome: Literal["accepted", "partial", "refused"]
    methods_offered: tuple[str, ...]
    message: str

    @property
    def accepted(self) -> bool:
        """Whether the credential alone opened the account."""
        return self.outcome == "accepted"


@dataclass(frozen=True)
class Target:
    """An account on a server, and how to get there.

    Attributes:
        address: the server.
        user: the account.
        port: its SSH port.
        via: a way through the bastion; None to go directly.
        namespace: from where, when going directly.
        source: the address to come from, when going directly.
    """

    address: str
    user: str
    port: int = 22
    via: "Jump | None" = None
    namespace: str | None = None
    source: str | None = None

    def open(self, timeout: float) -> AnySocket:
        """Return a connection to the server.

        Raises:
            Unreachable: none.
        """
        if self.via is not None:
            return self.via.open(self.address, self.port, timeout)
        return dial(self.address, self.port, timeout, self.namespace, self.source)


class Jump:
    """A way through the bastion: one connection as its jump account, one channel for each attempt behind it.

    Args:
        address: the bastion.
        user: its jump account.
        credential: an honest one.
        port: its port.
        timeout: seconds for each step.
        namespace: from where.

    Raises:
        Unreachable: the bastion does not answer, or does not let the credential through.
    """

    def __init__(
        self,
        address: str,
        user: str,
        credential: Credential,
        port: int = 22,
        timeout: float = 5,
        namespace: str | None = None,
    ) -> None:
        self.transport = connect(Target(address, user, port, namespace=namespace), credential, timeout)

    def open(self, address: str, port: int, timeout: float) -> paramiko.Channel:
        """Return a channel to a server behind the bastion.

        Raises:
            Unreachable: the bastion refuses it, or the server does not answer.
        """
        try:
            channel: paramiko.Channel = self.transport.open_channel(
                "direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=timeout
            )
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise Unreachable(f"{address} port {port} cannot be reached through the bastion: {error}.") from error
        channel.settimeout(timeout)
        return channel

    def close(self) -> None:
        """End the connection."""
        self.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(target: Target, credential: Credential, timeout: float = 5) -> AttemptTransport:
    """Log in, to make attempts from within; the caller closes the transport.

    Raises:
        Unreachable: no answer, or refused.
    """
    transport = _shake_hands(target, timeout)
    answer = _present(transport, target.user, credential)
    if answer is None or not answer.accepted:
        transport.close()
        said = answer.message if answer else transport.hung_up or "it hung up"
        raise Unreachable(f"{target.user} at {target.address} is not let in with “{credential.name}”: {said}.")
    return transport


def login(target: Target, credential: Credential, timeout: float = 5, patience: float = 0) -> Login:
    """Present one credential. Arguments, result and errors are those of `logins`."""
    return logins(target, [credential], timeout, patience)[0]


def logins(
    target: Target, credentials: Sequence[Credential], timeout: float = 5, patience: float = 0, pace: float = 0
) -> list[Login]:
    """Present credentials one after the other, on as few connections as the server allows.

    A handshake costs more than an attempt, and OpenSSH counts a source's *connections* that failed to authenticate
    (PerSourcePenalties): one connection with several attempts disturbs nobody.

    Args:
        target: the account.
        credentials: what to present.
        timeout: seconds for each step.
        patience: seconds to wait, in all, when the server drops connections from here for a while.
        pace: seconds between two connections; as many as a penalty has keep penalties from adding up.

    Returns:
        an answer for each credential.

    Raises:
        Unreachable: the server does not answer, so that nothing can be said about the rest.
    """
    answers: list[Login] = []
    transport: AttemptTransport | None = None
    until = time.monotonic() + patience
    unanswered = 0
    try:
        while len(answers) < len(credentials):
            if transport is None:
                if answers:
                    time.sleep(pace)
                transport = _shake_hands(target, timeout, until)
            answer = _present(transport, target.user, credentials[len(answers)])
            if answer is None:
                unanswered += 1
                if unanswered > 2:
                    raise Unreachable(
                        f"{target.address} hung up without an answer: {transport.hung_up or 'no reason'}."
                    )
            else:
                unanswered = 0
                answers.append(answer)
            if answer is None or answer.outcome != "refused" or not transport.is_active():
                transport.close()
                transport = None
    finally:
        if transport is not None:
            transport.close()
    return answers


def logins_at(
    targets: Iterable[Target], credentials: Sequence[Credential], timeout: float = 5, patience: float = 0
) -> dict[Target, list[Login] | Unreachable]:
    """Do `logins` at many servers at once; a server that does not answer holds up nobody.

    Returns:
        the answers, or why there are none, by target.
    """

    def one(target: Target) -> list[Login] | Unreachable:
        try:
            return logins(target, credentials, timeout, patience)
        except Unreachable as error:
            return error

    listed = list(targets)
    with ThreadPoolExecutor(max_workers=max(1, min(16, len(listed)))) as pool:
        return dict(zip(listed, pool.map(one, listed), strict=True))


def _shake_hands(target: Target, timeout: float, until: float = 0) -> AttemptTransport:
    """Connect and agree on keys, again and again until then where the server takes the connection only to drop it.

    That is how OpenSSH treats a source with penalties; a connection that is not taken at all is another matter.
    """
    while True:
        transport = AttemptTransport(target.open(timeout), timeout)
        try:
            transport.shake_hands()
        except Unreachable as error:
            if transport.silent or time.monotonic() + _PAUSE > until:
                raise Unreachable(f"{target.address} port {target.port}: {error.message}.") from error
            time.sleep(_PAUSE)
        else:
            return transport


def _present(transport: AttemptTransport, user: str, credential: Credential) -> Login | None:
    """Return the server's answer, or None when it hung up without one."""
    name = credential.name
    try:
        left = _authenticate(transport, user, credential)
    except paramiko.BadAuthenticationType as error:
        return Login(name, "refused", tuple(error.allowed_types), "the server does not offer this method")
    except (paramiko.SSHException, EOFError, OSError) as error:
        if transport.hung_up.startswith(_TOO_MANY):  # the answer to the last attempt that it allows
            return Login(name, "refused", (), "refused, and the connection ended: too many failures")
        # A server that is late has not refused: its answer may still come, and would pass for one to the next attempt.
        answered = isinstance(error, paramiko.AuthenticationException) and transport.is_active() and transport.answered
        return Login(name, "refused", (), str(error)) if answered else None
    if left:
        return Login(name, "partial", tuple(left), f"accepted, but {' or '.join(left)} is asked for as well")
    return Login(name, "accepted", (), "accepted")


def _authenticate(transport: AttemptTransport, user: str, credential: Credential) -> list[str]:
    """Return the methods still asked for after one that succeeded."""
    left: list[str]
    password = credential.password
    if credential.key is not None:
        left = transport.auth_publickey(user, credential.key)
    elif password is None:
        left = transport.auth_none(user)
    elif credential.interactive:
        left = transport.auth_interactive(user, lambda _title, _text, fields: [password] * len(fields))
    else:
        left = transport.auth_password(user, password, fallback=False)
    return left or []
