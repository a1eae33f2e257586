"""The lab itself, with real hosts: fast, faithful, repairable, and gone without a trace."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from azukari.cli import lab_site
from azukari.lab import Lab, process, record
from azukari.lab.commands import LabFault
from azukari.lab.image import RECIPE, cached
from azukari.lab.layout import layout
from azukari.site import Site, holders_dir, load
from tests import provisioned

pytestmark = pytest.mark.lab
NUMBER, OTHER_NUMBER = 72, 172
READY_SECONDS, RESET_SECONDS = 10.0, 3.0
# linux/capability.h: what a host must not have, as these reach beyond it.
WITHHELD = {"CAP_SYS_MODULE": 16, "CAP_SYS_BOOT": 22, "CAP_SYS_TIME": 25}


def declared(folder: Path, number: int) -> Site:
    provisioned.declare(folder, number)
    lab_site.complete(folder, None, None, ())
    return load(folder)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = os.environ.get("AZUKARI_HOME")
    folder = tmp_path_factory.mktemp("home")
    os.environ["AZUKARI_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["AZUKARI_HOME"]
    else:
        os.environ["AZUKARI_HOME"] = before


@pytest.fixture(scope="module")
def untouched(home: Path) -> dict[str, set[str]]:
    """The machine before this module's lab."""
    return machine()


@pytest.fixture(scope="module")
def lab(home: Path, untouched: dict[str, set[str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab.of(declared(tmp_path_factory.mktemp("site") / "site", NUMBER))
    lab.down()  # what an interrupted run left
    lab.up()
    yield lab
    lab.down()


def text(lab: Lab, host: str, *argv: str) -> str:
    done = lab.run(host, argv)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def reaches(lab: Lab, host: str, address: str) -> bool:
    """Tell whether a host reaches an address by one packet of three: a single one came too late once."""
    return lab.run(host, ["ping", "-c3", "-i0.3", "-W2", address]).returncode == 0  # one answer will do


def azukari(site: Path, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "AZUKARI_SITE": str(site), "PYTHONPATH": str(provisioned.REPOSITORY)}
    argv = [sys.executable, "-m", "azukari", *arguments]
    return subprocess.run(argv, input=data, capture_output=True, env=environment, timeout=60, check=False)


def folder(lab: Lab) -> Path:
    return Path(record.read(lab.layout)["folder"])


# --- what a host is


def test_a_host_is_a_freshly_installed_debian_13(lab: Lab) -> None:
    assert "VERSION_CODENAME=trixie" in text(lab, "web", "cat", "/etc/os-release")
    assert text(lab, "web", "hostname").strip() == "web"
    assert text(lab, "web", "systemctl", "is-system-running").strip() == "running"
    assert text(lab, "web", "dpkg", "--audit") == ""
    assert text(lab, "web", "find", "/home", "-mindepth", "1") == ""


def test_its_addresses_are_the_declared_ones(lab: Lab) -> None:
    found = json.loads(text(lab, "db", "ip", "-j", "address", "show", "dev", "host0"))[0]["addr_info"]
    assert {one["local"] for one in found if one["scope"] == "global"} == {"198.18.72.13", "2001:2:0:72::13"}


@pytest.mark.parametrize("address", ["198.18.72.13", "2001:2:0:72::13", "198.18.72.1", "2001:2:0:72::1"])
def test_hosts_and_the_controller_see_each_other(lab: Lab, address: str) -> None:
    assert reaches(lab, "web", address)


@pytest.mark.parametrize("address", ["198.18.72.11", "2001:2:0:72::11"])
def test_the_vantage_outside_sees_hosts_and_is_seen(lab: Lab, address: str) -> None:
    vantage = lab.outside()
    assert vantage.addresses == ("198.18.72.250", "2001:2:0:72::250")
    probe = f"import socket; print(socket.create_connection(('{address}', 22), 3).recv(7))"
    assert vantage.run([sys.executable, "-c", probe]).stdout.strip() == b"b'SSH-2.0'"
    seen = "198.18.72.250" if "." in address else "2001:2:0:72::250"
    assert reaches(lab, "web", seen)


def test_packages_can_be_had(lab: Lab) -> None:
    done = lab.run("app", ["apt-get", "-q", "update", "--error-on=any"], timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    assert "Candidate: 1." in text(lab, "app", "apt-cache", "policy", "nginx")


def test_root_logs_in_by_the_first_contact_key_to_the_declared_host_key(lab: Lab, tmp_path: Path) -> None:
    site = load(folder(lab))
    known = tmp_path / "known_hosts"
    known.write_text(f"198.18.72.11 {(site.path / 'keys' / 'hosts' / 'web.pub').read_text()}")
    key = holders_dir(site) / "contractor" / "first_contact"
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={known}", "IdentitiesOnly=yes"]
    argv = [
        "ssh",
        "-F",
        "none",
        "-i",
        str(key),
        *(f"-o{option}" for option in options),
        "root@198.18.72.11",
        "id",
        "-un",
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (0, "root\n"), done.stderr


@pytest.mark.parametrize("capability", WITHHELD)
def test_a_host_lacks_the_powers_that_reach_beyond_it(lab: Lab, capability: str) -> None:
    # Its own processes, and the commands that we run in it: these come from the machine, which has those powers.
    for status in ("/proc/1/status", "/proc/self/status"):
        bounds = re.search(r"CapBnd:\s*([0-9a-f]+)", text(lab, "web", "cat", status))
        assert bounds
        assert not int(bounds[1], 16) >> WITHHELD[capability] & 1


def test_a_host_cannot_fill_the_machine(lab: Lab) -> None:
    done = lab.run("mail", ["fallocate", "-l", "7G", "/root/large"])
    assert done.returncode != 0
    assert b"No space left" in done.stderr
    text(lab, "mail", "rm", "-f", "/root/large")


def test_services_of_two_hosts_share_no_control_group(lab: Lab) -> None:
    def group(host: str) -> str:
        found = process.running(lab.layout.host(host))
        assert found
        return Path(f"/proc/{found.leader}/cgroup").read_text()

    assert group("web") != group("app")


# --- commands


@pytest.mark.parametrize(
    ("argv", "code"),
    [(["true"], 0), (["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 137), (["/no/such/program"], 127)],
)
def test_the_exit_code_passes_through(lab: Lab, argv: list[str], code: int) -> None:
    assert azukari(folder(lab), "lab", "exec", "web", "--", *argv).returncode == code


def test_input_and_outputs_pass_through_as_they_are(lab: Lab) -> None:
    data = os.urandom(1 << 20) + b"\r\n\0\x04\x1a end"
    done = azukari(folder(lab), "lab", "exec", "web", "--", "sh", "-c", "echo aside >&2; cat", data=data)
    assert done.stdout == data
    assert done.stderr == b"aside\n"


def test_arguments_pass_through_as_they_are(lab: Lab) -> None:
    odd = ["a b", "", "$HOME", "'\"", "new\nline", "--limit", "日本"]
    done = azukari(folder(lab), "lab", "exec", "web", "--", "python3", "-c", "import sys; print(sys.argv[1:])", *odd)
    assert done.stdout.decode() == f"{odd}\n"


def test_a_command_sees_the_host_and_nothing_of_the_caller(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLERS_SECRET", "x")
    found = dict(line.split("=", 1) for line in text(lab, "web", "env").splitlines())
    assert "CALLERS_SECRET" not in found
    assert found["HOME"] == "/root"
    assert found["PATH"].startswith("/usr/local/sbin:")
    assert text(lab, "web", "pwd") == "/\n"
    assert "lab-exec.scope" in text(lab, "web", "cat", "/proc/self/cgroup") or Path("/run/systemd/system").is_dir()


def test_a_command_that_takes_too_long_is_ended_with_its_children(lab: Lab) -> None:
    with pytest.raises(LabFault, match="on web did not end within 1 s"):
        lab.run("web", ["sh", "-c", "sleep 4321 & sleep 4321"], timeout=1)
    time.sleep(0.2)
    assert lab.run("web", ["pgrep", "-f", "sleep 4321"]).returncode == 1


def test_wrong_use_is_said_in_a_sentence(lab: Lab) -> None:
    done = azukari(folder(lab), "lab", "exec", "nosuch", "--", "true")
    assert done.returncode == 3
    assert "declares no host “nosuch”; it has bastion, web" in done.stderr.decode()
    done = azukari(folder(lab), "lab", "reset")
    assert (done.returncode, done.stderr.decode()) == (3, "error: Name the hosts to reset, or give --all.\n")


def test_status_as_json(lab: Lab) -> None:
    found = json.loads(azukari(folder(lab), "lab", "status", "--json").stdout)
    assert [(host["name"], host["address"]) for host in found["hosts"]][:2] == [
        ("bastion", "198.18.72.10"),
        ("web", "198.18.72.11"),
    ]
    assert {host["state"] for host in found["hosts"]} == {"up"}


# --- up, again and again


def pids(lab: Lab) -> dict[str, int | None]:
    return {host.name: host.pid for host in lab.status()}


def test_up_again_leaves_running_hosts_alone(lab: Lab) -> None:
    before = pids(lab)
    lab.up()
    assert pids(lab) == before


def test_up_repairs_a_lab_that_is_half_dead(lab: Lab) -> None:
    before = pids(lab)
    supervisor, leader = process.running(lab.layout.host("db")), process.running(lab.layout.host("log"))
    assert supervisor
    assert leader
    text(lab, "db", "touch", "/root/kept")
    os.kill(supervisor.nspawn, signal.SIGKILL)
    os.kill(leader.leader, signal.SIGKILL)
    text(lab, "app", "systemctl", "stop", "ssh.service")
    for argv in (["ip", "link", "delete", lab.layout.bridge], ["ip", "netns", "delete", lab.layout.namespace]):
        subprocess.run(argv, check=True, timeout=10)
    subprocess.run(["nft", "delete", "table", "inet", lab.layout.table], check=True, timeout=10)
    lab.up()
    assert {host.state for host in lab.status()} == {"up"}
    after = pids(lab)
    assert {name for name in after if after[name] == before[name]} == {"bastion", "web", "mail", "vault"}
    text(lab, "db", "ls", "/root/kept")
    for address in ("198.18.72.13", "198.18.72.16", "2001:2:0:72::11", "198.18.72.250"):
        assert reaches(lab, "bastion", address)


@pytest.mark.parametrize("seconds", [0.6, 1.2, 2.0])
def test_up_that_was_killed_half_way_is_finished_by_the_next(lab: Lab, seconds: float) -> None:
    site = folder(lab)
    lab.down()
    environment = {**os.environ, "PYTHONPATH": str(provisioned.REPOSITORY)}
    script = f"from azukari.site import load\nfrom azukari.lab import Lab\nlab = Lab.of(load({str(site)!r}))\n"
    script += "print(flush=True)\nlab.up()\n"
    with subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE) as interrupted:
        assert interrupted.stdout
        interrupted.stdout.readline()
        time.sleep(seconds)
        interrupted.kill()
    lab.up()
    assert {host.state for host in lab.status()} == {"up"}
    assert reaches(lab, "web", "198.18.72.13")


# --- reset and snapshot


def test_reset_without_a_snapshot_gives_a_fresh_host(lab: Lab) -> None:
    key = text(lab, "web", "cat", "/etc/ssh/ssh_host_ed25519_key.pub")
    # An immutable file, and one that is in use, must not be in the way.
    text(lab, "web", "sh", "-c", "touch /root/mark; chattr +i /root/mark; rm -rf /usr/share/doc /etc/apt")
    took = timed_reset(lab, "web")
    assert lab.run("web", ["ls", "/root/mark"]).returncode == 2
    text(lab, "web", "ls", "/etc/apt/sources.list.d/debian.sources")
    assert text(lab, "web", "cat", "/etc/ssh/ssh_host_ed25519_key.pub") == key
    assert took <= RESET_SECONDS


def test_reset_returns_to_the_newest_snapshot(lab: Lab) -> None:
    text(lab, "web", "sh", "-c", "echo first >/root/mark; rm /etc/motd; mkdir /srv/a; touch /srv/a/b")
    lab.snapshot("web")
    assert text(lab, "web", "cat", "/root/mark") == "first\n"
    text(lab, "web", "sh", "-c", "echo second >/root/mark; rm -r /srv/a; touch /etc/motd")
    lab.snapshot(["web"])
    text(lab, "web", "sh", "-c", "echo third >/root/mark; mkdir /srv/a; touch /srv/a/c")
    assert timed_reset(lab, "web") <= RESET_SECONDS
    assert text(lab, "web", "cat", "/root/mark") == "second\n"
    assert lab.run("web", ["ls", "/srv/a"]).returncode == 2
    text(lab, "web", "ls", "/etc/motd")
    lab.reset("web", to="fresh")
    assert lab.run("web", ["ls", "/root/mark"]).returncode == 2
    assert next(host.snapshots for host in lab.status() if host.name == "web") == 0


def timed_reset(lab: Lab, host: str) -> float:
    started = time.monotonic()
    lab.reset(host)
    return time.monotonic() - started


def test_a_restart_keeps_what_was_written(lab: Lab) -> None:
    text(lab, "app", "sh", "-c", "echo kept >/var/lib/mark; echo gone >/run/mark")
    lab.restart("app")
    assert text(lab, "app", "cat", "/var/lib/mark") == "kept\n"
    assert lab.run("app", ["ls", "/run/mark"]).returncode == 2


# --- other labs, and the end


def test_two_labs_side_by_side_do_not_disturb_each_other(lab: Lab, tmp_path: Path) -> None:
    other = Lab.of(declared(tmp_path / "site", OTHER_NUMBER))
    before = pids(lab)
    try:
        other.up()
        assert {host.state for host in other.status()} == {"up"}
        assert reaches(other, "web", "198.18.172.250")
        other.reset("web")
    finally:
        other.down()
    assert pids(lab) == before
    assert {host.state for host in lab.status()} == {"up"}
    assert Path("/proc/sys/net/ipv4/ip_forward").read_text().strip() == "1"
    assert reaches(lab, "web", "198.18.72.250")
    assert not other.stands


def test_seven_hosts_are_ready_in_time_and_nothing_stays_behind(lab: Lab, untouched: dict[str, set[str]]) -> None:
    lab.down()
    left = {kind: found - untouched[kind] for kind, found in machine().items()}
    assert left == {kind: set() for kind in left}
    assert cached() == Path(f"/var/cache/azukari/images/{RECIPE.digest}")
    lab.down()  # again: nothing to do is no error
    started = time.monotonic()
    lab.up()
    took = time.monotonic() - started
    assert took <= READY_SECONDS
    assert {host.state for host in lab.status()} == {"up"}


def test_a_lab_is_taken_down_though_its_site_is_broken(lab: Lab) -> None:
    lab.up()
    site = folder(lab)
    whole = (site / "hosts.yml").read_text()
    (site / "hosts.yml").write_text("all: [")
    try:
        done = azukari(site, "lab", "down")
    finally:
        (site / "hosts.yml").write_text(whole)
    assert done.returncode == 0, done.stderr.decode()
    assert not lab.stands
    assert {host.state for host in lab.status()} == {"down"}


def machine() -> dict[str, set[str]]:
    """All that a lab makes on a machine, but for what belongs to labs of other sites that stand at the same time."""
    state = Path("/var/lib/azukari/lab")
    others = [found.name for found in state.glob("[!.]*") if found.name != f"lab{NUMBER}"]
    bridges = [layout(other, load(provisioned.REPOSITORY / "inventory/lab").hosts.values()).bridge for other in others]
    marks = {f"/{other}/" for other in others} | {bridge.removeprefix("az") for bridge in bridges}

    def ours(lines: list[str]) -> set[str]:
        return {line for line in lines if not any(mark in line for mark in marks)}

    def lines(*argv: str) -> list[str]:
        return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()

    def below(root: str) -> list[str]:
        return [str(path) for path in Path(root).rglob("*")]

    found = {
        # ip-netns(8) mounts the folder of all names when a machine's first is made, and never takes it away.
        "mounts": ours([line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()])
        - {"/run/netns"},
        "interfaces": ours([path.name for path in Path("/sys/class/net").iterdir()]),
        "tables": ours(lines("nft", "list", "tables")),
        "namespaces": ours(lines("ip", "netns", "list")),
        "processes": ours([line for line in lines("ps", "-eo", "args") if "nspawn -" in line or "azukari/lab" in line]),
        "zombies": {line for line in lines("ps", "-o", "args=", "--ppid", str(os.getpid())) if "defunct" in line},
        "disks": ours(lines("losetup", "--all", "--noheadings", "--output", "BACK-FILE")),
        "groups": ours([path for path in below("/sys/fs/cgroup") if "/azukari/" in path and Path(path).is_dir()]),
        "files": ours(
            [*below("/var/lib/azukari"), *below("/run/systemd/nspawn/propagate"), *below("/run/lock/azukari")]
        ),
    }
    if not others:  # what all labs share is judged when there is no other
        found["devices"] = {path.name for path in Path("/sys/block").glob("loop*")}
        found["nodes"] = {path.name for path in Path("/dev").glob("loop*")}
        settings = ("net/ipv4/ip_forward", "fs/inotify/max_user_instances")
        found["settings"] = {f"{name}={Path('/proc/sys', name).read_text()}" for name in settings}
    return found
