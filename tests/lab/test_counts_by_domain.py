"""On real servers, visitors are counted by internet domain in the night, and the web server learns no other name."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from azukari.lab import Lab
from azukari.lab.internet import PLAIN_READERS, READERS, VISITORS
from azukari.site import state_dir
from tests import provisioned

pytestmark = pytest.mark.lab
STORE, LOG = "/var/lib/azukari-domains", "/var/log/nginx/access.log-of-a-test"
NIGHT = ["systemctl", "start", "--wait", "azukari-domains.service"]
# Asked with what the program asks with, as the account that it runs as.
ASK = """
import dns.message, dns.query, sys
for name, kind in zip(sys.argv[2::2], sys.argv[3::2]):
    reply = dns.query.tcp(dns.message.make_query(name, kind), sys.argv[1], timeout=5)
    print(len(reply.answer))
"""


@pytest.fixture
def night(provisioned_lab: Lab) -> Iterator[Lab]:
    """A lab whose web server has counted no day, and whose publisher has shown none."""
    (state_dir(provisioned.site()) / "published.json").unlink(missing_ok=True)
    provisioned_lab.run("web", ["sh", "-c", f"rm -f {STORE}/*"])
    yield provisioned_lab
    provisioned_lab.run("web", ["sh", "-c", f"rm -f {LOG} {STORE}/*"])


def came_yesterday(lab: Lab, *numbers: int) -> str:
    """Write that visitors of these numbers came yesterday; return that day."""
    day = str(provisioned.site().today() - timedelta(days=1))
    one = {"time": f"{day}T12:00:00+09:00", "method": "GET", "page": "/", "status": 200, "visit": 1}
    text = "".join(f"{json.dumps({**one, 'address': str(VISITORS[number])})}\n" for number in numbers)
    assert lab.run("web", ["sh", "-c", f"printf %s '{text}' >{LOG} && chown www-data: {LOG}"]).returncode == 0
    return day


def published() -> list[dict[str, Any]]:
    done = provisioned.azukari("site", "statistics", "--json", timeout=120)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["domains"]
    return found


def test_the_night_counts_domains_of_k_visitors_and_keeps_nothing_else(night: Lab) -> None:
    day = came_yesterday(night, *range(1, 13), *range(101, 104), *range(200, 215))
    assert night.run("web", NIGHT).returncode == 0
    [shown] = published()
    assert (shown["day"], shown["domains"]) == (day, {READERS: 12})
    left = night.run("web", ["sh", "-c", f"ls {STORE}; cat {STORE}/*"]).stdout.decode()
    assert left.splitlines()[0] == f"{day}.json"
    assert "pc-" not in left
    assert PLAIN_READERS not in left
    assert str(VISITORS[1]) not in left
    asked = night.run("web", ["sh", "-c", "journalctl -u azukari-domains.service -o cat"]).stdout.decode()
    assert READERS not in asked


def test_without_the_resolver_the_day_says_that_nobody_was_looked_up(night: Lab) -> None:
    came_yesterday(night, *range(1, 13))
    assert night.run("bastion", ["systemctl", "stop", "unbound.service"]).returncode == 0
    try:
        assert night.run("web", NIGHT, timeout=300).returncode == 0
    finally:
        assert night.run("bastion", ["systemctl", "start", "unbound.service"]).returncode == 0
    [shown] = published()
    assert (shown["domains"], shown["unknown"]) == ({}, 0)
    assert shown["not_looked_up"] >= 12


def test_the_web_server_is_answered_for_the_reverse_tree_alone(night: Lab) -> None:
    resolver = str(provisioned.site().hosts["bastion"].address)
    questions = [VISITORS[1].reverse_pointer, "PTR", READERS, "MX", f"mx.{READERS}", "A", "secret.example.org", "TXT"]
    done = night.run("web", ["runuser", "-u", "www-data", "--", "python3", "-c", ASK, resolver, *questions])
    assert done.stdout.decode().split() == ["1", "0", "0", "0"], done.stderr
