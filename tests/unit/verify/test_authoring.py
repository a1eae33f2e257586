import pytest

from azukari.errors import OwnFault
from azukari.verify import check, collector, fail_unless_equal, not_applicable, not_evaluated
from azukari.verify.authoring import NotApplicable, NotEvaluated

DIFFERENT = {
    "a set with one more": ({22, 80}, {22}, "found but not promised: 80"),
    "a set with one less": ({22}, {22, 80}, "promised but not found: 80"),
    "both": ({"b"}, {"a"}, "found but not promised: b; promised but not found: a"),
    "a mapping's value": (
        {"permitrootlogin": "yes"},
        {"permitrootlogin": "no"},
        "permitrootlogin is yes, promised is no",
    ),
    "a mapping's key": ({"a": 1, "b": 2}, {"a": 1}, "found but not promised: b"),
    "a mapping's set": ({"ciphers": {"a", "b"}}, {"ciphers": {"a"}}, "ciphers: found but not promised: b"),
    "lists of other things": (["a"], ["b"], "found but not promised: a; promised but not found: b"),
    "the same things in another order": (["b", "a"], ["a", "b"], "found b a, promised a b"),
    "a word": ("yes", "no", "found yes, promised no"),
    "nothing": (None, "no", "found nothing, promised no"),
    "a flag": (True, False, "found yes, promised no"),
    "a set of pairs": ({("tcp", 22)}, set(), "found but not promised: tcp 22"),
    "lists of mappings": ([{"a": 1}], [], "found {'a': 1}, promised nothing"),
}


@pytest.mark.parametrize(("found", "promised", "words"), DIFFERENT.values(), ids=DIFFERENT)
def test_the_difference_is_said_in_words(found, promised, words):
    with pytest.raises(AssertionError) as raised:
        fail_unless_equal(found=found, promised=promised, where="/etc/x on web", what="settings")
    assert str(raised.value) == f"settings: {words}. Where to look: /etc/x on web."


@pytest.mark.parametrize("value", [set(), {1}, {"a": {1}}, [1, 2], "x", None])
def test_what_is_equal_does_not_fail(value):
    fail_unless_equal(found=value, promised=value, where="anywhere")


def test_verdicts_are_not_failures():
    with pytest.raises(NotApplicable, match="lab container"):
        not_applicable("lab container")
    with pytest.raises(NotEvaluated, match="no answer"):
        not_evaluated("no answer")


def test_a_check_refuses_a_collector_that_is_not_marked():
    def plain():
        return 1

    with pytest.raises(OwnFault, match="“plain”"):
        check("LEAK-01", collect=[plain])


def test_decorators_return_the_function_itself():
    @collector()
    def asked():
        return 1

    @check("LEAK-01", collect=[asked])
    def judge(asked):
        assert asked == 1

    assert asked() == 1
    with pytest.raises(AssertionError):
        judge(2)
