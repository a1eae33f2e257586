"""A real sshd of this machine's own, on loopback, as the user who runs the tests; it ends with the test."""

import getpass
import shutil
import socket
import subprocess
import time
from pathlib import Path

from azukari.ssh import keys

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")


class PrivateSshd:
    """One server; `settings` come first in its configuration, where sshd takes the first value of each."""

    def __init__(
        self, folder: Path, user_ca: str, principals: list[str], krl: bytes | None, settings: str = ""
    ) -> None:
        self.folder, self.user = folder, getpass.getuser()
        folder.mkdir(parents=True, exist_ok=True)
        self.host_key = keys.new_key()
        keys.write_closed(folder / "host_key", keys.private_text(self.host_key))
        (folder / "user_ca.pub").write_text(user_ca)
        (folder / "principals").write_text("".join(f"{name}\n" for name in principals))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        revoked = ""
        if krl is not None:
            (folder / "revoked.krl").write_bytes(krl)
            revoked = f"RevokedKeys {folder}/revoked.krl\n"
        (folder / "config").write_text(
            f"{settings}\n{revoked}Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\n"
            f"TrustedUserCAKeys {folder}/user_ca.pub\nAuthorizedPrincipalsFile {folder}/principals\n"
            "AuthorizedKeysFile none\nAuthenticationMethods publickey\nPermitRootLogin prohibit-password\n"
            f"PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\n"
            f"LogLevel DEBUG2\nPidFile {folder}/pid\nMaxAuthTries 6\n"
        )

    def __enter__(self) -> "PrivateSshd":
        if getpass.getuser() == "root":
            Path("/run/sshd").mkdir(exist_ok=True)  # where sshd separates its privileges
        self.log_file = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(
            [str(SSHD), "-D", "-e", "-f", str(self.folder / "config")],
            stdin=subprocess.DEVNULL,
            stdout=self.log_file,
            stderr=self.log_file,
        )
        until = time.monotonic() + 10
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"sshd did not start: {self.log()}")
            time.sleep(0.02)

    def __exit__(self, *_error: object) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.log_file.close()

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")
