"""Runs ansible-playbook and returns what happened, host by host and task by task."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from azukari.content import content
from azukari.errors import OwnFault
from azukari.site import Site

_PLUGINS = Path(__file__).resolve().parent / "ansible"
ENDED_BADLY = frozenset({"failed", "unreachable"})


@dataclass(frozen=True)
class Event:
    """One task's result on one host; `status` is ok, changed, failed, ignored, skipped or unreachable."""

    host: str
    role: str
    task: str
    status: str
    seconds: float
    message: str = ""
    rolled_back: str = ""
    paths: tuple[str, ...] = ()
    diff: str = ""


@dataclass
class Outcome:
    """All events of one run of a playbook."""

    events: list[Event] = field(default_factory=list)

    @property
    def changes(self) -> list[Event]:
        """The tasks that changed something, or would have."""
        return [e for e in self.events if e.status == "changed"]

    @property
    def faults(self) -> list[Event]:
        """The tasks that failed, and the hosts that could not be reached."""
        return [e for e in self.events if e.status in ENDED_BADLY]


def run_playbook(
    site: Site,
    playbook: str,
    hosts: Iterable[str],
    ssh_config: Path,
    *,
    check: bool = False,
    tags: Iterable[str] = (),
    plain: bool = False,
    first_contact: bool = False,
    root_password: str | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Outcome:
    """Run one of azukari's playbooks on some hosts of a site.

    Args:
        site: the declared site.
        playbook: name below `playbooks/`.
        hosts: names of hosts.
        ssh_config: the configuration by which they are reached.
        check: ask only what would change.
        tags: roles to run; all when empty.
        plain: stock Ansible instead of mitogen's strategy.
        first_contact: the connection is root's, not automation's.
        root_password: for first contact by password, in place of a key.
        on_event: called with each result as it comes.

    Raises:
        OwnFault: Ansible did not start or died.
    """
    with tempfile.TemporaryDirectory(prefix="azukari-run-") as folder:
        pipe = Path(folder) / "events"
        os.mkfifo(pipe, 0o600)
        command = [sys.executable, "-m", "ansible.cli.playbook", "-i", str(site.path), "--limit", ",".join(hosts)]
        command += [str(content(f"playbooks/{playbook}")), "--diff", *(["--check"] if check else [])]
        command += ["--tags", ",".join(tags)] if tags else []
        settings = Path(folder) / "ansible.cfg"  # empty: neither the user's nor a folder's own settings count
        settings.write_text("[defaults]\n")
        environment = _environment(settings, pipe, ssh_config, plain=plain, first_contact=first_contact)
        if root_password is not None:
            environment["AZUKARI_ROOT_PASSWORD"] = root_password
            # Ansible has ssh ask the program `ansible` for the password, and looks for it on the path.
            environment["PATH"] = os.pathsep.join(
                [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
            )
        with (Path(folder) / "said").open("w+b") as said:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            try:
                outcome = _follow(process, pipe, on_event)
            except BaseException:
                process.terminate()
                process.wait()
                raise
            if process.returncode not in (0, 2, 4) or (process.returncode and not outcome.faults):
                said.seek(0)
                last = said.read().decode(errors="replace").strip()[-3000:]
                raise OwnFault(f"Ansible ended with code {process.returncode}: {last}")
    return outcome


def _follow(process: "subprocess.Popen[bytes]", pipe: Path, on_event: Callable[[Event], None] | None) -> Outcome:
    """Read events until the process has ended; opened both ways, so that an Ansible that never starts blocks nobody."""
    outcome = Outcome()
    descriptor = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    rest = b""
    try:
        while True:
            try:
                process.wait(timeout=0.05)
                ended = True
            except subprocess.TimeoutExpired:
                ended = False
            while chunk := _read(descriptor):
                rest += chunk
            *lines, rest = rest.split(b"\n")
            for line in lines:
                given = json.loads(line)
                if "host" in given:
                    event = Event(**{**given, "paths": tuple(given.get("paths", ()))})
                    outcome.events.append(event)
                    if on_event:
                        on_event(event)
            if ended:
                return outcome
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b""


def _environment(settings: Path, pipe: Path, ssh_config: Path, *, plain: bool, first_contact: bool) -> dict[str, str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    package = str(Path(__file__).resolve().parents[2])
    environment |= {
        "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")])),
        "AZUKARI_EVENTS": str(pipe),
        "AZUKARI_SSH_CONFIG": str(ssh_config),
        "ANSIBLE_CONFIG": str(settings),
        "ANSIBLE_ROLES_PATH": str(content("roles")),
        "ANSIBLE_ACTION_PLUGINS": str(_PLUGINS / "action"),
        "ANSIBLE_LIBRARY": str(_PLUGINS / "modules"),
        "ANSIBLE_VARS_PLUGINS": str(_PLUGINS / "vars"),
        "ANSIBLE_VARS_ENABLED": "host_group_vars,azukari_site",
        "ANSIBLE_CALLBACK_PLUGINS": str(_PLUGINS / "callback"),
        "ANSIBLE_STDOUT_CALLBACK": "azukari_events",
        "ANSIBLE_PIPELINING": "True",
        # Modules' arguments, files' contents among them, are no lines of a host's journal (LEAK-26).
        "ANSIBLE_NO_TARGET_SYSLOG": "True",
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        "ANSIBLE_FORKS": "10",
        "ANSIBLE_TIMEOUT": "40",  # seconds to connect; many hosts at once on a small controller are slow
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_INVENTORY_IGNORE": "~, .orig, .bak, .txt, .sig, .pub, .pem",
        "ANSIBLE_INVENTORY_IGNORE_REGEX": r"^keys$, ^secrets$, ^approval\.",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "LC_ALL": "C.UTF-8",
    }
    if first_contact:
        environment["AZUKARI_FIRST_CONTACT"] = "1"
    if not plain:
        environment |= {"ANSIBLE_STRATEGY": "mitogen_azukari", "ANSIBLE_STRATEGY_PLUGINS": str(_PLUGINS / "strategy")}
    return environment
