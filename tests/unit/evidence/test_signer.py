"""One interface for key files and for the ssh-agent."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from azukari.errors import InputError
from azukari.evidence.signer import fingerprint, load, public_key

ENCRYPTED = BestAvailableEncryption(b"correct horse")
FORMS = {
    "PKCS#8": (PrivateFormat.PKCS8, NoEncryption()),
    "PKCS#8, encrypted": (PrivateFormat.PKCS8, ENCRYPTED),
    "OpenSSH": (PrivateFormat.OpenSSH, NoEncryption()),
    "OpenSSH, encrypted": (PrivateFormat.OpenSSH, ENCRYPTED),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_key_file_signs(form: str, tmp_path: Path) -> None:
    path = _key_file(tmp_path, *FORMS[form])
    signer = load(path, lambda: "correct horse")
    signer.public_key.verify(signer.sign(b"data"), b"data")


def test_a_wrong_passphrase_is_a_sentence(tmp_path: Path) -> None:
    path = _key_file(tmp_path, PrivateFormat.PKCS8, ENCRYPTED)
    with pytest.raises(InputError, match="passphrase or the file is wrong"):
        load(path, lambda: "wrong")


def test_an_encrypted_key_with_nobody_to_ask_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nobody to ask"):
        load(_key_file(tmp_path, PrivateFormat.PKCS8, ENCRYPTED))


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ec.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(InputError, match="not an Ed25519 key"):
        load(path)


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_rubbish_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(InputError):
        load(path)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        load(tmp_path / "nowhere")


def test_a_private_key_is_not_taken_for_a_public_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a private key"):
        public_key(_key_file(tmp_path, PrivateFormat.PKCS8, NoEncryption()))


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    said = subprocess.run(
        ["ssh-agent", "-s", "-a", str(tmp_path / "agent")], capture_output=True, text=True, check=True
    )
    found = re.search(r"SSH_AGENT_PID=(\d+)", said.stdout)
    assert found
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    yield
    os.kill(int(found[1]), 15)


@pytest.mark.usefixtures("agent")
class TestAgent:
    def test_a_held_key_signs(self, tmp_path: Path) -> None:
        path = _openssh_pair(tmp_path)
        subprocess.run(["ssh-add", "-q", str(path)], check=True)
        path.unlink()  # only the agent has it now
        signer = load(path.with_suffix(".pub"))
        signer.public_key.verify(signer.sign(b"data"), b"data")

    def test_a_key_that_is_not_held_is_named(self, tmp_path: Path) -> None:
        path = _openssh_pair(tmp_path)
        with pytest.raises(InputError, match=re.escape(fingerprint(public_key(path.with_suffix(".pub"))))):
            load(path.with_suffix(".pub"))


def test_the_fingerprint_is_ssh_keygens(tmp_path: Path) -> None:
    path = _openssh_pair(tmp_path).with_suffix(".pub")
    said = subprocess.run(["ssh-keygen", "-l", "-f", str(path)], capture_output=True, text=True, check=True)
    assert fingerprint(public_key(path)) in said.stdout


def _openssh_pair(folder: Path) -> Path:
    path = folder / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def _key_file(folder: Path, form: PrivateFormat, encryption: KeySerializationEncryption) -> Path:
    path = folder / "key.pem"
    path.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, form, encryption))
    return path
