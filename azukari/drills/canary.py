"""The canary drill: what is sent through the public form is found nowhere on any host but sealed, also after crashes.

Marks go in as a visitor's message, and are then looked for on every host: files, the database's raw files and its log,
logs, the journal, core dumps, temporary files, processes; and every key of every host is tried on what is kept. Then
each service is killed while more are sent, what was
acknowledged is counted, and all is looked for again. At the end the drill's own answers are deleted.
"""

import json
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from azukari.answers import counted, stored
from azukari.drills import keys
from azukari.drills.hosts import as_root, on_all
from azukari.drills.looking import looked_for
from azukari.drills.outcome import Outcome, Say
from azukari.drills.visitor import Sent, Visitor, chosen
from azukari.errors import NotJudged
from azukari.provision.session import Session
from azukari.site import Site, holders_dir
from reference_site.sealing import CannotUnseal, Place, sealed_for, unseal

NAME, FORM = "canary", "contact"
# In the order of the way that an answer takes.
SERVICES = (("web", "nginx.service"), ("app", "azukari-site.service"), ("db", "postgresql@17-main.service"))
CRASH = "SEGV"  # would leave core dumps where they are allowed
BACK_WITHIN = 30.0  # seconds until a killed service answers again
DURING = 8  # answers that are sent while a service is killed
BETWEEN = 0.15  # seconds between them: the order to kill takes about two of these to arrive
PAUSE = 1.1  # seconds between answers otherwise: the website takes one a second from one visitor for long
NONE = "0"  # what systemd says in place of a process


def run(at: Session, say: Say) -> Outcome:
    """Do the drill on the session's hosts.

    Args:
        at: the hosts, and the ways to them.
        say: told what goes on.

    Returns:
        What came of it, also where it broke off: then the step WHOLE did not come out as promised.

    Raises:
        NotJudged: a host that it needs is left out here; nothing was sent.
    """
    drill = _Canary(at, say)
    drill.outcome.play((drill.send_and_look, drill.crash_all, drill.look_again), drill.clean_up, say)
    return drill.outcome


class _Canary:
    def __init__(self, at: Session, say: Say) -> None:
        self._at, self._say, self._site = at, say, at.site
        self._visitor = Visitor(at.site, FORM)
        self._db = at.site.group("db")[0].name
        self._services = [(host.name, unit) for group, unit in SERVICES for host in at.site.group(group)]
        if missing := sorted({host for host, _ in self._services} - set(at.hosts)):
            raise NotJudged(f"The drill needs {', '.join(missing)}, which is left out here.")
        self._sent: list[Sent] = []
        self._since = time.time() - 5
        self.outcome = Outcome(datetime.now(UTC), tuple(at.hosts), dict(at.left))

    def step(self, what: str, passed: bool, said: str, tried: Iterable[Mapping[str, Any]] = ()) -> None:
        """Note how one thing came out."""
        self.outcome.note(what, passed, said, self._say, tried)

    def _answer(self, *, whole: bool, choosing: bool = True) -> dict[str, str]:
        """Return an answer in which each text that a visitor may write is a mark of its own.

        A crash loses what was chosen meanwhile, so that nobody could say what to take off: then nothing is chosen.
        """
        given: dict[str, str] = {}
        for item in self._visitor.form.fields:
            if (item.required or whole) and (choosing or not item.choices):
                mark = secrets.token_hex(16)
                given[item.name] = (
                    item.choices[0].name if item.choices else f"{mark}@canary.invalid" if item.kind == "email" else mark
                )
        return given

    def send_and_look(self) -> None:
        """Send answers, and look for them where they should and should not be, and try every key on them."""
        self.send()
        self.try_keys()
        self.look("after they were received")

    def crash_all(self) -> None:
        """Kill each service in turn."""
        for host, unit in self._services:
            self.crash(host, unit)

    def look_again(self) -> None:
        """Count what was acknowledged meanwhile, and look for all of it."""
        self.count()
        self.look("after each service was killed")

    def send(self) -> None:
        """Send an answer with what is required, one with everything, and one that lacks what is required."""
        least, whole = (self._visitor.send(self._answer(whole=whole)) for whole in (False, True))
        self._sent += [least, whole]
        required = [item.name for item in self._visitor.form.fields if item.required]
        for what, sent in ((f"only {', '.join(required)}", least), ("every item", whole)):
            self.step(f"an answer with {what}", sent.acknowledged, f"answered with {sent.status}")
        for name in required:
            answer = {key: value for key, value in self._answer(whole=True).items() if key != name}
            lacking = self._visitor.send(answer)
            self._sent.append(lacking)
            self.step(f"an answer without {name}", lacking.status == 400, f"answered with {lacking.status}")
        self._kept([least, whole])

    def _kept(self, expected: list[Sent]) -> None:
        """Look whether answers are kept as they were sent: sealed, each purpose by itself, for the office's key."""
        rows = self._rows(expected)
        for sent in expected:
            own = {purpose: sealed for row, purpose, sealed in rows if row == sent.row}
            promised = _by_purpose(self._site, sent.answer)
            said, passed = f"kept for {', '.join(sorted(own)) or 'nothing'}", set(own) == set(promised)
            keys = sorted({sealed_for(sealed) for sealed in own.values()}) if own else []
            opened = _opened(self._site, sent.row, own)
            if opened is not None:
                passed = passed and opened == promised
                said += ", and opened by the office's key" if opened == promised else ", and opens to something else"
            else:
                said += "; the office's key is not at hand here, so it was not opened"
            self.step("what is kept of an answer", passed and len(keys) == 1, f"{said}; sealed for {', '.join(keys)}")

    def _rows(self, sent: list[Sent]) -> list[tuple[str, str, str]]:
        rows = [one.row for one in sent if one.row]
        if not rows:
            return []
        query = "SELECT json_agg(json_build_array(id, purpose, sealed))"
        [said] = self._about(rows, f"{query} FROM site.{FORM} JOIN pg_temp.asked USING (id);")
        return [(row, purpose, sealed) for row, purpose, sealed in json.loads(said)] if said else []

    def _about(self, rows: list[str], statement: str) -> list[str]:
        return stored.about(stored.psql(self._at, self._db), rows, statement)

    def look(self, when: str) -> None:
        """Look for every mark on every host."""
        marks = {
            value.partition("@")[0]: name
            for sent in self._sent
            for name, value in {**sent.unasked, **sent.answer}.items()
            if len(value) >= 32  # the marks; choices are shorter
        }
        for host, (clean, said) in looked_for(self._at, marks, self._since).items():
            self.step(f"{len(marks)} marks {when}, on {host}", clean, said)

    def try_keys(self) -> None:
        """Try every key of every host on what is kept of the answers, one value for each purpose."""
        kept = {purpose: sealed for _, purpose, sealed in self._rows(self._sent)}
        if not kept:
            self.step("every key tried on what is kept", False, "nothing is kept, so nothing was tried")
            return
        program = keys.program(kept)
        for host, said in on_all(self._at, lambda host: as_root(self._at, host, "python3 -I -", program)).items():
            found = json.loads(said)
            self.step(f"every key tried on what is kept, on {host}", *keys.judged(found, sorted(kept)), found["keys"])

    def crash(self, host: str, unit: str) -> None:
        """Kill all of a service while answers are being sent, and wait until it is back and takes answers again."""
        before = self._main_process(host, unit)
        database = stored.psql(self._at, self._db)
        waiting = counted.waiting(database) if host == self._db else None
        sending = threading.Thread(target=self._send_some)
        sending.start()
        time.sleep(BETWEEN)
        as_root(self._at, host, f"systemctl kill --kill-whom=all --signal={CRASH} {unit}")
        sending.join()
        back = self._until_acknowledged()
        after = self._main_process(host, unit)
        if waiting is not None and back:
            counted.put_back(database, waiting)
        said = "a new process takes answers" if back else f"no answer was taken for {BACK_WITHIN:.0f} s"
        if after in (NONE, before):
            said = f"its process is {'gone' if after == NONE else 'the same as before'}"
        self.step(f"{unit} on {host} killed by SIG{CRASH}", back and after not in (NONE, before), said)

    def _main_process(self, host: str, unit: str) -> str:
        """Return a service's process once it is started; NONE where that does not come."""
        begun = time.monotonic()
        while True:  # a database takes answers a moment before systemd hears that it has started
            said = as_root(self._at, host, f"systemctl show --property=MainPID,ActiveState {unit}")
            found = dict(line.split("=", 1) for line in said.splitlines())
            if found["ActiveState"] == "active" or time.monotonic() - begun > BACK_WITHIN:
                return found["MainPID"]
            time.sleep(0.5)

    def _send_some(self) -> None:
        for _ in range(DURING):
            self._sent.append(self._visitor.send(self._answer(whole=True, choosing=False)))
            time.sleep(BETWEEN)

    def _until_acknowledged(self) -> bool:
        begun = time.monotonic()
        while time.monotonic() - begun < BACK_WITHIN:
            sent = self._visitor.send(self._answer(whole=True, choosing=False))
            self._sent.append(sent)
            if sent.acknowledged:
                return True
            time.sleep(PAUSE)
        return False

    def count(self) -> None:
        """Look whether what was acknowledged is there, once, whatever was killed."""
        acknowledged = [sent for sent in self._sent if sent.acknowledged]
        rows = self._rows(acknowledged)
        lost = [
            sent.row
            for sent in acknowledged
            if sorted(purpose for row, purpose, _ in rows if row == sent.row)
            != sorted(_by_purpose(self._site, sent.answer))
        ]
        kept = len(acknowledged) - len(lost)
        said = f"{len(self._sent)} sent, {len(acknowledged)} acknowledged, {kept} of those kept once"
        self.step("what was acknowledged while services were killed", not lost, said)

    def clean_up(self) -> None:
        """Delete the drill's own answers and what they chose, and nothing else."""
        kept = {row for row, _, _ in self._rows(self._sent)}
        if rows := [one.row for one in self._sent if one.row]:
            self._about(rows, f"DELETE FROM site.{FORM} AS kept USING pg_temp.asked WHERE kept.id = asked.id;")  # noqa: S608
        mine = [one for one in self._sent if one.row in kept]
        counted.uncount(stored.psql(self._at, self._db), FORM, chosen(self._visitor.form, mine))
        left = self._rows(self._sent)
        self.step("the drill's own answers are deleted", not left, f"{len(left)} values of them are left")


def _by_purpose(site: Site, answer: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return what is to be kept of an answer: by purpose, the items that serve it."""
    [collection] = [one for one in site.policy.collections if one.name == FORM]
    found: dict[str, dict[str, str]] = {}
    for item in collection.items:
        for purpose in item.purposes if item.name in answer else ():
            found.setdefault(purpose, {})[item.name] = answer[item.name]
    return found


def _opened(site: Site, row: str, kept: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what the office's key makes of sealed values; None where that key is not at hand.

    On a contractor's machine it must not be; in the lab all keys lie on one machine.
    """
    opened: dict[str, Any] = {}
    for purpose, sealed in kept.items():
        path = holders_dir(site) / "office" / "sealing" / f"{FORM}-{sealed_for(sealed)}.pem"
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
            if not isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey):
                return None
            opened[purpose] = json.loads(unseal(sealed, Place(FORM, row, purpose), key))
        except (OSError, TypeError):  # not here, or encrypted
            return None
        except CannotUnseal:
            opened[purpose] = None
    return opened
