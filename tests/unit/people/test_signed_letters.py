"""A letter is the office's, for one site, in both languages; whatever else is handed over is refused in a sentence."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from azukari.cli.office import app
from azukari.errors import InputError
from azukari.people import letters
from azukari.site import Site, holders_dir
from azukari.ssh import keys

WRITTEN = {"subject": {"ja": "お知らせ", "en": "News"}, "text": {"ja": "本文\n二行目", "en": "Text\nmore"}}


def approval(site: Site) -> Path:
    return holders_dir(site) / "office" / "approval"


def test_what_the_office_signed_is_proven_and_known_by_its_words(site: Site) -> None:
    file = letters.sign(site, WRITTEN, approval(site), ("row",))
    letter = letters.proven(site, file)
    assert (letter.subject, letter.text, letter.only) == (WRITTEN["subject"], WRITTEN["text"], ("row",))
    assert letter.name == letters.proven(site, file).name
    assert letter.name != letters.proven(site, letters.sign(site, WRITTEN, approval(site), ("row",))).name


WRONG = {
    "nothing": ({}, "found nothing"),
    "a field more": ({**WRITTEN, "to": "x"}, "found subject, text, to"),
    "one language": ({**WRITTEN, "subject": {"ja": "x"}}, "in ja and en"),
    "a third language": ({**WRITTEN, "text": {"ja": "x", "en": "x", "fr": "x"}}, "in no other language"),
    "an empty subject": ({**WRITTEN, "subject": {"ja": " ", "en": "x"}}, "in ja is empty or longer than 200"),
    "a long subject": ({**WRITTEN, "subject": {"ja": "x" * 201, "en": "x"}}, "longer than 200"),
    "a header": ({**WRITTEN, "subject": {"ja": "x\r\nBcc: y", "en": "x"}}, "cannot be sent"),
    "another line's end": ({**WRITTEN, "subject": {"ja": "x\u2028y", "en": "x"}}, "cannot be sent"),
    "a carriage return": ({**WRITTEN, "text": {"ja": "x\ry", "en": "x"}}, "cannot be sent"),
    "a list": ({**WRITTEN, "text": ["x"]}, "to stand there in"),
    "a number": ({**WRITTEN, "text": {"ja": 1, "en": "x"}}, "is empty"),
}


@pytest.mark.parametrize(("given", "said"), WRONG.values(), ids=WRONG)
def test_what_is_no_letter_is_not_signed(site: Site, given: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        letters.sign(site, given, approval(site))


def change(file: bytes, what: str) -> bytes:
    said = json.loads(file)
    match what:
        case "altered":
            said["letter"] = said["letter"].replace("News", "Views")
        case "unsigned":
            said["signature"] = ""
        case "without a signature":
            del said["signature"]
        case "a list":
            said = [said]
        case _:
            return b"x"
    return json.dumps(said).encode()


@pytest.mark.parametrize("what", ["altered", "unsigned", "without a signature", "a list", "no JSON"])
def test_what_is_not_the_offices_word_is_not_sent(site: Site, what: str) -> None:
    file = letters.sign(site, WRITTEN, approval(site))
    with pytest.raises(InputError, match=r"(not signed by the office|is no signed letter).*Nothing was sent"):
        letters.proven(site, change(file, what))


def test_a_letter_of_another_site_or_too_long_a_one_is_not_sent(site: Site) -> None:
    file = letters.sign(site, WRITTEN, approval(site))
    object.__setattr__(site.settings, "name", "another")
    with pytest.raises(InputError, match="of the site lab, not of another"):
        letters.proven(site, file)
    with pytest.raises(InputError, match="at most 300000"):
        letters.proven(site, b"x" * 300_001)


def test_somebody_elses_key_signs_nothing(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "other"
    keys.write_closed(other, keys.private_text(keys.new_key()))
    with pytest.raises(InputError, match="is not the office's"):
        letters.sign(site, WRITTEN, other)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (None, "cannot be read: No such file"),
        ("ご意見".encode("shift_jis"), "is not in UTF-8"),
        (b"subject: {ja: x\ntext: y: z", "line 2: is no YAML"),
        (b"[" * 100_000, "is no YAML"),
    ],
)
def test_what_cannot_be_read_as_a_letter_is_told_in_one_line(tmp_path: Path, written: bytes | None, said: str) -> None:
    file = tmp_path / "letter.yml"
    if written is not None:
        file.write_bytes(written)
    with pytest.raises(InputError, match=said) as refused:
        letters.read(file)
    assert "\n" not in refused.value.message


def test_the_office_signs_a_file_and_overwrites_none(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "letter.yml"
    file.write_text("subject: {ja: お知らせ, en: News}\ntext: {ja: 本文, en: Text}\n")
    done = CliRunner().invoke(app, ["letter", str(file), "--site", str(site.path)])
    assert done.exit_code == 0, done.output
    assert letters.proven(site, (tmp_path / "letter.yml.signed").read_bytes()).text == {"ja": "本文", "en": "Text"}
    again = CliRunner().invoke(app, ["letter", str(file), "--site", str(site.path)])
    assert isinstance(again.exception, InputError)
    file.write_text("- x")
    broken = CliRunner().invoke(app, ["letter", str(file), "--site", str(site.path), "--out", str(tmp_path / "x")])
    assert isinstance(broken.exception, InputError)
    assert not (tmp_path / "x").exists()
