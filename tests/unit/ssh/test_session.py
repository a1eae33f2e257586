"""What an account gives, against a real sshd: open, and shut as the bastion's jump account is."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import SSHCertificateBuilder, SSHCertificateType
from paramiko.common import cMSG_USERAUTH_REQUEST
from paramiko.message import Message

from azukari.errors import Unreachable
from azukari.ssh import keys
from azukari.ssh.kexinit import handshake
from azukari.ssh.outside import Credential, Jump, Login, Target, connect, login, logins_at
from azukari.ssh.session import Session
from azukari.ssh.transport import AttemptTransport, PromptAuthHandler
from tests.unit.ssh.private_sshd import SSHD, PrivateSshd

pytestmark = pytest.mark.skipif(SSHD is None, reason="not applicable: sshd is not installed (openssh-server)")

GUESS = "a guess"
OPEN = "AllowAgentForwarding yes\nPermitTTY yes\nAllowStreamLocalForwarding yes\nAcceptEnv LD_PRELOAD\n"
OPEN += "Subsystem sftp internal-sftp\nAllowTcpForwarding yes"
JUMP = "AllowTcpForwarding local\nAllowAgentForwarding no\nAllowStreamLocalForwarding no\nPermitTunnel no\n"
JUMP += "X11Forwarding no\nPermitTTY no\nForceCommand /usr/sbin/nologin\nSubsystem sftp internal-sftp\n"
JUMP += "PermitOpen 127.0.0.1:{port}"


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _serve(folder: Path, settings: str) -> tuple[PrivateSshd, Credential]:
    ca, key = keys.new_key(), keys.new_key()
    server = PrivateSshd(folder, keys.public_text(ca), ["someone"], None, settings)
    now = datetime.now(UTC)
    builder = (
        SSHCertificateBuilder()
        .public_key(key.public_key())
        .type(SSHCertificateType.USER)
        .serial(1)
        .key_id(b"t/t")
        .valid_principals([b"someone"])
        .valid_after(int((now - timedelta(minutes=1)).timestamp()))
        .valid_before(int((now + timedelta(minutes=5)).timestamp()))
    )
    for extension in (b"permit-X11-forwarding", b"permit-agent-forwarding", b"permit-port-forwarding", b"permit-pty"):
        builder = builder.add_extension(extension, b"")
    keys.write_closed(folder / "key", keys.private_text(key))
    (folder / "key-cert.pub").write_bytes(builder.sign(ca).public_bytes())
    return server, Credential.from_files("someone", folder / "key", folder / "key-cert.pub")


def test_an_answer_that_comes_at_once_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the server's answer is there before the thread that asked goes on."""
    send = AttemptTransport._send_message

    def busy(self: AttemptTransport, message: Message) -> None:
        send(self, message)
        if message.asbytes()[:1] == cMSG_USERAUTH_REQUEST:
            time.sleep(0.5)

    monkeypatch.setattr(AttemptTransport, "_send_message", busy)
    served, credential = _serve(tmp_path / "s", "")
    with served as server:
        answer = login(Target("127.0.0.1", server.user, server.port), credential, timeout=2)
    assert answer.accepted, answer


def test_a_late_answer_is_none_and_is_not_taken_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that lets somebody in after we stopped waiting has refused nobody."""
    parse = PromptAuthHandler._parse_userauth_success

    def late(self: PromptAuthHandler, message: Message) -> None:
        time.sleep(1.5)
        parse(self, message)

    monkeypatch.setattr(PromptAuthHandler, "_parse_userauth_success", late)
    served, credential = _serve(tmp_path / "s", "")
    with served as server, pytest.raises(Unreachable, match="hung up without an answer"):
        login(Target("127.0.0.1", server.user, server.port), credential, timeout=0.7)


def test_an_open_account_gives_what_is_asked(tmp_path: Path, listener: int) -> None:
    served, credential = _serve(tmp_path / "s", OPEN)
    with (
        served as server,
        socket.socket(socket.AF_UNIX) as local,
        connect(Target("127.0.0.1", server.user, server.port), credential) as transport,
    ):
        local.bind(str(tmp_path / "socket"))
        local.listen()
        tried = Session(transport).everything([("127.0.0.1", listener)], str(tmp_path / "socket"))
    allowed = {attempt.what for attempt in tried if attempt.allowed}
    refused = {attempt.what for attempt in tried} - allowed
    # No tunnel device, and no xauth on a server: these two are refused whatever the settings say.
    assert refused <= {"network tunnel", "X11 forwarding"}, tried


def test_a_jump_account_gives_forwards_to_declared_hosts_and_nothing_else(tmp_path: Path, listener: int) -> None:
    served, credential = _serve(tmp_path / "s", JUMP.format(port=listener))
    with served as server, connect(Target("127.0.0.1", server.user, server.port), credential) as transport:
        forwards = [("127.0.0.1", listener), ("127.0.0.1", server.port), ("127.0.0.2", listener)]
        tried = Session(transport, timeout=1).everything(forwards, str(tmp_path / "socket"))
    assert {a.what for a in tried if a.allowed} == {f"forward to 127.0.0.1 port {listener}"}, tried
    assert len(tried) == 13


def test_a_forward_that_is_allowed_but_finds_nobody_counts_as_allowed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    served, credential = _serve(tmp_path / "s", OPEN)
    with served as server, connect(Target("127.0.0.1", server.user, server.port), credential) as transport:
        attempt = Session(transport).forward("127.0.0.1", port)
    assert (attempt.allowed, attempt.message) == (True, "allowed, but nobody answered there")


def test_through_a_jump_and_the_dead_hold_up_nobody(tmp_path: Path) -> None:
    first, way = _serve(tmp_path / "jump", OPEN)
    second, credential = _serve(tmp_path / "server", OPEN)
    with first, second, Jump("127.0.0.1", first.user, way, first.port) as jump:
        behind = Target("127.0.0.1", second.user, second.port, via=jump)
        dead = Target("127.0.0.1", second.user, 1, via=jump)
        found = logins_at([behind, dead], [Credential("password", password=GUESS), credential])
    assert [a.outcome for a in _answers(found[behind])] == ["refused", "accepted"]
    assert isinstance(found[dead], Unreachable)


def _answers(found: list[Login] | Unreachable) -> list[Login]:
    assert not isinstance(found, Unreachable), found
    return found


def test_passwords_dialogues_and_nothing_are_refused_with_the_methods_that_go_on(tmp_path: Path) -> None:
    served, _ = _serve(tmp_path / "s", OPEN)
    with served as server:
        target = Target("127.0.0.1", server.user, server.port)
        answers = [
            login(target, Credential("nothing")),
            login(target, Credential("password", password=GUESS)),
            login(target, Credential("dialogue", password=GUESS, interactive=True)),
        ]
    assert [(a.outcome, a.methods_offered) for a in answers] == [("refused", ("publickey",))] * 3


def test_a_server_that_is_no_ssh_server_is_unreachable_not_refusing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        target = Target("127.0.0.1", "root", mute.getsockname()[1])
        with pytest.raises(Unreachable):
            login(target, Credential("nothing"), timeout=0.5)
        with pytest.raises(Unreachable):
            handshake("127.0.0.1", mute.getsockname()[1], timeout=0.5)


def test_the_offer_is_what_the_server_was_told_to_offer(tmp_path: Path) -> None:
    settings = "KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256\nCiphers aes256-gcm@openssh.com\n"
    served, _ = _serve(tmp_path / "s", settings + "MACs hmac-sha2-512-etm@openssh.com\nCompression no")
    with served as server:
        offer = handshake("127.0.0.1", server.port)
    assert offer.kex == ("sntrup761x25519-sha512@openssh.com", "curve25519-sha256")
    assert offer.ciphers == ("aes256-gcm@openssh.com",)
    assert offer.macs == ("hmac-sha2-512-etm@openssh.com",)
    assert offer.host_key_algorithms == ("ssh-ed25519",)
    assert offer.compression == ("none",)
    assert offer.version.startswith("SSH-2.0-OpenSSH")
