"""The catalogue: complete, and wrong ones are refused with a sentence."""

import re
import shutil
from pathlib import Path

import pytest

from azukari.safeguards import CatalogueInvalid, load

CHECKOUT = Path(__file__).parents[3]
FOLDER = CHECKOUT / "safeguards"


def test_holds_every_safeguard_of_the_design() -> None:
    catalogue = load(FOLDER)
    counted = {prefix: sum(id_.startswith(prefix) for id_ in catalogue.safeguards) for prefix in _EXPECTED}
    assert counted == _EXPECTED


_EXPECTED = {"LEAK-": 32, "LOSS-": 12, "DEST-": 10, "USE-": 11, "CONT-": 5}


def test_numbers_run_without_a_gap() -> None:
    for prefix, count in _EXPECTED.items():
        assert [id_ for id_ in load(FOLDER).safeguards if id_.startswith(prefix)] == [
            f"{prefix}{number:02}" for number in range(1, count + 1)
        ]


def test_planned_safeguards_are_listed_with_their_reason() -> None:
    assert all(each.reason for each in load(FOLDER) if each.status == "planned")


def test_japanese_is_japanese_and_english_is_not() -> None:
    kana = re.compile("[\u3040-\u30ff]")
    for safeguard in load(FOLDER):
        for text in (safeguard.title, safeguard.why, safeguard.what_to_do):
            assert kana.search(text.ja), f"{safeguard.id}: {text.ja}"
            assert not kana.search(text.en), f"{safeguard.id}: {text.en}"


def test_a_doubtful_clause_number_is_marked() -> None:
    catalogue = load(FOLDER)
    sure = {
        (each.framework, each.clause): each.sure for safeguard in catalogue for each in catalogue.citations(safeguard)
    }
    assert sure["policy", "5"]
    assert sure["appi", "23"]
    assert not sure["appi", "66(2)"]
    assert not sure["common-standards-r5", "7.1.1"]


def test_folded_japanese_lines_are_joined_without_a_space(tmp_path: Path) -> None:
    folder = _copy(tmp_path)
    path = folder / "leakage.yml"
    title = load(folder).safeguards["LEAK-01"].title.ja
    folded = f"{title[:5]}\n        {title[5:]}"
    path.write_text(path.read_text("utf-8").replace(title, folded, 1), "utf-8")
    assert load(folder).safeguards["LEAK-01"].title.ja == title


def test_the_digest_changes_with_any_byte(tmp_path: Path) -> None:
    folder = _copy(tmp_path)
    before = load(folder).digest
    for path in sorted(folder.glob("*.yml")):
        original = path.read_bytes()
        path.write_bytes(original + b"# more\n")
        assert load(folder).digest != before, path.name
        path.write_bytes(original)
    assert load(folder).digest == before


def test_breaches_come_from_their_headers(tmp_path: Path) -> None:
    role = tmp_path / "ssh"
    role.mkdir()
    (role / "password.breach.sh").write_text("#!/bin/sh\n# safeguard: LEAK-10\n# host: all\n")
    (role / "comment.near-miss.sh").write_text("#!/bin/sh\n# safeguard: LEAK-10\n# host: web\n")
    catalogue = load(FOLDER, tmp_path)
    assert catalogue.safeguards["LEAK-10"].breaches == ("ssh/password",)
    assert catalogue.safeguards["LEAK-11"].breaches == ()


# file, what is replaced (None: the whole file), by what (None: the file is taken away), what the sentence says
WRONG: dict[str, tuple[str, str | None, str | bytes | None, str]] = {
    "unknown key": ("leakage.yml", "    role: firewall\n", "    role: firewall\n    colour: red\n", "colour"),
    "wrong family": ("leakage.yml", "family: leakage", "family: loss", "family: leakage"),
    "number of another family": ("leakage.yml", "id: LEAK-01", "id: USE-01", "USE-01 does not belong"),
    "twice": ("leakage.yml", "id: LEAK-02", "id: LEAK-01", "LEAK-01 stands twice"),
    "unknown clause": ("leakage.yml", 'policy: ["4", "5"]', 'policy: ["4", "55"]', "55"),
    "unknown framework": ("leakage.yml", "ppc-guideline:", "ppc:", "cites “ppc”"),
    "unknown proof": ("leakage.yml", "proof: [attempt]", "proof: [trust]", "proof"),
    "no English": ("loss.yml", "    title:\n", "    title: ja\n    x:\n", "title"),
    "derived value written": ("loss.yml", "    role: vault\n", "    role: vault\n    breaches: [a]\n", "derived"),
    "broken YAML": ("use.yml", "family: use", "family: [use", "cannot be read as YAML"),
    "not a mapping": ("contract.yml", None, "- 1\n", "a mapping is expected"),
    "not UTF-8": ("contract.yml", None, b"\xff\xfe", "cannot be read"),
    "a file missing": ("destruction.yml", None, None, "destruction.yml"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_catalogue_is_refused_by_name(name: str, tmp_path: Path) -> None:
    file, old, new, sentence = WRONG[name]
    folder = _copy(tmp_path)
    path = folder / file
    if new is None:
        path.unlink()
    elif isinstance(new, bytes):
        path.write_bytes(new)
    elif old is None:
        path.write_text(new, "utf-8")
    else:
        text = path.read_text("utf-8")
        assert old in text, "the case no longer fits the catalogue"
        path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(CatalogueInvalid) as refusal:
        load(folder)
    assert sentence in refusal.value.message
    assert file in refusal.value.message


def _copy(to: Path) -> Path:
    return Path(shutil.copytree(FOLDER, to / "safeguards"))
