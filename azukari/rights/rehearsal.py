"""Section 4's procedure, tried with throwaway people: alone it fails, and with two different people it does not.

Nothing of the site's own is used but the code and the rules: the people, their keys and the proposal are made up, and
lie in memory and in a folder that is removed.
"""

import dataclasses
import datetime
import tempfile
from collections.abc import Callable
from pathlib import Path

from azukari.errors import InputError
from azukari.people.chain import FIRST
from azukari.rights import disclosure
from azukari.rights.proposal import NAMESPACE, Proposal
from azukari.site import Discloser, Site, sshsig
from azukari.ssh import keys

BY_TWO = "two different people"
_PEOPLE = {"first": 2, "second": 1, "former": 1}  # how many keys each has
_TRIED: dict[str, tuple[str, ...]] = {
    "nobody": (),
    "one person alone": ("first0",),
    "one person twice": ("first0", "first0"),
    "one person with two keys": ("first0", "first1"),
    "one person, and a key that is nobody's": ("first0", "stranger0"),
    "one person, and one whose days are over": ("first0", "former0"),
    BY_TWO: ("first0", "second0"),
}
CHANGED = "two different people, and changed afterwards"


def tried(site: Site) -> list[dict[str, str]]:
    """Return what came of each way to sign: `what`, `outcome` (`entered` or `refused`) and `said`."""
    with tempfile.TemporaryDirectory(prefix="azukari-rehearsal-") as folder:
        private = {f"{name}{n}": Path(folder) / f"{name}{n}" for name, count in _PEOPLE.items() for n in range(count)}
        private["stranger0"] = Path(folder) / "stranger0"
        public = {name: _made(path) for name, path in private.items()}
        played = _played(site, public)
        one = Proposal(
            site.name, site.today().isoformat(), "special-reason", "rehearsal", "nobody", "nothing", (), FIRST
        )
        signatures = {name: sshsig.sign(one.to_bytes(), NAMESPACE, path) for name, path in private.items()}

        def signed(names: tuple[str, ...], over: Proposal) -> Callable[[], object]:
            given = {f"signature {number}": signatures[name] for number, name in enumerate(names, 1)}
            return lambda: disclosure.judged(played, over, given)

        found = [_came_of(what, signed(names, one)) for what, names in _TRIED.items()]
        other = dataclasses.replace(one, recipient="somebody else")
        return [*found, _came_of(CHANGED, signed(_TRIED[BY_TWO], other))]


def _made(path: Path) -> str:
    key = keys.new_key()
    keys.write_closed(path, keys.private_text(key))
    return keys.public_text(key).strip()


def _played(site: Site, public: dict[str, str]) -> Site:
    """Return the site as if the throwaway people were its disclosers."""
    today, day = site.today(), datetime.timedelta(days=1)
    people = tuple(
        Discloser.model_validate(
            {
                "name": name,
                "full_name": name,
                "from": today - 2 * day,
                "until": today - day if name == "former" else today + day,
                "keys": [public[f"{name}{number}"] for number in range(count)],
            }
        )
        for name, count in _PEOPLE.items()
    )
    return dataclasses.replace(site, contract=site.contract.model_copy(update={"disclosers": people}))


def _came_of(what: str, judge: Callable[[], object]) -> dict[str, str]:
    try:
        judge()
    except InputError as error:
        return {"what": what, "outcome": "refused", "said": error.message}
    return {"what": what, "outcome": "entered", "said": ""}
