"""What a visitor was told is received is there, once, whatever is killed meanwhile; and what cannot be kept is said.

LOSS-11 and the honest half of LOSS-12: `kill -9` of each tier at random while 2,000 answers are sent, a database that
is down, a database whose disk is full.
"""

import itertools
import json
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from azukari.drills.canary import SERVICES
from azukari.lab import Lab
from azukari.site import holders_dir
from reference_site.answers import identifier
from reference_site.sealing import Place, sealed_for, unseal
from tests import provisioned, visitors
from tests.visitors import Visitor

pytestmark = pytest.mark.lab

ANSWERS, SENDERS = {"all": 2_000, "rotating": 300}, 8  # by --share
MOST = 10_000  # answers, where a machine sends them faster than services are killed
KILLS = {"all": 5, "rotating": 1}  # of each service at the least, by --share
AGAIN = 60  # times that a visitor sends an answer which was not acknowledged, a second apart
PAUSE = (3.0, 9.0)  # seconds between two kills: most find all tiers at work
PURPOSES = {"comments": "policymaking", "email": "reply"}
PSQL = ["runuser", "-u", "postgres", "--", "psql", "--no-psqlrc", "-qAt", "--set=ON_ERROR_STOP=1", "--dbname=site"]
RECEIVED = 303


@pytest.fixture(scope="module")
def lab(provisioned_lab: Lab) -> Iterator[Lab]:
    provisioned_lab.reset(list(provisioned.site().hosts))
    yield provisioned_lab
    provisioned_lab.reset(["web", "app", "db"])


@dataclass
class Crowd:
    """Visitors who send one answer after the other, each again until it is acknowledged.

    They send as many as are enough, and go on for as long as services have yet to be killed.
    """

    enough: int
    killing: threading.Event
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(MOST)))
    sent: dict[str, dict[str, str]] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    replies: Counter[int] = field(default_factory=Counter)

    def send(self, addresses: list[str]) -> None:
        """Be as many visitors as there are addresses, one after the other, until no number is left."""
        own = [Visitor(provisioned.site(), address) for address in addresses]
        tokens = [""] * len(own)
        for turn, number in zip(itertools.cycle(range(len(own))), self.numbers, strict=False):
            if number >= self.enough and not self.killing.is_set():
                break
            answer = {"comments": f"comment {number:05}", "email": f"visitor{number:05}@example.invalid"}
            for _ in range(AGAIN):
                tokens[turn] = tokens[turn] or own[turn].token()
                if tokens[turn]:
                    row = identifier(tokens[turn], answer)
                    self.sent[row] = answer
                    status = own[turn].send(tokens[turn], answer).status
                    self.replies[status] += 1
                    if status == RECEIVED:
                        self.acknowledged.add(row)
                        break
                time.sleep(1)
        for visitor in own:
            visitor.close()


def kept(lab: Lab) -> dict[str, dict[str, str]]:
    """Return what lies in the database: by identifier and purpose, the sealed value."""
    query = "SELECT json_build_array(id, purpose, sealed) FROM site.contact"
    done = lab.run("db", [*PSQL, "--command", query], timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, str]] = {}
    for line in done.stdout.decode().splitlines():
        row, purpose, sealed = json.loads(line)
        assert purpose not in found.setdefault(row, {}), "kept twice"
        found[row][purpose] = sealed
    return found


def opened(values: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Return what the office's key makes of them: by identifier, the items."""
    folder = holders_dir(provisioned.site()) / "office" / "sealing"
    found: dict[str, dict[str, str]] = {}
    names = {sealed_for(value) for sealed in values.values() for value in sealed.values()}
    keys = {name: load_pem_private_key((folder / f"contact-{name}.pem").read_bytes(), password=None) for name in names}
    for row, sealed in values.items():
        found[row] = {}
        for purpose, value in sealed.items():
            key = keys[sealed_for(value)]
            found[row] |= json.loads(unseal(value, Place("contact", row, purpose), key))  # type: ignore[arg-type]
    return found


def killed(lab: Lab, over: threading.Event, busy: threading.Event, least: int, seed: int) -> Counter[str]:
    """Kill services at random until it is over, each in every round; return how often each was killed."""
    chance = random.Random(seed)
    count: Counter[str] = Counter()
    while True:
        for host, unit in chance.sample(SERVICES, len(SERVICES)):
            if over.wait(chance.uniform(*PAUSE)):
                return count
            done = lab.run(host, ["systemctl", "kill", "--kill-whom=all", "--signal=KILL", unit])
            count[unit] += done.returncode == 0
        if min(count[unit] for _, unit in SERVICES) >= least:
            busy.clear()


def test_what_was_acknowledged_is_there_once_whatever_is_killed(lab: Lab, request: pytest.FixtureRequest) -> None:
    answers = ANSWERS[request.config.getoption("--share", default="all")]
    least = KILLS[request.config.getoption("--share", default="all")]
    seed = random.SystemRandom().randrange(10_000)
    over, busy = threading.Event(), threading.Event()
    busy.set()
    crowd = Crowd(answers, busy)
    before = kept(lab)
    with visitors.addresses(lab, provisioned.site()) as own, ThreadPoolExecutor(SENDERS + 1) as pool:
        killing = pool.submit(killed, lab, over, busy, least, seed)
        try:
            list(pool.map(crowd.send, [own[number::SENDERS] for number in range(SENDERS)]))
        finally:
            over.set()
        kills = killing.result()
    print(f"seed {seed}: {dict(crowd.replies)} replies, killed {dict(kills)}")
    now = {row: sealed for row, sealed in kept(lab).items() if row not in before}
    assert min(kills[unit] for _, unit in SERVICES) >= least, f"not every service was killed: {kills}"
    assert crowd.replies[0] + sum(crowd.replies[code] for code in (502, 503, 504)), "nothing was broken by the kills"
    assert len(crowd.acknowledged) >= answers
    assert not crowd.acknowledged - set(now), "acknowledged, and lost"
    assert not set(now) - set(crowd.sent), "nobody sent this"
    assert opened(now) == {row: crowd.sent[row] for row in now}


# --- what cannot be kept is not acknowledged --------------------------------------------------------------------------

FILL = """
set -e
free=$(df --output=avail --block-size=1 /var/lib/postgresql | tail -1)
fallocate --length $((free - 65536)) /var/lib/postgresql/filler || true
dd if=/dev/zero of=/var/lib/postgresql/filler2 bs=4k 2>/dev/null || true
test "$(df --output=avail --block-size=1 /var/lib/postgresql | tail -1)" -lt 8192
"""
OUTAGES = {
    "the database is down": ("systemctl stop postgresql@17-main.service", "systemctl start postgresql@17-main.service"),
    "its disk is full": (FILL, "rm -f /var/lib/postgresql/filler /var/lib/postgresql/filler2"),
}


def as_root(lab: Lab, script: str) -> subprocess.CompletedProcess[bytes]:
    done = lab.run("db", ["/bin/bash", "-c", script], timeout=120)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("outage", OUTAGES)
def test_what_cannot_be_kept_is_not_acknowledged(lab: Lab, outage: str) -> None:
    begin, end = OUTAGES[outage]
    visitor = Visitor(provisioned.site())
    token, words = visitor.token(), f"{outage}, and this took long to write"
    as_root(lab, begin)
    try:
        # With a full disk the log has some room left: answers go in until they do not.
        for number in range(40):
            answer = {"comments": f"{words} {number} " + "x" * 3_000}
            reply = visitor.send(token, answer)
            if reply.status != RECEIVED:
                break
            time.sleep(1.05)
        assert reply.status == 503, reply
        assert words in reply.page, "what was written does not come back"
        assert 'role="alert"' in reply.page
    finally:
        as_root(lab, end)
    begun = time.monotonic()
    while (again := visitor.send(token, answer)).status != RECEIVED:
        assert time.monotonic() - begun < 60, again
        time.sleep(2)
    row = identifier(token, answer)
    assert opened({row: kept(lab)[row]}) == {row: answer}
