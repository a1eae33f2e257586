"""The erasure drill: who asked to be erased, and who unsubscribed, is gone, and does not come back with a copy.

Answers of the drill's own go in by the public forms. A copy of the database is made, as a backup would be one; then
one answer is erased as the office asks for it, and one registration by its letter's way out. The copy is restored
beside the site's database: it brings them back, until the erasure ledger is replayed there. What nobody asked to erase
stays.
"""

import secrets
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import IO

from azukari.answers import stored
from azukari.drills.outcome import Outcome, Say
from azukari.drills.visitor import Sent, Visitor
from azukari.errors import NotJudged
from azukari.evidence.signer import Signer
from azukari.lab.internet import READERS
from azukari.provision.release import forms
from azukari.provision.session import Session
from azukari.rights import erasing
from azukari.rights.request import Request
from azukari.rights.restored import DATABASE, Copy
from reference_site.answers import LETTER, MAIL_SERVICE, PATHS, UNSUBSCRIBE, hashed

NAME, FORM = "erasure", "contact"
ONE_CLICK = b"List-Unsubscribe=One-Click"
_PAUSE = 1.1  # seconds between answers: the website takes one a second from one visitor
_LETTERED_WITHIN = 120.0  # seconds until the mail tier has asked a registration's reader


def run(at: Session, say: Say, signer: Signer, to: str = "") -> Outcome:
    """Do the drill.

    Args:
        at: the hosts, and the ways to them.
        say: told what goes on.
        signer: of the contractor's evidence key, for the erasure ledger.
        to: the mailbox of the registration; in a lab a reader of its own by default.

    Returns:
        What came of it, also where it broke off: then the step WHOLE did not come out as promised.

    Raises:
        NotJudged: a host that it needs is left out here; nothing was sent.
    """
    with tempfile.TemporaryFile() as file:
        drill = _Erasure(at, say, signer, to, file)
        drill.outcome.play((drill.send, drill.erase, drill.restore), drill.clean_up, say)
    return drill.outcome


class _Erasure:
    def __init__(self, at: Session, say: Say, signer: Signer, to: str, file: IO[bytes]) -> None:
        self._at, self._say, self._site, self._signer, self._to = at, say, at.site, signer, to
        self._host = stored.database_host(at.site, FORM)
        needed = {self._host, *(host.name for group in ("web", "app", "mail") for host in at.site.group(group))}
        if missing := sorted(needed - set(at.hosts)):
            raise NotJudged(f"The drill needs {', '.join(missing)}, which is left out here.")
        self._copy = Copy(at, self._host, file)
        self._mine, self._other, self._left = (Sent("", {}, 0) for _ in range(3))
        self.outcome = Outcome(datetime.now(UTC), tuple(at.hosts), dict(at.left))

    def step(self, what: str, passed: bool, said: str) -> None:
        """Note how one thing came out."""
        self.outcome.note(what, passed, said, self._say)

    # --- what it does -----------------------------------------------------------------------------------------------

    def send(self) -> None:
        """Send two answers and a registration, and make the copy."""
        visitor = Visitor(self._site, FORM)
        self._mine = visitor.send({"comments": secrets.token_hex(16), "email": f"{secrets.token_hex(8)}@{READERS}"})
        time.sleep(_PAUSE)
        self._other = visitor.send({"comments": secrets.token_hex(16)})
        taken = self._mine.acknowledged and self._other.acknowledged
        self.step("two answers are taken", taken, f"answered with {self._mine.status} and {self._other.status}")
        if MAIL_SERVICE in forms(self._site):
            self._register()
        self.step("a copy of the database is made", True, f"{self._copy.take()} bytes, all that is sealed")

    def _register(self) -> None:
        """Register, and put a way out of the drill's own in the place of the letter's, which the reader alone knows."""
        time.sleep(_PAUSE)
        name, _, domain = self._to.partition("@")
        mark = secrets.token_hex(8)
        address = f"{name}+{mark}@{domain}" if domain else f"{mark}@{READERS}"
        self._left = Visitor(self._site, MAIL_SERVICE).send({"email": address})
        self.step("a registration is taken", self._left.acknowledged, f"answered with {self._left.status}")
        until = time.monotonic() + _LETTERED_WITHIN
        lettered = f"SELECT 1 FROM site.{MAIL_SERVICE} JOIN pg_temp.asked USING (id) WHERE lettered IS NOT NULL;"  # noqa: S608
        while not self._about(MAIL_SERVICE, [self._left.row], lettered):
            if time.monotonic() > until:
                raise NotJudged("No letter went to the drill's registration; look with `azukari drill letters`.")
            time.sleep(1)
        self._secret = secrets.token_urlsafe(32)
        way = f"UPDATE site.{MAIL_SERVICE} AS kept SET leave = '{hashed(self._secret)}' FROM pg_temp.asked"  # noqa: S608
        self._about(MAIL_SERVICE, [self._left.row], f"{way} WHERE kept.id = asked.id;")

    def erase(self) -> None:
        """Erase one answer as the office asks for it, and unsubscribe."""
        asked = Request("delete", self._site.name, FORM, self._site.today().isoformat(), (self._mine.row,))
        erasing.remember(self._site, asked, self._signer)
        self._erase(FORM, asked.records, "on request")
        if not self._left.row:
            return
        path = f"{PATHS[MAIL_SERVICE]['ja']}{UNSUBSCRIBE}?{LETTER}={self._secret}"
        done = Visitor(self._site, MAIL_SERVICE).click(path, ONE_CLICK, Sec_Fetch_Site="none")
        gone = done.status == 200 and not self._there(MAIL_SERVICE, [self._left.row])
        self.step("who unsubscribes is gone", gone, f"answered with {done.status}")
        erasing.gather(self._at, self._signer)
        self._erase(MAIL_SERVICE, [self._left.row], "after unsubscribing")
        known = self._left.row in erasing.erased(self._site).get(MAIL_SERVICE, ())
        self.step("who unsubscribed is in the erasure ledger", known, "by an identifier that leads to nobody")

    def restore(self) -> None:
        """Restore the copy beside, replay the ledger there, and look for who was erased."""
        self._copy.restore()
        gone = {FORM: [self._mine.row]} | ({MAIL_SERVICE: [self._left.row]} if self._left.row else {})
        back = sum(self._there(form, rows, DATABASE) for form, rows in gone.items())
        said = f"{back} of {len(gone)} are in what was restored"
        self.step("the copy alone brings back who was erased", back == len(gone), said)
        # As a replay does: who was about to be gathered when the copy was made is known by now.
        database = stored.psql(self._at, self._host, DATABASE)
        if waiting := stored.unsubscribed(database) if self._left.row else []:
            stored.entered(database, waiting)
        for form, rows in erasing.erased(self._site).items():
            self._erase(form, rows, "after the restore", DATABASE)
        left = sum(self._there(form, rows, DATABASE) for form, rows in gone.items())
        self.step("after the ledger nobody erased is back", left == 0, f"{left} of {len(gone)} are there")
        stays = self._there(FORM, [self._other.row], DATABASE) == 1
        said = "the other answer is there" if stays else "the other answer is gone too"
        self.step("what nobody asked to erase is restored", stays, said)

    def clean_up(self) -> None:
        """Remove what was restored, and erase the drill's own answers."""
        self._copy.drop()
        kept = {FORM: [one.row for one in (self._mine, self._other) if one.row]}
        kept[MAIL_SERVICE] = [self._left.row] if self._left.row else []
        for form, rows in kept.items():
            if rows:
                stored.erase(stored.psql(self._at, self._host), form, rows)
        left = sum(self._there(form, rows) for form, rows in kept.items() if rows)
        self.step("the drill's own answers are erased", left == 0, f"{left} of them are left")

    # --- with what --------------------------------------------------------------------------------------------------

    def _erase(self, form: str, rows: Sequence[str], when: str, database: str = "site") -> None:
        erasing.erase(self._at, form, rows, self.outcome, self._say, database=database, when=f", {when}")

    def _there(self, form: str, rows: list[str], database: str = "site") -> int:
        """Return how many of some answers are there."""
        found = self._about(form, rows, f"SELECT DISTINCT id FROM site.{form} JOIN pg_temp.asked USING (id);", database)  # noqa: S608
        return len(found)

    def _about(self, form: str, rows: list[str], statement: str, database: str = "site") -> list[str]:
        if not all(rows):
            raise NotJudged(f"The form {form} did not take the drill's own answers, so that nothing could be erased.")
        return stored.about(stored.psql(self._at, self._host, database), rows, statement)
