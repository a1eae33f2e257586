"""What visitors choose and ask for is counted on real servers, and shown as soon as k stand behind it."""

import json
import time
from datetime import timedelta

import pytest

from azukari.drills.visitor import Visitor
from azukari.lab import Lab
from azukari.site import state_dir
from tests import provisioned

pytestmark = pytest.mark.lab
NIGHT = ["systemctl", "start", "--wait", "azukari-retention-db.service"]


def published() -> dict[str, list[dict[str, object]]]:
    done = provisioned.azukari("site", "statistics", "--json", timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
    return found


def test_choices_are_shown_once_k_stand_behind_them(provisioned_lab: Lab) -> None:
    provisioned_lab.reset([host.name for group in ("web", "app", "db") for host in provisioned.site().group(group)])
    site = provisioned.site()
    (state_dir(site) / "published.json").unlink(missing_ok=True)
    least = site.policy.statistics.smallest_group
    visitor = Visitor(site, "contact")

    def send(count: int) -> None:
        for _ in range(count):
            sent = visitor.send({"comments": "数えるための意見", "gender": "other"})
            assert sent.acknowledged, sent.status
            time.sleep(1.1)  # forms are sent at most once a second by one visitor

    send(least - 1)
    assert provisioned_lab.run("db", NIGHT).returncode == 0
    assert published()["attributes"] == []
    send(1)
    assert published()["attributes"] == []  # the night comes first
    assert provisioned_lab.run("db", NIGHT).returncode == 0
    cell = {"form": "contact", "item": "gender", "choice": "other", "answers": least}
    assert published()["attributes"] == [cell]


def test_accesses_of_a_day_that_is_over_are_shown_and_of_today_not(provisioned_lab: Lab) -> None:
    day, before = (provisioned.site().today() - timedelta(days=number) for number in (1, 2))
    one = {"address": "192.0.2.7", "method": "GET", "page": "/", "status": 200, "visit": 1}
    lines = [{"time": f"{before}T12:00:00+09:00", **one}, *[{"time": f"{day}T12:00:00+09:00", **one}] * 12]
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    path = "/var/log/nginx/access.log-of-a-test"
    write = f"printf %s '{text}' >{path} && chown www-data: {path}"
    assert provisioned_lab.run("web", ["sh", "-c", write]).returncode == 0
    try:
        shown = [found for found in published()["accesses"] if found["day"] == str(day)]
        assert shown == [{"day": str(day), "page": "/", "accesses": 12, "visits": 12}]
        assert {found["day"] for found in published()["accesses"]} <= {str(day)}
    finally:
        provisioned_lab.run("web", ["rm", path])
