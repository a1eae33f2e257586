"""Section 4's procedure: proposed in a file, signed by two of the office's people, entered into the ledger.

The proposal is a file that goes to each person's own machine; each signature is a file beside it. Only entering it asks
for the contractor's key, and for the office's approval of the site: who may sign is the office's to say.
"""

import zoneinfo
from collections.abc import Iterable, Mapping
from glob import escape
from pathlib import Path

from azukari.answers.files import must_be_new, write_new
from azukari.errors import InputError
from azukari.evidence.signer import Signer
from azukari.people.chain import LedgerBroken
from azukari.rights import proposal, two_people
from azukari.rights.ledger import Entry, Ledger
from azukari.rights.proposal import NAMESPACE, Proposal
from azukari.site import Site, approval, sshsig


def propose(
    site: Site, out: Path, *, ground: str, basis: str, recipient: str, what: str, records: Iterable[str] = ()
) -> Proposal:
    """Write a proposal, to stand after what the ledger holds now.

    Raises:
        InputError: a text is not as it must be, or there is such a file.
        LedgerBroken: the ledger is not whole.
    """
    must_be_new(out)
    previous = Ledger(site, "disclosures").head()
    made = site.today().isoformat()
    one = proposal.checked(Proposal(site.name, made, ground, basis, recipient, what, tuple(records), previous))
    write_new(out, one.to_bytes().decode().splitlines())
    return one


def read(site: Site, file: Path) -> Proposal:
    """Return the proposal in a file.

    Raises:
        InputError: it cannot be read, is none, or of another site.
    """
    try:
        one = proposal.parse(file.read_bytes(), str(file))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}.") from error
    if one.site != site.name:
        raise InputError(f"{file} is of the site “{one.site}”, not of {site.name}; name that one with --site.")
    return one


def sign(site: Site, file: Path, name: str, private_key: Path) -> Path:
    """Sign a proposal as one of the office's people; return the new file of the signature.

    Args:
        site: the site.
        file: the proposal.
        name: the person's.
        private_key: the person's, or its public half when an ssh-agent holds the private one.

    Raises:
        InputError: no such person, another's key, or there is such a signature already.
    """
    text = read(site, file).to_bytes()
    out = file.with_name(f"{file.name}.{name}.sig")
    must_be_new(out)
    signature = sshsig.sign(text, NAMESPACE, private_key)
    two_people.own_key(site, name, sshsig.signer(signature))
    write_new(out, signature.decode().splitlines())
    return out


def close(site: Site, file: Path, signer: Signer) -> tuple[Proposal, tuple[str, ...], Entry]:
    """Enter a proposal that two people have signed into the ledger: from then on it may be disclosed.

    Args:
        site: the site.
        file: the proposal; its signatures lie beside it.
        signer: of the contractor's evidence key.

    Returns:
        The proposal, who signed it, and the ledger's new line.

    Raises:
        InputError: the site is not approved, the signatures are not two different people's, or the ledger has grown
            since the proposal; nothing was entered.
        LedgerBroken: the ledger is not whole.
    """
    one = read(site, file)
    if approval(site).state != "approved":
        raise InputError(
            "The site is not as the office approved it, so nobody knows who may sign a disclosure; `azukari site diff` "
            "shows what changed. Nothing was entered."
        )
    signatures = {path.name: path.read_bytes() for path in sorted(file.parent.glob(f"{escape(file.name)}.*.sig"))}
    who = judged(site, one, signatures)
    book = Ledger(site, "disclosures")
    if book.head() != one.previous:
        raise InputError(
            f"The ledger has another last line than when {file} was proposed; propose it anew and have it signed "
            "again. Nothing was entered."
        )
    said = {
        "proposal": one.to_bytes().decode(),
        "signatures": {name.removeprefix(file.name): text.decode() for name, text in signatures.items()},
    }
    book.append([said], signer, after=one.previous)
    return one, who, book.entries()[-1]


def judged(site: Site, one: Proposal, signatures: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return who signed a proposal, where two different people did, today; raises as `two_people.signers`."""
    return tuple(two_people.signers(site, one.to_bytes(), NAMESPACE, signatures, site.today()))


def entered(site: Site, path: Path | None = None) -> list[tuple[Entry, Proposal, tuple[str, ...]]]:
    """Return all disclosures that the ledger holds and who signed each, every signature and link verified anew.

    Args:
        site: the site.
        path: a copy of the ledger; its own by default.

    Raises:
        InputError: there is no such file.
        LedgerBroken: names the line, and what is wrong with it.
    """
    if path is not None and not path.is_file():
        raise InputError(f"There is no file {path}; name a copy of the ledger, or leave --ledger out.")
    book = Ledger(site, "disclosures", path)
    zone = zoneinfo.ZoneInfo(site.settings.time_zone)
    found = []
    for entry in book.entries():
        where = f"{book.path}, line {entry.number}"
        try:
            one = proposal.parse(str(entry.said["proposal"]).encode(), where)
            signatures = {f"{where}, {name}": str(text).encode() for name, text in entry.said["signatures"].items()}
            who = two_people.signers(site, one.to_bytes(), NAMESPACE, signatures, entry.at.astimezone(zone).date())
        except InputError as error:
            raise LedgerBroken(f"{where}: {error.message}") from error
        except (KeyError, AttributeError, TypeError) as error:
            raise LedgerBroken(f"{where}: is no disclosure.") from error
        if (one.site, one.previous) != (site.name, entry.previous):
            raise LedgerBroken(f"{where}: was signed for another place in the ledger; a line was moved or taken out.")
        found.append((entry, one, tuple(who)))
    return found
