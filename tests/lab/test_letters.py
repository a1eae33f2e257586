"""The E-mail Information Service on real servers: joining, leaving, outages, and addresses that are none."""

import random
import secrets
import time
from collections.abc import Iterator
from email import message_from_bytes

import pytest

from azukari.drills.visitor import Sent, Visitor
from azukari.lab import Lab
from azukari.lab.internet import READERS
from reference_site.answers import MAIL_SERVICE
from tests import provisioned

pytestmark = pytest.mark.lab
SERVICE = "azukari-letters.service"
HERE = "https://www.lab.test"
SECONDS = 60.0


@pytest.fixture
def visitor(provisioned_lab: Lab) -> Iterator[Visitor]:
    provisioned_lab.reset(["web", "app", "db", "mail"])
    yield Visitor(provisioned.site(), MAIL_SERVICE)
    provisioned_lab.run("mail", ["systemctl", "start", SERVICE], timeout=60)


def came(lab: Lab, address: str, number: int = 1, seconds: float = SECONDS) -> list[bytes]:
    """Return what has come to an address, once there is so much of it, or the time is over."""
    until = time.monotonic() + seconds
    while True:
        found = [one.message for one in lab.received() if f"To: {address}\r\n".encode() in one.message]
        if len(found) >= number or time.monotonic() > until:
            return found
        time.sleep(0.5)


def kept(lab: Lab, sent: Sent, what: str = "count(*)") -> str:
    query = f"SELECT {what} FROM site.mail_service WHERE id = '{sent.row}'"  # noqa: S608  an identifier of our own
    command = ["runuser", "-u", "postgres", "--", "psql", "-qAt", "-d", "site", "-c", query]
    return lab.run("db", command, timeout=30).stdout.decode().strip()


def link(message: bytes, at: str) -> str:
    payload = message_from_bytes(message).get_payload(decode=True)
    assert isinstance(payload, bytes)
    [found] = [line for line in payload.decode().splitlines() if f"/{at}/?letter=" in line]
    return found.removeprefix(HERE)


def new(name: str) -> str:
    """Return an address to which nothing was ever sent: what readers got outlives the hosts' snapshots."""
    return f"{name}-{secrets.token_hex(4)}@{READERS}"


def register(visitor: Visitor, address: str) -> Sent:
    time.sleep(1.1)  # the website takes one a second from one visitor for long
    sent = visitor.send({"email": address})
    assert sent.acknowledged, sent.status
    return sent


def test_a_registration_holds_once_its_letter_was_answered_and_goes_by_one_click(
    provisioned_lab: Lab, visitor: Visitor
) -> None:
    address = new("once")
    sent = register(visitor, address)
    [letter] = came(provisioned_lab, address)
    assert visitor.look(link(letter, "confirm")).status == 200
    assert kept(provisioned_lab, sent, "confirmed IS NULL") == "t"
    assert visitor.click(link(letter, "confirm")).status == 200
    assert kept(provisioned_lab, sent, "confirmed IS NULL") == "f"
    way = str(message_from_bytes(letter)["List-Unsubscribe"]).strip("<>").removeprefix(HERE)
    assert visitor.look(way).status == 200
    assert kept(provisioned_lab, sent) == "1"
    assert visitor.click(way, b"List-Unsubscribe=One-Click", Sec_Fetch_Site="none").status == 200
    assert kept(provisioned_lab, sent) == "0"
    assert visitor.click(link(letter, "confirm")).status == 404  # erased is not asleep
    assert visitor.click(way, b"List-Unsubscribe=One-Click").status == 200


def test_who_registers_twice_is_one_person_and_gets_one_letter_each_and_three_a_day(
    provisioned_lab: Lab, visitor: Visitor
) -> None:
    address = new("Twice")
    first, second = register(visitor, address), register(visitor, address.lower())
    letters = [came(provisioned_lab, one)[0] for one in (address, address.lower())]
    assert kept(provisioned_lab, first, "person") == kept(provisioned_lab, second, "person") != ""
    for letter in letters:
        assert visitor.click(link(letter, "confirm")).status in {200, 404}
    assert sorted(kept(provisioned_lab, one) for one in (first, second)) == ["0", "1"]
    more = [register(visitor, address.lower()) for _ in range(3)]
    time.sleep(15)
    assert len(came(provisioned_lab, address.lower(), 9, 1)) <= 1 + 3
    assert "0" in [kept(provisioned_lab, one) for one in more]


def test_the_way_out_of_an_earlier_letter_leads_out_of_a_later_registration_too(
    provisioned_lab: Lab, visitor: Visitor
) -> None:
    address, sent, letters = new("again"), [], []
    for number in (1, 2):
        sent.append(register(visitor, address))
        letters.append(came(provisioned_lab, address, number)[-1])
        assert visitor.click(link(letters[-1], "confirm")).status == 200
    assert [kept(provisioned_lab, one) for one in sent] == ["0", "1"]
    assert visitor.click(link(letters[0], "unsubscribe")).status == 200
    assert [kept(provisioned_lab, one) for one in sent] == ["0", "0"]
    erased = ["runuser", "-u", "postgres", "--", "psql", "-qAt", "-d", "site", "-c", "SELECT id FROM site.erased"]
    assert {one.row for one in sent} <= set(provisioned_lab.run("db", erased, timeout=30).stdout.decode().split())


def test_what_comes_in_while_the_mail_tier_is_away_is_written_to_later(provisioned_lab: Lab, visitor: Visitor) -> None:
    address = new("later")
    provisioned_lab.run("mail", ["systemctl", "stop", SERVICE, "postfix.service"], timeout=60)
    sent = register(visitor, address)
    assert kept(provisioned_lab, sent, "lettered IS NULL") == "t"
    provisioned_lab.run("mail", ["systemctl", "start", SERVICE], timeout=60)
    assert came(provisioned_lab, address, 1, 15) == []
    provisioned_lab.run("mail", ["systemctl", "start", "postfix.service"], timeout=60)
    assert len(came(provisioned_lab, address, 2, 90)) == 1
    assert kept(provisioned_lab, sent, "lettered IS NULL") == "f"


def test_no_address_writes_a_header(provisioned_lab: Lab, visitor: Visitor) -> None:
    chance = random.Random(11)
    pieces = [
        "\r\n",
        "\n",
        "\r",
        "%0d%0a",
        "Bcc: x@reader.test",
        "\u2028",
        "\0",
        ",",
        ";",
        "<",
        ">",
        '"',
        " ",
        "a",
        "@",
    ]
    before = {one.message for one in provisioned_lab.received()}
    taken = 0
    for number in range(40):
        noise = "".join(chance.choices(pieces, k=chance.randrange(1, 5)))
        address = chance.choice([f"f{number}{noise}@{READERS}", f"f{number}@{READERS}{noise}", f"{noise}f@{READERS}"])
        time.sleep(1.1)
        sent = visitor.send({"email": address})
        assert sent.status in {303, 400}, (address, sent.status)
        taken += sent.acknowledged
    time.sleep(20)
    letters = [one.message for one in provisioned_lab.received() if one.message not in before]
    assert len(letters) <= taken
    for one in letters:
        said = message_from_bytes(one)
        assert len(said.get_all("To", [])) == 1
        assert said.get_all("Bcc") is None
        assert said.get_all("Cc") is None
        assert len(said.get_all("Subject", [])) == 1


def test_the_drill_passes_and_an_apply_after_it_changes_nothing(provisioned_lab: Lab) -> None:
    provisioned_lab.reset(list(provisioned.site().hosts))
    done = provisioned.azukari("drill", "letters", timeout=600)
    assert done.returncode == 0, done.stderr
    plan = provisioned.azukari("plan", timeout=300)
    assert plan.returncode == 0, plan.stdout + plan.stderr


def test_the_key_on_another_host_is_found_out(provisioned_lab: Lab, drills_apart: None) -> None:
    provisioned_lab.reset(list(provisioned.site().hosts))
    key = provisioned_lab.run("mail", ["cat", "/etc/azukari/letters/delivery.key"], timeout=30).stdout.decode()
    put = ["/bin/bash", "-c", f"cat > /var/lib/misc/cache.dat <<'END'\n{key}END\n"]
    assert provisioned_lab.run("app", put, timeout=30).returncode == 0
    done = provisioned.azukari("drill", "letters", timeout=600)
    assert done.returncode == 1, done.stderr
    assert "every key tried on an address, on app" in done.stderr
