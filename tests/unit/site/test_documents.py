"""Each named invalid site is refused with exactly the problems that it has, and each valid one loads."""

import re
from pathlib import Path

import pytest
from site_documents import build, names

from azukari.site import SiteInvalid, load

INVALID, VALID = names("invalid"), names("valid")


def test_there_are_enough_documents() -> None:
    assert len(INVALID) >= 40
    assert len(VALID) >= 15


@pytest.mark.parametrize("name", INVALID)
def test_invalid(name: str, tmp_path: Path) -> None:
    expected = build("invalid", name, tmp_path / "site")
    with pytest.raises(SiteInvalid) as caught:
        load(tmp_path / "site")
    told = caught.value.problems
    for one in expected:
        assert any(
            one.file == problem.file and one.line == problem.line and one.says in problem.message for problem in told
        ), f"expected {one}\ntold:\n" + "\n".join(map(str, told))
    # Neither fewer nor more: a follow-up of the same mistake would send the user to the wrong place.
    assert len(told) == len({(one.file, one.line, one.says) for one in expected}), "\n".join(map(str, told))


@pytest.mark.parametrize("name", INVALID)
def test_each_problem_is_one_sentence_on_one_line(name: str, tmp_path: Path) -> None:
    build("invalid", name, tmp_path / "site")
    with pytest.raises(SiteInvalid) as caught:
        load(tmp_path / "site")
    for problem in caught.value.problems:
        assert re.fullmatch(r"[^\n]+; [^\n]+\.", problem.message), problem.message
        assert "pydantic" not in problem.message
        assert str(problem).startswith(f"{problem.file}:")
        assert f"  {problem}" in caught.value.message


@pytest.mark.parametrize("name", VALID)
def test_valid(name: str, tmp_path: Path) -> None:
    build("valid", name, tmp_path / "site")
    site = load(tmp_path / "site")
    assert site.hosts
    assert site.digest()
