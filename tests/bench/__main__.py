"""Measures what docs/benchmarks.md tells, in one run; exit code 1 when a bar does not hold.

With `--part` only one part is measured, printed and written nowhere.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import testinfra

from azukari.lab import Lab
from azukari.people import identity
from azukari.site import Site
from azukari.ssh import config
from azukari.verify.channel import Connections, MitogenChannel, Way
from tests import provisioned
from tests.bench.delay import delayed
from tests.bench.load import SECONDS, TURNS, Pair, Website
from tests.provisioned import REPOSITORY, azukari, environment

ROUND_TRIP = 0.1  # seconds
REPEATS = 3
HOST = "app"
# What checks typically ask: files, accounts, units, packages, sockets.
COMMANDS = [
    *(
        ("stat", "-c", "%a %U", f"/etc/{name}")
        for name in ("passwd", "group", "hosts", "fstab", "login.defs", "profile")
    ),
    *(("getent", "passwd", name) for name in ("root", "daemon", "nobody", "sshd", "azukari-audit")),
    *(("systemctl", "is-active", unit) for unit in ("ssh", "chrony", "nftables", "systemd-journald", "cron")),
    *(("dpkg-query", "-W", name) for name in ("sudo", "openssh-server", "nftables", "python3")),
] * 5


@dataclass(frozen=True)
class Figure:
    """One line of the table: what azukari took, what it is compared with, their ratio, and the bar."""

    name: str
    ours: float
    other: float | None
    ratio: float | None
    bar: str
    holds: bool


def seconds(what: Callable[[], object]) -> float:
    """Return how long a call took."""
    started = time.monotonic()
    what()
    return time.monotonic() - started


def must(*arguments: str, codes: tuple[int, ...] = (0,)) -> Callable[[], None]:
    """Return a call of the command line that raises when it ends otherwise than expected."""

    def call() -> None:
        done = azukari(*arguments, timeout=900)
        if done.returncode not in codes:
            raise RuntimeError(f"azukari {' '.join(arguments)}: {done.returncode}\n{done.stderr[-2000:]}")

    return call


def at_most(name: str, took: float, bar: float) -> Figure:
    """Return a figure with a bar in seconds."""
    return Figure(name, round(took, 2), None, None, f"≤ {bar:g} s", took <= bar)


def lab(the_lab: Lab) -> list[Figure]:
    """How long it takes until hosts are there."""
    names = [host.name for host in the_lab.status()]
    reset = statistics.median(seconds(must("lab", "reset", HOST)) for _ in range(REPEATS))
    figures = [at_most("lab reset of one host", reset, 3)]
    # Fresh hosts of a second lab beside this one, so that the image is cached and nothing else is measured.
    second = provisioned.FOLDER / "second"
    provisioned.declare(second, number=66)
    up = must("lab", "up", "--site", str(second))
    try:
        figures.append(at_most(f"lab up of {len(names)} hosts, image cached", seconds(up), 10))
    finally:
        must("lab", "down", "--site", str(second))()
    return figures


def verify(site: Site) -> list[Figure]:
    """How long an audit takes, near and far."""
    judged = must("verify", codes=(0, 1, 2))
    judged()  # what was asked last time goes in one batch from now on
    near = statistics.median(seconds(judged) for _ in range(REPEATS))
    with delayed(str(site.group("bastion")[0].address), ROUND_TRIP):
        far = statistics.median(seconds(judged) for _ in range(REPEATS))
    return [
        at_most("verify of all hosts", near, 15),
        at_most(f"verify, what a round trip of {ROUND_TRIP * 1000:.0f} ms adds", far - near, 5),
    ]


def overhead(site: Site, the_lab: Lab) -> Figure:
    """What asking adds to the time of the same commands run locally: ours beside testinfra's ssh backend."""
    script = "\n".join(" ".join(argv) + " >/dev/null 2>&1" for argv in COMMANDS).encode()
    local = statistics.median(seconds(lambda: the_lab.run(HOST, ["sh"], input=script)) for _ in range(REPEATS))
    with identity.automation(site, "audit") as own:
        ssh_config = config.write(site, own)

        def ours() -> None:
            with Connections() as connections:
                channel = MitogenChannel(HOST, connections, ssh_config, Way(ssh_config))
                channel.open()
                channel.answers(COMMANDS)

        def stock() -> None:
            host = testinfra.get_host(f"ssh://{HOST}", ssh_config=str(ssh_config))
            for argv in COMMANDS:
                host.run(" ".join(argv))

        mine = statistics.median(seconds(ours) for _ in range(REPEATS)) - local
        theirs = seconds(stock) - local
    ratio = theirs / mine
    name = f"what asking {len(COMMANDS)} commands adds; other: testinfra's ssh backend"
    return Figure(name, round(mine, 2), round(theirs, 2), round(ratio, 1), "other ≥ 25 × ours", ratio >= 25)


def apply() -> list[Figure]:
    """How long an apply with nothing to change takes; stock Ansible on the same playbook beside it."""
    must("apply")()
    ours = seconds(must("apply"))
    figures = [at_most("apply with nothing to change, all hosts", ours, 60)]
    ours_strategy = {
        "ANSIBLE_STRATEGY": "mitogen_azukari",
        "ANSIBLE_STRATEGY_PLUGINS": str(REPOSITORY / "azukari" / "provision" / "ansible" / "strategy"),
    }
    # In turns, and the best of each: what else the machine does must not fall on one of them alone.
    pairs = [(seconds(lambda: playbook(**ours_strategy)), seconds(playbook)) for _ in range(REPEATS)]
    fast, stock = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    ratio = stock / fast
    name = "the same playbook, nothing to change; other: stock Ansible (pipelining, ControlPersist)"
    return [*figures, Figure(name, round(fast, 1), round(stock, 1), round(ratio, 2), "other ≥ 3 × ours", ratio >= 3)]


def carried(site: Site, the_lab: Lab) -> tuple[list[Figure], dict[str, list[Pair]]]:
    """How much the website carries: as figures with bars, and in full by what was asked."""
    the_lab.reset(["web", "app", "db"])
    website = Website(the_lab, site)
    try:
        before = website.kept()
        pairs = {
            "homepage through TLS; other: bare nginx, the same file": website.homepage(),
            "contact form; other: without sealing": website.answers(),
        }
        kept = website.kept() - before
    finally:
        the_lab.reset(["web", "app", "db"])
    figures = []
    for (name, found), least in zip(pairs.items(), (0.9, 0.8), strict=True):
        for pair in found:
            said = name.replace(";", f", answers a second to {pair.clients} at once;", 1)
            rates = round(pair.ours.rate, 1), round(pair.other.rate, 1)
            figures.append(Figure(said, *rates, round(pair.ratio, 2), f"ours ≥ {least} × other", pair.ratio >= least))
    # As many as were under way when a load ended may have been kept and not been acknowledged.
    figures.append(
        Figure(
            "answers kept under load; other: acknowledged",
            kept,
            website.acknowledged,
            None,
            "all",
            kept >= website.acknowledged > 0,
        )
    )
    return figures, pairs


def playbook(**changed: str) -> None:
    """Run the playbook in check mode on all hosts; no connection is left over from the run before, but the jump's.

    Args:
        changed: environment variables, over those of a plain `ansible-playbook` with the repository's ansible.cfg.
    """
    site = provisioned.site()
    with identity.automation(site, "apply") as own:
        ssh_config = config.write(site, own)
        config.open_jump(ssh_config)
        variables = {**environment(), "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_FORKS": "10"}
        done = subprocess.run(
            [
                *(sys.executable, "-m", "ansible.cli.playbook", "-i", str(site.path), "--check"),
                str(REPOSITORY / "playbooks" / "site.yml"),
            ],
            cwd=REPOSITORY,
            env=variables | {"AZUKARI_SSH_CONFIG": str(ssh_config), **changed},
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        if done.returncode:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])


def table(figures: list[Figure], pairs: dict[str, list[Pair]]) -> str:
    """Return what was measured as Markdown."""
    lines = ["| what | azukari | other | ratio | bar | holds |", "|---|---|---|---|---|---|"]
    for f in figures:
        other, ratio = ("–" if value is None else f"{value:g}" for value in (f.other, f.ratio))
        lines.append(f"| {f.name} | {f.ours:g} | {other} | {ratio} | {f.bar} | {'yes' if f.holds else '**no**'} |")
    if pairs:
        lines += [
            "",
            f"Under load (`wrk`, each for {SECONDS} s, {TURNS} times in turns): milliseconds, ours / other. The bare "
            "nginx has Debian's defaults, and TLS as ours.",
            "",
            "| what | at once | p50 | p99 | errors |",
            "|---|---|---|---|---|",
        ]
    for name, found in pairs.items():
        for pair in found:
            both = [f"{getattr(pair.ours, one):g} / {getattr(pair.other, one):g}" for one in ("p50", "p99", "errors")]
            lines.append(f"| {name} | {pair.clients} | {' | '.join(both)} |")
    return "\n".join(lines) + "\n"


def write(figures: list[Figure], measured: str) -> None:
    """Write docs/benchmarks.json and docs/benchmarks.md."""
    docs = REPOSITORY / "docs"
    (docs / "benchmarks.json").write_text(json.dumps([asdict(f) for f in figures], indent=1, ensure_ascii=False) + "\n")
    head = (
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, all in one run: "
        "seven lab hosts and the controller share one machine. Seconds, where nothing else is said; ratios are of the "
        "same run."
    )
    (docs / "benchmarks.md").write_text(f"# Benchmarks\n\n{head}\n\n{measured}")


def main() -> int:
    """Run everything, or one part; keep going to the end so that one bar does not hide the others."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure azukari in its lab.")
    parser.add_argument("--part", choices=("lab", "verify", "asking", "apply", "load"), help="this alone, only printed")
    part = parser.parse_args().part
    figures, pairs = [], {}
    with provisioned.session() as the_lab:
        site = provisioned.site()
        if part in {None, "lab"}:
            figures += lab(the_lab)
        if part in {None, "verify"}:
            figures += verify(site)
        if part in {None, "asking"}:
            figures.append(overhead(site, the_lab))
        if part in {None, "apply"}:
            figures += apply()
        if part in {None, "load"}:
            under_load, pairs = carried(site, the_lab)
            figures += under_load
    measured = table(figures, pairs)
    if part is None:
        write(figures, measured)
    sys.stdout.write(measured)
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
