"""Which registrations are one person's, where the mail tier alone opens addresses: asked, carried and answered.

The office seals the address on its own machine and signs the question; the contractor carries it and sees what the mail
host's finder answers, which are identifiers and days.
"""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from azukari.drills.hosts import as_root
from azukari.drills.sending import mail_host
from azukari.errors import InputError, NotJudged
from azukari.people.sealing_keys import FOLDER, holder
from azukari.provision.session import Session
from azukari.rights.proposal import ROW
from azukari.site import Site, sshsig
from azukari.site.keys import public_key
from reference_site.forms import ADDRESS
from reference_site.letters_opened import LONGEST_ADDRESS
from reference_site.questions import NAMESPACE, NoQuestion, Question, sealed_address, to_file, verified
from reference_site.recipients import NoRecipient, recipient

# Run as root on the mail host: the question comes in the program's text, which is no argument of anything.
CARRY = """
import socket, sys
with socket.socket(socket.AF_UNIX) as way:
    way.settimeout(90)
    way.connect("/run/azukari-finder.socket")
    way.sendall({question!r})
    way.shutdown(socket.SHUT_WR)
    with way.makefile("rb") as said:
        sys.stdout.write(said.read(10_000_000).decode())
"""


@dataclass(frozen=True)
class Found:
    """What the finder answered.

    Attributes:
        rows: (identifier, day received) of the person's registrations.
        unread: how many registrations nobody has opened yet, so that they may be the person's.
    """

    rows: tuple[tuple[str, str], ...]
    unread: int


def must_be_the_mail_tiers(site: Site, form: str) -> None:
    """Refuse a collection whose addresses the mail tier does not open.

    Raises:
        InputError: says what to do instead.
    """
    opens = holder(site, form)
    if opens == "office":
        raise InputError(f"The office opens {form} itself; find the answers with `azukari office find FILE`.")
    if opens != "mail":
        raise InputError(f"The site {site.name} has no collection “{form}” whose addresses its mail tier opens.")


def ask(site: Site, form: str, address: str, approval_key: Path) -> bytes:
    """Return the signed file of a question.

    Args:
        site: the site.
        form: a collection whose addresses the mail tier opens.
        address: the person's, in full; upper and lower case are one, as for the mail tier.
        approval_key: the office's private approval key, or its public half when an ssh-agent holds the private one.

    Raises:
        InputError: no such collection, no address (which is not repeated), no stated key, or not the office's key.
    """
    must_be_the_mail_tiers(site, form)
    wanted = address.strip()
    if len(wanted) > LONGEST_ADDRESS or not ADDRESS.fullmatch(wanted):
        raise InputError("What was given is no e-mail address; give it in full, such as somebody@example.jp.")
    office, number = public_key(site.path, site.contract.office.key), str(uuid.uuid4())
    try:
        statement = recipient(site.path / FOLDER, site.name, form, "mail", office, site.today())
    except NoRecipient as error:
        raise InputError(f"The address cannot be sealed: {error}") from error
    sealed = sealed_address(wanted, number, statement.key)
    one = Question(site.name, form, number, datetime.now(UTC).isoformat(timespec="seconds"), sealed)
    signature = sshsig.sign(one.to_bytes(), NAMESPACE, approval_key)
    if not sshsig.verifies(one.to_bytes(), NAMESPACE, signature, office):
        raise InputError(
            f"The key {approval_key} is not the office's: the contract names {site.contract.office.key}; nothing was "
            "written."
        )
    return to_file(one, signature)


def read(site: Site, file: Path) -> bytes:
    """Return the question in a file, where the office signed it; the mail host looks at it once more.

    Raises:
        InputError: it cannot be read, or is not the office's question about this site.
    """
    try:
        carried = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}.") from error
    try:
        verified(carried, site.name, public_key(site.path, site.contract.office.key))
    except NoQuestion as error:
        raise InputError(f"{file}: {error} Nothing was asked.") from error
    return carried


def carry(at: Session, question: bytes) -> Found:
    """Hand a question to the mail host's finder and return its answer.

    Raises:
        InputError: the finder refuses it; says why, in the finder's words.
        NotJudged: it gave no answer, or one that is none.
    """
    host = mail_host(at.site)
    said = as_root(at, host, "python3 -I -", CARRY.format(question=question))
    try:
        answer = json.loads(said)
        if "refused" in answer:
            raise InputError(f"{host}: {str(answer['refused'])[:500]}")
        rows = tuple((_row(row), date.fromisoformat(day).isoformat()) for row, day in answer["found"])
        return Found(rows, int(answer["unread"]))
    except (ValueError, KeyError, TypeError) as error:
        raise NotJudged(
            f"{host}: the finder gave no answer; `journalctl -u azukari-finder.service` there says more."
        ) from error


def _row(said: str) -> str:
    """Return an identifier; whoever holds the mail host could have anything printed here."""
    if ROW.fullmatch(said) is None:
        raise ValueError("no identifier")
    return said
