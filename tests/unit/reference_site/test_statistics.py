"""No published number, and no difference of two that were published, speaks of fewer than k answers."""

import random

import pytest

from reference_site.statistics import shown

K = 10
FEMALE, MALE = ("contact", "gender", "female"), ("contact", "gender", "male")


def test_fewer_than_k_are_not_shown():
    assert shown({FEMALE: 9, MALE: 10}, {}, K) == {MALE: 10}


def test_a_number_stays_until_k_more_have_come():
    assert shown({FEMALE: 19}, {FEMALE: 10}, K) == {FEMALE: 10}
    assert shown({FEMALE: 20}, {FEMALE: 10}, K) == {FEMALE: 20}


def test_a_count_that_shrank_is_of_another_series():
    with pytest.raises(ValueError, match="of which 10 were published"):
        shown({FEMALE: 9}, {FEMALE: 10}, K)
    with pytest.raises(ValueError, match="0 counted"):
        shown({}, {FEMALE: 10}, K)


@pytest.mark.parametrize("seed", range(20))
def test_no_difference_of_any_two_tables_is_small(seed):
    chance = random.Random(seed)
    cells = [("contact", "country", str(number)) for number in range(5)]
    counts, tables = dict.fromkeys(cells, 0), [{}]
    for _ in range(40):
        for cell in cells:
            counts[cell] += chance.choice((0, 0, 1, 3, 17))
        tables.append(shown(counts, tables[-1], K))
    differences = [
        later.get(cell, 0) - earlier.get(cell, 0)
        for number, later in enumerate(tables)
        for earlier in tables[:number]
        for cell in cells
    ]
    assert not [difference for difference in differences if difference and difference < K]
    assert any(differences)
    assert all(counts[cell] - tables[-1].get(cell, 0) < K for cell in cells)  # and nothing is held back for longer
