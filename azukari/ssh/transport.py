"""paramiko's client, made fit for attempts: it says why a server hung up, and it never waits without end."""

import socket
import threading
import time
from types import TracebackType
from typing import Any, Self

import paramiko
from paramiko.auth_handler import AuthOnlyHandler
from paramiko.common import cMSG_CHANNEL_OPEN, cMSG_SERVICE_REQUEST
from paramiko.message import Message
from paramiko.transport import ServiceRequestingTransport

from azukari.errors import Unreachable

AnySocket = socket.socket | paramiko.Channel


class PromptAuthHandler(AuthOnlyHandler):
    """paramiko's authentication, ready for the answer before it asks.

    paramiko's own makes its event after the request is sent: an answer that is faster than this thread is lost, and the
    attempt ends in “Authentication timeout”, whatever the server said.
    """

    _event: threading.Event | None = None

    @property
    def auth_event(self) -> threading.Event | None:
        """What is set when an answer has come."""
        return self._event

    @auth_event.setter
    def auth_event(self, _event: threading.Event | None) -> None:
        """Keep the one that was made before the request."""

    def send_auth_request(self, *arguments: Any, **named: Any) -> list[str]:
        """Ask, and wait for the answer; see paramiko."""
        self._event = threading.Event()
        left: list[str] = super().send_auth_request(*arguments, **named)
        return left


class AttemptTransport(ServiceRequestingTransport):
    """A client's side of one SSH connection.

    Attributes:
        hung_up: the reason that the server gave when it ended the connection; empty as long as it gave none.
        silent: whether the handshake failed because the server said nothing, rather than because it hung up.
    """

    def __init__(self, connection: AnySocket, timeout: float) -> None:
        super().__init__(connection)
        self.hung_up = ""
        self.silent = False
        self.open_payload = b""  # what follows in the next channel's opening; see `open_special`
        self._patience = timeout
        self._accepted = threading.Event()
        self._gss_kex_used = False
        self.banner_timeout = self.handshake_timeout = self.auth_timeout = self.channel_timeout = timeout

    def start(self, *arguments: Any) -> None:
        """Start the thread as a daemon: an attempt must not keep the program alive."""
        self.daemon = True
        super().start(*arguments)

    def shake_hands(self) -> None:
        """Agree on keys.

        Raises:
            Unreachable: no agreement within the timeout.
        """
        started = time.monotonic()
        try:
            self.start_client(timeout=self._patience)
        except (paramiko.SSHException, EOFError, OSError) as error:
            self.close()
            self.silent = time.monotonic() - started > 0.9 * self._patience
            if not self.silent:
                raise Unreachable(f"the SSH handshake failed: {self.hung_up or error}") from error
        if not self.initial_kex_done:
            self.close()
            self.silent = True
            raise Unreachable(f"the SSH handshake was not done after {self._patience:g} s")

    def ensure_session(self) -> None:
        """Ask once for the service of authentication (paramiko's own waits for ever when the server hangs up)."""
        if self._accepted.is_set():
            return
        message = Message()
        message.add_byte(cMSG_SERVICE_REQUEST)
        message.add_string("ssh-userauth")
        self._send_message(message)  # type: ignore[attr-defined]  # the stubs lack it
        if not self._accepted.wait(self._patience):
            raise paramiko.SSHException(self.hung_up or "the server did not start authentication")
        self.auth_handler = self.get_auth_handler()

    @property
    def answered(self) -> bool:
        """Whether the server has answered the last request to be let in."""
        event = self.auth_handler.auth_event if self.auth_handler else None
        return event is not None and event.is_set()

    def get_auth_handler(self) -> PromptAuthHandler:
        """Return who asks to be let in."""
        return PromptAuthHandler(self)

    def auth_none(self, username: str) -> list[str]:
        """Ask to be let in with nothing (paramiko's own fails before it asks)."""
        self.ensure_session()
        handler: Any = self.auth_handler
        left: list[str] = handler.send_auth_request(username, "none", lambda _message: None)
        return left

    def open_special(self, kind: str, payload: bytes) -> paramiko.Channel:
        """Open a channel of a kind that paramiko does not know.

        Args:
            kind: such as `direct-streamlocal@openssh.com`.
            payload: what the kind's opening message carries, encoded.

        Raises:
            paramiko.SSHException: refused.
        """
        self.open_payload = payload
        channel: paramiko.Channel = self.open_channel(kind, timeout=self._patience)
        return channel

    def _send_user_message(self, message: Message) -> None:
        if self.open_payload and message.asbytes()[:1] == cMSG_CHANNEL_OPEN:
            message.add_bytes(self.open_payload)
            self.open_payload = b""
        super()._send_user_message(message)  # type: ignore[misc]  # the stubs lack it

    def _parse_service_accept(self, _message: Message) -> None:
        self._accepted.set()

    def _parse_disconnect(self, message: Message) -> None:
        message.get_int()
        self.hung_up = message.get_text() or "no reason given"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
