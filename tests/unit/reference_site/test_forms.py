"""A form takes what the policy declares, each item once, and says of everything else what is wrong with it."""

from contextlib import contextmanager

import pytest
import yaml

from azukari.content import content
from reference_site.forms import Refused, form

POLICY = yaml.safe_load((content("inventory") / "lab" / "group_vars" / "all" / "policy.yml").read_text("utf-8"))[
    "policy"
]
COLLECTIONS = {each["name"]: each for each in POLICY["collections"]}
CONTACT = form(COLLECTIONS["contact"])


def problems(*sent):
    with pytest.raises(Refused) as caught:
        CONTACT.accept(sent)
    return list(caught.value.problems)


def test_the_fields_are_the_policys_items():
    assert [(field.name, field.required, field.kind) for field in CONTACT.fields] == [
        ("comments", True, "paragraphs"),
        ("heading", False, "text"),
        ("email", False, "email"),
        ("gender", False, "choice"),
        ("country", False, "text"),
    ]
    assert [field.name for field in form(COLLECTIONS["mail_service"]).fields if field.required] == ["email"]


def test_what_is_required_is_enough_and_what_is_empty_is_not_kept():
    sent = [("comments", " 意見です。\r\n\r\nもう一つ。 "), ("heading", "  "), ("email", "")]
    assert CONTACT.accept(sent) == {"comments": "意見です。\n\nもう一つ。"}


def test_everything_declared_is_taken():
    sent = {"comments": "x", "heading": "y", "email": "a.b+c@example.jp", "gender": "female", "country": "日本"}
    assert CONTACT.accept(sent.items()) == sent


@pytest.mark.parametrize("name", ["\ufa46 \ufa19", "\u845b\U000e0100\u57ce", "か\u3099"])
def test_a_name_is_kept_as_it_is_written(name):
    assert CONTACT.accept([("comments", name)]) == {"comments": name}


def test_a_refusal_passes_through_whatever_is_around():
    @contextmanager
    def around():
        yield

    with pytest.raises(Refused), around():
        CONTACT.accept([])


def test_all_that_is_wrong_is_said_at_once():
    assert problems(("email", "nobody"), ("gender", "?"), ("age", "7"), ("heading", "a"), ("heading", "b")) == [
        ("comments", "missing"),
        ("heading", "twice"),
        ("email", "not_an_address"),
        ("gender", "not_a_choice"),
        ("age", "unknown"),
    ]


@pytest.mark.parametrize(
    ("field", "value", "wrong"),
    [
        ("comments", "a\0b", "not_text"),
        ("comments", "a\x1b[31m", "not_text"),
        ("comments", "\udcff", "not_text"),
        ("comments", "a\ufffdb", "not_text"),
        ("comments", "x" * 10_001, "too_long"),
        ("heading", "x" * 201, "too_long"),
        ("heading", "Hello\r\nBcc: all@example.jp", "one_line"),
        ("heading", "Hello\u2028Bcc: all@example.jp", "one_line"),
        ("email", "a@example.jp\nBcc: b@example.jp", "one_line"),
        ("email", "a@example", "not_an_address"),
        ("email", "a b@example.jp", "not_an_address"),
        ("email", "a@example.jp, b@example.jp", "not_an_address"),
        ("email", "“a”@example.jp", "not_an_address"),
        ("email", "a" * 65 + "@example.jp", "not_an_address"),
        ("email", "a@" + "b" * 250 + ".jp", "too_long"),
        ("gender", "Female", "not_a_choice"),
    ],
)
def test_a_value_of_another_kind_is_refused(field, value, wrong):
    sent = {"comments": "x", field: value}
    assert problems(*sent.items()) == [(field, wrong)]


@pytest.mark.parametrize("longest", ["comments", "heading", "country"])
def test_the_longest_value_is_taken(longest):
    value = "字" * next(field.longest for field in CONTACT.fields if field.name == longest)
    assert CONTACT.accept([("comments", "x")] * (longest != "comments") + [(longest, value)])[longest] == value


def test_a_long_unknown_name_is_cut():
    assert problems(("comments", "x"), ("n" * 1000, "")) == [("n" * 64, "unknown")]
