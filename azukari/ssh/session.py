"""What an account lets one do once one is in: commands, terminals, forwards and the rest, each tried and answered.

For accounts that must give almost nothing, such as the bastion's jump account (LEAK-13, LEAK-18).
"""

import contextlib
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

import paramiko
from paramiko.common import cMSG_CHANNEL_REQUEST
from paramiko.message import Message

from azukari.ssh.transport import AttemptTransport

_MARK = "azukari-was-here"
_SFTP_INIT = struct.pack(">IBI", 5, 1, 3)  # SSH_FXP_INIT, version 3 (draft-ietf-secsh-filexfer-02)
_SFTP_VERSION = 2
_CONNECT_FAILED = 2  # RFC 4254, section 5.1: the server tried, so it was allowed


@dataclass(frozen=True)
class Attempt:
    """One thing that was tried.

    Attributes:
        what: in words.
        allowed: whether the server did it.
        message: the server's answer.
    """

    what: str
    allowed: bool
    message: str


class Session:
    """Attempts on one connection that is logged in already.

    Args:
        transport: the connection, from `outside.connect`; its owner closes it.
        timeout: seconds for each answer.
    """

    def __init__(self, transport: AttemptTransport, timeout: float = 3) -> None:
        self.transport, self.timeout = transport, timeout

    def execute(self, command: str = f"echo {_MARK}") -> Attempt:
        """Run a command that prints a mark; allowed only when the mark comes back."""

        def ask(channel: paramiko.Channel) -> tuple[bool, str]:
            channel.exec_command(command)
            said = self._read(channel, _MARK)
            return _MARK in said, said

        return self._in_session(f"command “{command}”", ask)

    def shell(self) -> Attempt:
        """Start a shell without a terminal and have it print a mark."""

        def ask(channel: paramiko.Channel) -> tuple[bool, str]:
            channel.invoke_shell()
            with contextlib.suppress(OSError):
                channel.sendall(f"echo {_MARK[:7]}''{_MARK[7:]}\n".encode())
            said = self._read(channel, _MARK)
            return _MARK in said, said

        return self._in_session("shell", ask)

    def terminal(self) -> Attempt:
        """Ask for a terminal."""

        def ask(channel: paramiko.Channel) -> tuple[bool, str]:
            channel.get_pty()
            return True, "a terminal was given"

        return self._in_session("terminal", ask)

    def sftp(self) -> Attempt:
        """Start the file transfer subsystem and speak to it."""

        def ask(channel: paramiko.Channel) -> tuple[bool, str]:
            channel.invoke_subsystem("sftp")
            with contextlib.suppress(OSError):
                channel.sendall(_SFTP_INIT)
            answer = self._receive(channel, 5)
            spoke = len(answer) >= 5 and answer[4] == _SFTP_VERSION
            return spoke, "it speaks sftp" if spoke else answer.decode(errors="replace").strip() or "no answer"

        return self._in_session("sftp", ask)

    def forward(self, address: str, port: int) -> Attempt:
        """Open a connection to somewhere else through the server (`-L`, `-W`, `-D`)."""

        def opening() -> paramiko.Channel:
            there, here = (address, port), ("127.0.0.1", 0)
            channel: paramiko.Channel = self.transport.open_channel("direct-tcpip", there, here, timeout=self.timeout)
            return channel

        return self._open(f"forward to {address} port {port}", opening, tried=(_CONNECT_FAILED,))

    def forward_socket(self, path: str) -> Attempt:
        """Open a local socket of the server (`-L` with a path).

        Args:
            path: one that is there: OpenSSH gives the same answer for a missing one as for a forbidden one.
        """
        payload = _string(path) + _string("") + struct.pack(">I", 0)
        return self._open(
            f"forward to {path}", lambda: self.transport.open_special("direct-streamlocal@openssh.com", payload)
        )

    def tunnel(self) -> Attempt:
        """Open a network tunnel (`-w`)."""
        payload = struct.pack(">II", 1, 0x7FFFFFFF)  # point to point, any unit
        return self._open("network tunnel", lambda: self.transport.open_special("tun@openssh.com", payload))

    def listen(self, address: str = "127.0.0.1") -> Attempt:
        """Have the server listen for us (`-R`), on a port of its choice."""
        try:
            port = self.transport.request_port_forward(address, 0)
        except (paramiko.SSHException, EOFError, OSError) as error:
            return Attempt(f"listen on {address}", False, str(error))
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            self.transport.cancel_port_forward(address, port)
        return Attempt(f"listen on {address}", True, f"it listened on port {port}")

    def agent(self) -> Attempt:
        """Have the server offer our agent to its programs (`-A`)."""
        return self._request("agent forwarding", "auth-agent-req@openssh.com", b"")

    def x11(self) -> Attempt:
        """Have the server offer our display (`-X`)."""
        payload = b"\0" + _string("MIT-MAGIC-COOKIE-1") + _string("00" * 16) + struct.pack(">I", 0)
        return self._request("X11 forwarding", "x11-req", payload)

    def environment(self, name: str = "LD_PRELOAD", value: str = "/tmp/azukari.so") -> Attempt:  # noqa: S108 never a file
        """Set a variable of the session's environment."""
        return self._request(f"environment {name}", "env", _string(name) + _string(value))

    def everything(self, forwards: list[tuple[str, int]], socket_path: str) -> list[Attempt]:
        """Try all of the above.

        Args:
            forwards: addresses and ports to forward to.
            socket_path: a socket of the server.
        """
        return [
            self.execute(),
            self.shell(),
            self.terminal(),
            self.sftp(),
            *(self.forward(address, port) for address, port in forwards),
            self.forward_socket(socket_path),
            self.tunnel(),
            self.listen(),
            self.agent(),
            self.x11(),
            self.environment(),
        ]

    def _open(self, what: str, opening: Callable[[], paramiko.Channel], tried: tuple[int, ...] = ()) -> Attempt:
        try:
            opening().close()
        except paramiko.ChannelException as error:
            allowed = error.code in tried
            return Attempt(what, allowed, "allowed, but nobody answered there" if allowed else error.text)
        except (paramiko.SSHException, EOFError, OSError) as error:
            return Attempt(what, False, self.transport.hung_up or str(error))
        return Attempt(what, True, "opened")

    def _in_session(self, what: str, ask: Callable[[paramiko.Channel], tuple[bool, str]]) -> Attempt:
        try:
            channel = self.transport.open_session(timeout=self.timeout)
        except (paramiko.SSHException, EOFError, OSError) as error:
            return Attempt(what, False, f"no session: {self.transport.hung_up or error}")
        try:
            channel.settimeout(self.timeout)
            allowed, message = ask(channel)
        except (paramiko.SSHException, EOFError, OSError) as error:
            return Attempt(what, False, self.transport.hung_up or str(error))
        finally:
            channel.close()
        return Attempt(what, allowed, message)

    def _request(self, what: str, kind: str, payload: bytes) -> Attempt:
        """Make a request of a session and wait for its answer; paramiko asks for none with some of them."""

        def ask(channel: paramiko.Channel) -> tuple[bool, str]:
            message = Message()
            message.add_byte(cMSG_CHANNEL_REQUEST)
            message.add_int(channel.remote_chanid)
            message.add_string(kind)
            message.add_boolean(True)
            message.add_bytes(payload)
            channel._event_pending()  # type: ignore[attr-defined]  # the stubs lack both
            self.transport._send_user_message(message)
            channel._wait_for_event()  # type: ignore[attr-defined]
            return True, "granted"

        return self._in_session(what, ask)

    def _read(self, channel: paramiko.Channel, mark: str) -> str:
        said, until = b"", time.monotonic() + self.timeout
        with contextlib.suppress(TimeoutError, socket.timeout, OSError):
            while mark.encode() not in said and time.monotonic() < until and (more := channel.recv(4096)):
                said += more
        return said.decode(errors="replace").strip()

    def _receive(self, channel: paramiko.Channel, size: int) -> bytes:
        data = b""
        with contextlib.suppress(TimeoutError, socket.timeout, OSError):
            while len(data) < size and (more := channel.recv(4096)):
                data += more
        return data


def _string(text: str) -> bytes:
    return struct.pack(">I", len(text.encode())) + text.encode()
