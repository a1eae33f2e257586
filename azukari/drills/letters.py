"""The letters drill: somebody registers, confirms, is written to, and leaves; and the mail tier is away meanwhile.

Of a registration the address alone is kept, sealed; every key of every host is tried on it, and the mail tier's alone
opens it. The address, a mark of its own, is looked for on every host. In a lab the reader's mail server is the lab's
own; on a real site somebody saves what arrives.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

from azukari.answers import counted, stored
from azukari.drills import keys, sending
from azukari.drills.hosts import as_root, on_all
from azukari.drills.looking import looked_for
from azukari.drills.mail import unsigned
from azukari.drills.outcome import Outcome, Say
from azukari.drills.visitor import Sent, Visitor, chosen
from azukari.errors import NotJudged
from azukari.lab import Lab
from azukari.lab.internet import READERS
from azukari.people import letters as signed
from azukari.people.sealing_keys import stated_keys
from azukari.provision.session import Session
from azukari.site import holders_dir
from reference_site.answers import CONFIRM, DELIVERY, LETTER, MAIL_SERVICE, PATHS, UNSUBSCRIBE
from reference_site.sealing import sealed_for

NAME, SERVICE, DATABASE = "letters", "azukari-letters.service", "postgresql@17-main.service"
HELD_AT = "/delivery.key"  # where the mail host keeps what opens addresses, on its disk and as a credential
ONE_CLICK = b"List-Unsubscribe=One-Click"
WORDS = {
    "subject": {"ja": "azukari drill", "en": "azukari drill"},
    "text": {"ja": "訓練です。何もする必要はありません。", "en": "A drill: nothing needs to be done."},
}
_ARRIVES_WITHIN = {True: 90.0, False: 900.0}  # seconds, in a lab and by a person's hand
_QUIET = 8.0  # seconds in which nothing may come that should not
_BACK_WITHIN = 40.0  # seconds until a service answers again
_SIGNED = {"from", "to", "subject", "list-unsubscribe", "list-unsubscribe-post"}


def run(at: Session, say: Say, to: str = "", saved: Path | None = None) -> Outcome:
    """Do the drill.

    Args:
        at: the hosts, and the ways to them.
        say: told what goes on.
        to: the mailbox; in a lab a reader of its own by default.
        saved: the folder to which somebody will save what arrives, as it came; in a lab it is not needed.

    Returns:
        What came of it, also where it broke off: then the step WHOLE did not come out as promised.

    Raises:
        NotJudged: a host that it needs is left out here; nothing was sent.
    """
    drill = _Letters(at, say, to, saved)
    parts: list[Callable[[], None]] = [drill.register, drill.look, drill.write, drill.leave]
    if at.site.lab:
        parts += [drill.without_the_mail_tier, drill.without_the_database]
    drill.outcome.play(parts, drill.clean_up, say)
    return drill.outcome


class _Letters:
    def __init__(self, at: Session, say: Say, to: str, saved: Path | None) -> None:
        self._at, self._say, self._site, self._to, self._saved = at, say, at.site, to, saved
        self._visitor = Visitor(at.site, MAIL_SERVICE)
        self._db, self._mail = at.site.group("db")[0].name, sending.mail_host(at.site)
        needed = {self._db, self._mail, *(host.name for group in ("web", "app") for host in at.site.group(group))}
        if missing := sorted(needed - set(at.hosts)):
            raise NotJudged(f"The drill needs {', '.join(missing)}, which is left out here.")
        self._marks: list[str] = []
        self._sent: list[Sent] = []
        self._ways_out: list[str] = []
        self._since = time.time() - 5
        self.outcome = Outcome(datetime.now(UTC), tuple(at.hosts), dict(at.left))

    def step(self, what: str, passed: bool, said: str, tried: Iterable[Mapping[str, Any]] = ()) -> None:
        """Note how one thing came out."""
        self.outcome.note(what, passed, said, self._say, tried)

    # --- what it does -----------------------------------------------------------------------------------------------

    def register(self) -> None:
        """Register, look at what is kept, and confirm by the letter's link."""
        sent = self._register()
        self.step("a registration is taken", sent.acknowledged, f"answered with {sent.status}")
        kept = self._row(sent)
        stated = stated_keys(self._site).get(MAIL_SERVICE, [])
        alone = [purpose for purpose, _, _ in kept] == [DELIVERY]
        right = alone and sealed_for(kept[0][1]) in stated
        said = "the address alone, for the mail tier's stated key" if right else f"{len(kept)} values, or another key"
        self.step("what is kept of a registration", right, said)
        letter = self._must_arrive(sent, "a letter asks for confirmation")
        self._headers(letter, "a letter that asks for confirmation")
        path = self._path(letter, CONFIRM)
        looked = self._visitor.look(path)
        waits = looked.status == 200 and not self._confirmed(sent)
        self.step("to look at a letter's link changes nothing", waits, f"answered with {looked.status}")
        for _ in range(2):  # who presses twice is left with the same good news
            done = self._visitor.click(path)
        on = done.status == 200 and self._confirmed(sent)
        self.step("a registration is confirmed by its letter", on, f"answered with {done.status}")

    def look(self) -> None:
        """Try every key of every host on the address, kill the service, and look for the address everywhere."""
        values = {DELIVERY: self._value(self._sent[0])}
        program = keys.program(values)
        for host, said in on_all(self._at, lambda host: as_root(self._at, host, "python3 -I -", program)).items():
            found = json.loads(said)
            holds = HELD_AT if host == self._mail else ""
            self.step(
                f"every key tried on an address, on {host}", *keys.judged(found, [DELIVERY], holds), found["keys"]
            )
        as_root(self._at, self._mail, f"systemctl kill --kill-whom=all --signal=SEGV {SERVICE}")
        back = self._active(self._mail, SERVICE)
        said = "it is back" if back else f"it was not back within {_BACK_WITHIN:.0f} s"
        self.step(f"{SERVICE} on {self._mail} killed by SIGSEGV", back, said)
        for host, (clean, said) in looked_for(self._at, dict.fromkeys(self._marks, "address"), self._since).items():
            self.step(f"an address after it was registered, on {host}", clean, said)

    def write(self) -> None:
        """Send a letter to the drill's own registration alone, where the office's key is at hand to sign it."""
        key = holders_dir(self._site) / "office" / "approval"
        if not key.is_file():
            self._say("left out: no letter to subscribers, as the office's approval key is not at hand to sign one")
            return
        file = signed.sign(self._site, WORDS, key, (self._sent[0].row,))
        letter = signed.proven(self._site, file)
        before = len(self._arrived(self._sent[0]))
        sending.hand_over(self._at, letter, file)
        try:
            until = time.monotonic() + _ARRIVES_WITHIN[self._site.lab]
            while not sending.progress(self._at, letter).get("done") and time.monotonic() < until:
                time.sleep(1)
            came = sending.progress(self._at, letter)
        finally:
            sending.take_back(self._at, letter)
        self.step("a letter goes to the one subscriber it is for", came.get("sent") == 1, f"{came.get('sent', 0)} sent")
        found = self._wait_for(self._sent[0], before + 1)
        self.step("a letter to a subscriber arrives once", len(found) == before + 1, f"{len(found) - before} arrived")
        if len(found) > before:
            self._headers(found[-1], "a letter to a subscriber")

    def leave(self) -> None:
        """Leave by one click, as a mail program does it, and look for what is left."""
        first = self._sent[0]
        sealed = self._value(first)
        path = self._ways_out[-1]
        looked = self._visitor.look(path)
        stays = looked.status == 200 and bool(self._row(first))
        self.step("to look at the way out changes nothing", stays, f"answered with {looked.status}")
        done = self._visitor.click(path, ONE_CLICK, Sec_Fetch_Site="none")
        self.step("one click without a cookie unsubscribes", done.status == 200, f"answered with {done.status}")
        digest = hashlib.sha256(sealed.encode()).hexdigest()
        query = "SELECT count(*) FROM site.mail_service WHERE id IN (SELECT id FROM pg_temp.asked)"
        query += f" OR encode(sha256(convert_to(sealed, 'UTF8')), 'hex') = '{digest}';"
        left = int(self._about([first.row], query)[0])
        self.step(
            "nothing is left of who unsubscribed", left == 0, f"{left} rows with the row's name or the sealed value"
        )
        again = self._visitor.click(path, ONE_CLICK)
        self.step("who unsubscribes twice is told the same", again.status == 200, f"answered with {again.status}")

    def without_the_mail_tier(self) -> None:
        """Register while the mail tier is away: it is kept, and its letter comes later, once."""
        as_root(self._at, self._mail, f"systemctl stop {SERVICE}")
        try:
            sent = self._register()
            time.sleep(_QUIET)
            waits = sent.acknowledged and len(self._row(sent)) == 1 and not self._arrived(sent)
        finally:
            as_root(self._at, self._mail, f"systemctl start {SERVICE}")
        self.step("a registration while the mail tier is away waits", waits, f"answered with {sent.status}")
        self._wait_for(sent, 1)
        time.sleep(_QUIET)
        found = self._arrived(sent)
        self.step("its letter comes later, once", len(found) == 1, f"{len(found)} arrived")
        self._note_ways_out(found)

    def without_the_database(self) -> None:
        """Register while the database is away: the visitor is told so, and the same answer is taken later."""
        as_root(self._at, self._db, f"systemctl stop {DATABASE}")
        try:
            refused = self._register()
        finally:
            as_root(self._at, self._db, f"systemctl start {DATABASE}")
        self._active(self._db, DATABASE)
        told = refused.status == 503 and not self._row(refused)
        self.step("without the database the visitor is told", told, f"answered with {refused.status}")
        sent = self._register()
        until = time.monotonic() + _BACK_WITHIN
        while not sent.acknowledged and time.monotonic() < until:
            time.sleep(2)
            sent = self._register()
        letter = self._wait_for(sent, 1)
        back = sent.acknowledged and len(letter) == 1
        self.step("once it is back, registrations and letters go on", back, f"answered with {sent.status}")
        self._note_ways_out(letter)

    def clean_up(self) -> None:
        """Erase the drill's own registrations and what they chose, and nothing else."""
        if rows := [one.row for one in self._sent if one.row]:
            self._about(rows, "DELETE FROM site.mail_service AS kept USING pg_temp.asked WHERE kept.id = asked.id;")
        mine = [one for one in self._sent if one.acknowledged]
        self._uncount(chosen(self._visitor.form, mine))
        left = [one for one in self._sent if one.row and self._row(one)]
        self.step("the drill's own registrations are erased", not left, f"{len(left)} of them are left")

    # --- with what --------------------------------------------------------------------------------------------------

    def _register(self) -> Sent:
        mark = secrets.token_hex(16)
        name, _, domain = self._to.partition("@")
        address = f"{name}+{mark}@{domain}" if domain else f"{mark}@{READERS}"
        self._marks.append(mark)
        optional = {item.name: item.choices[0].name for item in self._visitor.form.fields if item.choices}
        sent = self._visitor.send({"email": address, **optional})
        self._sent.append(sent)
        return sent

    def _row(self, sent: Sent) -> list[tuple[str, str, bool]]:
        """Return what is kept of a registration: purpose, sealed value, whether it is confirmed."""
        if not sent.row:
            return []
        query = (
            "SELECT json_agg(json_build_array(purpose, sealed, confirmed IS NOT NULL))"
            " FROM site.mail_service JOIN pg_temp.asked USING (id);"
        )
        [said] = self._about([sent.row], query)
        return [(purpose, sealed, confirmed) for purpose, sealed, confirmed in json.loads(said)] if said else []

    def _value(self, sent: Sent) -> str:
        kept = self._row(sent)
        if not kept:
            raise NotJudged("Nothing is kept of the drill's own registration, so that nothing of it could be tried.")
        return kept[0][1]

    def _confirmed(self, sent: Sent) -> bool:
        return any(confirmed for _, _, confirmed in self._row(sent))

    def _about(self, rows: list[str], statement: str) -> list[str]:
        return stored.about(stored.psql(self._at, self._db), rows, statement)

    def _uncount(self, mine: list[tuple[str, str]]) -> None:
        counted.uncount(stored.psql(self._at, self._db), MAIL_SERVICE, mine)

    def _active(self, host: str, unit: str) -> bool:
        until = time.monotonic() + _BACK_WITHIN
        while time.monotonic() < until:
            said = as_root(self._at, host, f"systemctl show --property=ActiveState,SubState --value {unit}")
            if said.split() == ["active", "running"]:
                return True
            time.sleep(1)
        return False

    def _arrived(self, sent: Sent) -> list[bytes]:
        """Return what has come to a registration's address, in the order in which it came."""
        if self._saved is None:
            taken = [one.message for one in Lab.of(self._site).received()]
        else:
            taken = [path.read_bytes() for path in sorted(self._saved.iterdir()) if path.is_file()]
        to = sent.answer["email"].encode()
        return [one for one in taken if to in one]

    def _wait_for(self, sent: Sent, number: int) -> list[bytes]:
        until = time.monotonic() + _ARRIVES_WITHIN[self._site.lab]
        while len(found := self._arrived(sent)) < number and time.monotonic() < until:
            time.sleep(1)
        return found

    def _must_arrive(self, sent: Sent, what: str) -> bytes:
        if self._saved is not None:
            self._say(f"save what arrives for {sent.answer['email']}, with all headers, into {self._saved}")
        found = self._wait_for(sent, 1)
        self.step(what, len(found) == 1, f"{len(found)} arrived")
        if not found:
            raise NotJudged("No letter arrived, so that nothing of it could be tried.")
        return found[0]

    def _headers(self, message: bytes, what: str) -> None:
        """Look at the way out that a message has, and at its signature, which has to cover it (RFC 8058, 4)."""
        said = message_from_bytes(message)
        click = "".join(str(said.get("List-Unsubscribe-Post", "")).split()) == ONE_CLICK.decode()
        self.step(f"{what} has a way out", click and self._note_ways_out([message]), "List-Unsubscribe by one click")
        why = unsigned(self._site, message)
        signature = "".join(str(said.get("DKIM-Signature", "")).split())
        covered = {name.lower() for tag in signature.split(";") if tag.startswith("h=") for name in tag[2:].split(":")}
        missing = ", ".join(sorted(_SIGNED - covered))
        told = why or (f"not covered: {missing}" if missing else "verified with the published key, the way out covered")
        self.step(f"{what} is signed", not why and not missing, told)

    def _note_ways_out(self, messages: list[bytes]) -> bool:
        """Note where the messages let their reader leave; tell whether each leads to this site."""
        ways = [str(message_from_bytes(one).get("List-Unsubscribe", "")).strip("<> \r\n") for one in messages]
        here = f"https://{self._site.settings.names[0]}"
        own = [f"{here}{path}{UNSUBSCRIBE}?{LETTER}=" for path in PATHS[MAIL_SERVICE].values()]
        self._ways_out += [way.removeprefix(here) for way in ways]
        return bool(ways) and all(way.startswith(tuple(own)) for way in ways)

    def _path(self, message: bytes, end: str) -> str:
        """Return the path, with its query, of the link to a page that a message names."""
        here = f"https://{self._site.settings.names[0]}"
        payload = message_from_bytes(message).get_payload(decode=True)
        text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
        links = [line.strip() for line in text.splitlines() if line.startswith(here) and f"/{end}?" in line]
        if len(links) != 1:
            raise NotJudged(f"The letter names {len(links)} pages of this site that end in {end}; promised is one.")
        return links[0].removeprefix(here)
