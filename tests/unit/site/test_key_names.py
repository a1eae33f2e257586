"""Keys that are made once a year are in order, also where one got out and was made once more."""

from azukari.site.key_names import made_in, named_for


def test_a_year_has_one_key_and_the_next_number_where_it_got_out():
    assert named_for("mail", 2026) == "mail2026"
    assert named_for("mail", 2026, ["mail2025", "mail2025-7", "other2026"]) == "mail2026"
    assert named_for("mail", 2026, ["mail2026"]) == "mail2026-2"
    assert named_for("mail", 2026, [f"mail2026-{number}" for number in range(2, 10)]) == "mail2026-10"


def test_the_newest_is_the_last():
    names = ["mail2026-10", "mail2027", "mail2026", "mail2026-9", "mail2025-11", "old"]
    assert sorted(names, key=made_in) == ["old", "mail2025-11", "mail2026", "mail2026-9", "mail2026-10", "mail2027"]
