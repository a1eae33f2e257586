"""Walks clause → safeguard → role → check → breach in both directions, over the real catalogue."""

import re
from pathlib import Path

import pytest

from azukari.safeguards import Catalogue, Safeguard, load
from azukari.safeguards.chain import CheckFunction, Trial, checks_in, trials_in

CHECKOUT = Path(__file__).parents[3]
CATALOGUE: Catalogue = load(CHECKOUT / "safeguards", CHECKOUT / "tests" / "breaches")
CHECKS: list[CheckFunction] = checks_in(CHECKOUT / "checks")
TRIALS: list[Trial] = trials_in(CHECKOUT / "tests" / "breaches")
TECHNICAL = [safeguard for safeguard in CATALOGUE.in_force() if safeguard.kind == "technical"]
# The only technical safeguard that no role puts in force: it is the office's signature over the site itself.
WITHOUT_ROLE = {"CONT-02"}

# What is promised of the declared site as a whole is judged there, and broken in the site's own folder.
OF_THE_SITE = "checks/test_site.py"


@pytest.mark.parametrize("safeguard", TECHNICAL, ids=lambda safeguard: safeguard.id)
class TestFromTheClauseDown:
    def test_a_clause_of_the_policy_asks_for_it(self, safeguard: Safeguard) -> None:
        assert [each for each in CATALOGUE.citations(safeguard) if each.framework == "policy"]

    def test_a_role_puts_it_in_force(self, safeguard: Safeguard) -> None:
        if safeguard.id in WITHOUT_ROLE:
            assert safeguard.role is None
            return
        for role in (safeguard.role, *safeguard.also):
            assert role is not None, f"{safeguard.id} is technical, in force, and names no role"
            assert (CHECKOUT / "roles" / role / "tasks" / "main.yml").is_file(), f"{safeguard.id}: no role “{role}”"

    def test_a_check_judges_it(self, safeguard: Safeguard) -> None:
        files = {each.file for each in CHECKS if each.safeguard == safeguard.id}
        of_further_roles = {
            file
            for role in safeguard.also
            for file in files
            if re.fullmatch(rf"checks/test_{role}(_[a-z]+)?\.py", file)
        }
        assert safeguard.check in files, f"{safeguard.id} is judged in {sorted(files)}"
        assert files <= {safeguard.check, *of_further_roles}, f"{safeguard.id} is judged in {sorted(files)}"

    def test_check_and_role_bear_the_same_name(self, safeguard: Safeguard) -> None:
        own = re.fullmatch(rf"checks/test_{safeguard.role}(_[a-z]+)?\.py", safeguard.check)  # one file a topic
        assert own or safeguard.check == OF_THE_SITE

    def test_it_claims_the_proofs_that_its_checks_give(self, safeguard: Safeguard) -> None:
        assert set(safeguard.proof) == {each.proof for each in CHECKS if each.safeguard == safeguard.id}

    def test_a_breach_of_its_own_role_turns_it_red(self, safeguard: Safeguard) -> None:
        roles = {each.role for each in TRIALS if each.breach and each.safeguard == safeguard.id}
        assert roles, f"{safeguard.id} is in force and no breach shows that its check can fail"
        assert roles & {safeguard.role, "site" if safeguard.check == OF_THE_SITE else safeguard.role}

    def test_a_near_miss_stays_green(self, safeguard: Safeguard) -> None:
        assert [each for each in TRIALS if not each.breach and each.safeguard == safeguard.id]


class TestFromTheBreachUp:
    def test_every_trial_names_its_safeguard(self) -> None:
        assert [f"{each.role}/{each.name}" for each in TRIALS if not each.safeguard] == []

    def test_every_trial_is_of_a_safeguard_in_force(self) -> None:
        in_force = {safeguard.id for safeguard in CATALOGUE.in_force()}
        assert sorted({each.safeguard for each in TRIALS} - in_force) == []

    def test_every_check_judges_a_safeguard_in_force(self) -> None:
        in_force = {safeguard.id for safeguard in CATALOGUE.in_force()}
        assert sorted({each.safeguard for each in CHECKS} - in_force) == []

    def test_every_folder_of_trials_is_a_role(self) -> None:
        folders = {each.role for each in TRIALS} - {"site"}
        assert sorted(name for name in folders if not (CHECKOUT / "roles" / name).is_dir()) == []

    def test_every_section_of_the_policy_that_promises_anything_is_answered(self) -> None:
        promises = CATALOGUE.clauses.frameworks["policy"].clauses
        assert [number for number in promises if not CATALOGUE.answering("policy", number)] == []
