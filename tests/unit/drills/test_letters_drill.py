"""The letters drill, with a mail tier and a database that answer as told: each promise turns its own step red."""

import json
import uuid
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from azukari.drills import letters
from azukari.drills.keys import judged
from azukari.drills.outcome import Outcome
from azukari.drills.visitor import Sent
from azukari.ssh.http import Reply
from reference_site.letters_message import Sender
from reference_site.letters_opened import Reader
from reference_site.sealing import Place, key_id, seal

KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
NAMES = {"ja": "官庁", "en": "Office"}
SENDER = Sender("www.lab.test", "lab.test", NAMES, NAMES)
SITE = SimpleNamespace(lab=True, settings=SimpleNamespace(names=["www.lab.test"]))


class World:
    """A site that works; a test makes one thing in it wrong."""

    def __init__(self):
        self.rows, self.mails, self.confirmed, self.purposes = {}, [], set(), ("delivery",)
        self.status, self.acts_on_a_look, self.erases, self.signs = 303, False, True, ""

    def send(self, answer):
        row = str(uuid.uuid4())
        if self.status == 303:
            self.rows[row] = [(one, seal(b"x", Place("mail_service", row, one), KEY), False) for one in self.purposes]
            self.mails.append(SENDER.asks(Reader(answer["email"], "ja"), f"c{row}", f"l{row}", "n"))
        return Sent(row, answer, self.status)

    def look(self, path):
        if self.acts_on_a_look:
            self.click(path)
        return reply(200)

    def click(self, path, *_body, **_headers):
        row = path.partition("letter=")[2][1:]
        if "/unsubscribe/" in path and self.erases:
            self.rows.pop(row, None)
        elif "/confirm/" in path and row in self.rows:
            self.confirmed.add(row)
        return reply(200)


def reply(status):
    return Reply(status, {}, b"")


@pytest.fixture
def world():
    return World()


@pytest.fixture
def drill(world, monkeypatch):
    class Fake(letters._Letters):
        def __init__(self):
            self._site, self._say, self._to, self._saved = SITE, lambda _line: None, "", None
            self._visitor = world
            world.form = SimpleNamespace(fields=[])
            self._marks, self._sent, self._ways_out = [], [], []
            self.outcome = Outcome(datetime.now(UTC), ("mail",), {})

        def _row(self, sent):
            return [(one, value, sent.row in world.confirmed) for one, value, _ in world.rows.get(sent.row, [])]

        def _about(self, rows, statement):
            if statement.startswith("DELETE"):
                world.rows.clear()
            return [str(sum(row in rows for row in world.rows))]

        def _uncount(self, mine):
            assert mine == []  # the form of this world offers no choices

        def _arrived(self, sent):
            return [one for one in world.mails if sent.answer["email"].encode() in one]

    monkeypatch.setattr(letters, "stated_keys", lambda _site: {"mail_service": [key_id(KEY)]})
    monkeypatch.setattr(letters, "unsigned", lambda _site, _message: world.signs)
    monkeypatch.setattr(letters, "_ARRIVES_WITHIN", {True: 0.0, False: 0.0})
    signed = b"DKIM-Signature: v=1; h=From:To:Subject:List-Unsubscribe:List-Unsubscribe-Post; b=x\r\n"
    plain = world.send
    world.send = lambda answer: (plain(answer), world.mails.append(signed + world.mails.pop()) if world.mails else 0)[0]
    return Fake()


def failed(drill):
    drill.register()
    drill.leave()
    drill.clean_up()
    return [step.what for step in drill.outcome.steps if not step.passed]


def test_a_site_that_keeps_its_promises_passes(drill, world):
    assert failed(drill) == []
    assert len(drill.outcome.steps) == 12
    assert world.rows == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"purposes": ("delivery", "reference")}, "what is kept of a registration"),
        ({"acts_on_a_look": True}, "to look at a letter's link changes nothing"),
        ({"signs": "another key made it"}, "a letter that asks for confirmation is signed"),
        ({"erases": False}, "nothing is left of who unsubscribed"),
    ],
    ids=["more is kept", "a look confirms", "not signed", "only asleep"],
)
def test_each_broken_promise_turns_its_own_step_red(drill, world, change, said):
    for name, value in change.items():
        setattr(world, name, value)
    assert said in failed(drill)


def test_a_registration_that_is_refused_is_said_and_ends_the_drill(drill, world):
    world.status = 503
    with pytest.raises(letters.NotJudged, match="No letter arrived"):
        drill.register()
    assert not drill.outcome.steps[0].passed


OPENS = {
    "path": "/run/credentials/azukari-letters.service/delivery.key",
    "kind": "PEM",
    "opens": ["delivery"],
    "said": "",
}
CLOSED = {"path": "/etc/azukari/tls/host.key", "kind": "PEM", "opens": [], "said": ""}


@pytest.mark.parametrize(
    ("rows", "holds", "passed"),
    [
        ([CLOSED], "", True),
        ([CLOSED, OPENS], "", False),
        ([CLOSED, OPENS], letters.HELD_AT, True),
        ([CLOSED], letters.HELD_AT, False),
        ([OPENS, {**OPENS, "path": "/tmp/copy.pem"}], letters.HELD_AT, False),
    ],
    ids=["nothing opens", "on another host", "on the mail host", "the mail host lacks it", "a copy on the mail host"],
)
def test_the_key_is_on_the_mail_host_and_there_at_its_place_alone(rows, holds, passed):
    found = json.loads(json.dumps({"keys": rows, "missed": [], "numbers": 0, "files": 9}))
    assert judged(found, ["delivery"], holds)[0] is passed
