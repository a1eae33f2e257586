"""A server on which nothing is installed, asked by plain `ssh` with the user's own configuration and agent.

The facts program is piped in and its output read; everything else runs there as `nobody`. Nothing is written: not on
the server, and not into the user's known hosts. The server's key is shown, and the evidence says that nobody vouches
for it.
"""

import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from azukari.errors import InputError, NotJudged, Unreachable
from azukari.verify import facts as facts_of
from azukari.verify.channel import ANSWER_SECONDS, Answer, Argv
from azukari.verify.facts import Facts

CONNECT_SECONDS = 10
RELEASES = ("12", "13")  # of Debian
_ALLOWED_TO_NOBODY = (
    "setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all --reset-env --"
)


class PlainSshChannel:
    """One lone host; see Channel.

    Args:
        target: `root@ADDRESS` or `root@ADDRESS:PORT`; an IPv6 address with a port in brackets.

    Attributes:
        address: as given.
        port: of its sshd.
        fingerprint: of its host key, as `SHA256:…`, once connected.
        known: whether this machine's ssh knew the key before.

    Raises:
        InputError: the target is not such a one.
    """

    def __init__(self, target: str) -> None:
        found = re.fullmatch(
            r"(?:([^@\s]+)@)?(?:\[([0-9A-Fa-f:.%\w]+)\](?::(\d+))?|([^\s:@\[\]]+)(?::(\d+))?|([0-9A-Fa-f:]+))", target
        )
        if not found or target.startswith("-"):
            raise InputError(f"“{target}” is not a host: write root@ADDRESS or root@ADDRESS:PORT.")
        self.user = found[1] or "root"
        self.address = found[2] or found[4] or found[6]
        self.port = int(found[3] or found[5] or 22)
        odd = re.search(r"[^\w.:%-]", f"{self.user}{self.address}") or not 0 < self.port < 65536
        if odd or self.address.startswith("-") or self.user.startswith("-"):
            raise InputError(f"“{target}” is not a host: write root@ADDRESS or root@ADDRESS:PORT.")
        self.vantage = f"nobody on {self.address}, over plain ssh"
        self.fingerprint = ""
        self.known = False
        self._port_given = bool(found[3] or found[5])
        self._folder: Path | None = None

    @property
    def identity(self) -> str:
        """How sure it is that this is the host that was meant."""
        if not self.fingerprint:
            return "host identity unproven: no host key was seen"
        shown = f"host key {self.fingerprint}"
        if self.known:
            return f"host identity unproven: {shown} is known to this machine's ssh, but declared by nobody"
        return f"host identity unproven: {shown} was seen for the first time"

    def open(self) -> None:
        """Open one connection for the whole run, and refuse what azukari does not judge.

        Raises:
            Unreachable: ssh does not get in; with its own words.
            InputError: not Debian 12 or 13, or not root.
        """
        if self._folder is not None:
            return
        self._folder = Path(tempfile.mkdtemp(prefix="azukari-"))
        log = self._folder / "ssh.log"
        argv = [*self._ssh(), "-v", "-E", str(log), "-M", "-N", "-f", self._destination()]
        # Not with pipes: the connection goes on in the background and would hold them open. A question (passphrase,
        # one-time code) goes to the terminal by ssh itself.
        opened = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        said = log.read_text(errors="replace") if log.exists() else ""
        key = re.search(r"Server host key: \S+ (SHA256:\S+)", said)
        self.fingerprint = key[1] if key else ""
        if opened.returncode != 0:
            lines = [
                line for line in said.splitlines() if line and not line.startswith(("debug", "OpenSSH", "@", "    "))
            ]
            self.close()
            raise Unreachable(
                f"{self.address} does not let us in: {lines[-1].strip() if lines else 'ssh said nothing'}"
            )
        self.known = not (self._folder / "known_hosts").exists()
        self._refuse_others()

    def close(self) -> None:
        """End the connection and remove its folder; may be called twice."""
        if self._folder is None:
            return
        subprocess.run(
            [*self._ssh(), "-O", "exit", self._destination()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None

    def snapshot(self, commands: Sequence[Argv]) -> tuple[Facts, list[Answer]]:
        """Pipe the facts program in; see Channel."""
        answer = self._run("exec python3 -I -", ANSWER_SECONDS, facts_of.program().encode())
        if answer.exit_code == 127:
            raise NotJudged(
                f"{self.address} has no python3, with which the facts are asked: `apt install python3` there."
            )
        if answer.exit_code != 0:
            last = (answer.stderr.strip().splitlines() or ["no message"])[-1]
            raise NotJudged(f"The facts program ended with {answer.exit_code} on {self.address}: {last}")
        return Facts(facts_of.parse(answer.stdout)), [self.answer(argv, 15.0) for argv in commands]

    def answer(self, argv: Argv, seconds: float, given: bytes = b"") -> Answer:
        """Run one command as nobody; see Channel."""
        line = f"cd / && exec timeout {seconds:.0f} {_ALLOWED_TO_NOBODY} {shlex.join(argv)}"
        return self._run(line, seconds + 5, given)

    def _refuse_others(self) -> None:
        answer = self._run("id -u; cat /etc/os-release", 15.0)
        uid, _, release = answer.stdout.partition("\n")
        found = dict(line.split("=", 1) for line in release.replace('"', "").splitlines() if "=" in line)
        runs = found.get("PRETTY_NAME") or found.get("ID") or "an unknown system"
        refused = ""
        if found.get("ID") != "debian" or found.get("VERSION_ID") not in RELEASES:
            refused = f"{self.address} runs {runs}; azukari judges Debian {' and '.join(RELEASES)}."
        elif uid.strip() != "0":
            refused = f"“{self.user}” is not root on {self.address}: what matters is seen by root only."
        if refused:
            self.close()
            raise InputError(refused)

    def _run(self, line: str, seconds: float, given: bytes = b"") -> Answer:
        try:
            done = subprocess.run(
                [*self._ssh(), "-T", self._destination(), line],
                input=given,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unreachable(f"{self.address} did not answer within {seconds:.0f} s.") from None
        if done.returncode == 255:
            raise Unreachable(f"{self.address} stopped answering: {done.stderr.decode(errors='replace').strip()}")
        return Answer(done.returncode, done.stdout, done.stderr)

    def _destination(self) -> str:
        return f"{self.user}@{self.address}"

    def _ssh(self) -> list[str]:
        """Return ssh as the user has it, but with a connection of its own and a place of its own for a new key."""
        folder = self._folder or Path("/nonexistent")
        home = Path.home() / ".ssh"
        known = f"{folder}/known_hosts {home}/known_hosts {home}/known_hosts2"
        options = {
            "ControlPath": f"{folder}/way",
            "ControlPersist": "no",
            "ConnectTimeout": str(CONNECT_SECONDS),
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": known,
            "HashKnownHosts": "no",
            "ForwardAgent": "no",
            "ForwardX11": "no",
            "ClearAllForwardings": "yes",
            "RemoteCommand": "none",
        }
        argv = ["ssh", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]
        return [*argv, "-p", str(self.port)] if self._port_given else argv
