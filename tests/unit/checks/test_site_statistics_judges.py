"""Judges of what may be published of visitors' choices, with good answers and with bad ones."""

import copy
import json
from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotEvaluated
from checks import test_site_statistics as judged

DB = SimpleNamespace(name="db")
FEMALE = ["contact", "gender", "female"]
GOOD = {"rows": [[*FEMALE, 10], ["contact", "gender", "other", 31]], "tries": dict.fromkeys(judged.TRIED, "42501")}


def shown(site, found):
    return judged.test_no_small_group_is_shown(DB, site, found)


def test_groups_of_k_and_none_at_all_may_be_shown(lab_site):
    assert shown(lab_site, GOOD) == "2 groups, each of 10 answers or more; 3 ways to smaller ones refused"
    assert shown(lab_site, {**GOOD, "rows": []}).startswith("0 groups")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([[*FEMALE, 9]], "a group of fewer than 10 is shown for contact/gender/female"),
        ([[*FEMALE, 0]], "a group of fewer than 10"),
        ([["contact", "comments", "tanaka", 50]], "contact/comments/tanaka is no declared choice"),
        ([["access", "gender", "female", 50]], "access/gender/female is no declared choice"),
        ([[*FEMALE, 10], [*FEMALE, 12]], "contact/gender/female is shown twice"),
    ],
    ids=["nine", "none", "no choice", "no form", "twice"],
)
def test_a_number_that_must_not_be_published_is_found(lab_site, rows, said):
    with pytest.raises(AssertionError, match=said):
        shown(lab_site, {**GOOD, "rows": rows})


def test_whoever_gets_the_small_groups_is_found(lab_site):
    with pytest.raises(AssertionError, match=r"FROM site\.tally” was not refused"):
        shown(lab_site, {**GOOD, "tries": {**GOOD["tries"], judged.TRIED[0]: "done"}})


@pytest.mark.parametrize("tries", [{}, {**GOOD["tries"], judged.TRIED[0]: "42P01"}], ids=["nothing tried", "no table"])
def test_what_was_not_refused_for_want_of_a_right_proves_nothing(lab_site, tries):
    with pytest.raises(NotEvaluated, match="not clear"):
        shown(lab_site, {**GOOD, "tries": tries})


class Asked:
    """A host whose database gives rows, and refuses the rest."""

    def __init__(self, line):
        self.line = line

    def command(self, argv):
        if argv[-1].startswith("--command="):
            return SimpleNamespace(exit_code=1, stdout="", stderr="ERROR:  42501\n")
        return SimpleNamespace(exit_code=0, stdout=f"{self.line}\n", stderr="")


def test_what_was_refused_is_collected_by_its_state():
    assert judged.publishable(Asked(json.dumps(GOOD["rows"]))) == GOOD
    assert judged.publishable(Asked(""))["rows"] == []


@pytest.fixture
def catalogues(answers):
    return json.loads((answers / "database-catalogues.json").read_text())


def unlinked(site, found, programs):
    return judged.test_counts_lead_to_nobody(DB, site, found, programs)


def test_the_recorded_tables_of_counts_lead_to_nobody(lab_site, catalogues):
    assert unlinked(lab_site, catalogues, judged.programs(lab_site)).startswith("4 columns, none of them an answer's")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found["columns"]["site.tally"].update(id="uuid"), "columns of site.tally"),
        (lambda found: found["columns"]["site.counts"].update(day="date"), "columns of site.counts"),
        (lambda found: found.update(columns=None), "columns of site.tally"),
        (lambda found: found.update(relations=None), "kinds of the tables"),
        (lambda found: found["relations"].remove(["site.tally", "r u", "site_owner"]), "kinds of the tables"),
    ],
    ids=["an answer's key", "a day", "no columns", "no tables", "one table"],
)
def test_a_table_that_knows_more_is_found(lab_site, catalogues, change, said):
    change(catalogues)
    with pytest.raises(AssertionError, match=said):
        unlinked(lab_site, catalogues, judged.programs(lab_site))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("site.fold()", ">= 10", ">= 1"),
        ("site.fold()", "< 10", "< 0"),
        ("site.statistics()", ">= 10", ">= 0"),
        ("site.keep(text,uuid,jsonb,jsonb)", "'contact', key, value, 1", "'contact', key, value || answer, 1"),
        ("site.keep(text,uuid,jsonb,jsonb)", "gender=female,", ""),
    ],
)
def test_a_program_that_counts_otherwise_is_found(lab_site, catalogues, name, old, new):
    programs = copy.deepcopy(judged.programs(lab_site))
    assert old in programs[name]
    programs[name] = programs[name].replace(old, new)
    with pytest.raises(AssertionError, match=name.partition("(")[0]):
        unlinked(lab_site, catalogues, programs)


def test_a_program_that_is_missing_is_found(lab_site, catalogues):
    with pytest.raises(AssertionError, match=r"site\.keep"):
        unlinked(lab_site, catalogues, {})
