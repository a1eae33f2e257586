"""The page: whole, in both languages, without the network, and safe from what a server may have answered."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from azukari import report
from azukari.evidence import EvidenceInvalid
from azukari.report import build, render
from azukari.safeguards import Catalogue
from azukari.site import Site
from tests.unit.report.conftest import Make, judged

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\" onload='x' 日本 \u202e {{ 7*7 }}"
VOID = {"meta", "input", "br", "img", "hr", "link", "path", "rect", "use"}


class Reader(HTMLParser):
    """Collects what the tests ask about, and finds tags that do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name == "href":
                self.links.append(value or "")
            if name in {"src", "srcset", "action", "data", "poster", "background", "xlink:href"}:
                self.addresses.append(value or "")
            if name.startswith("on") or name == "style":
                self.handlers.append(name)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.wrong.append(tag)


@pytest.fixture
def page(make: Make, catalogue: Catalogue) -> str:
    found = make(
        [
            judged("LEAK-10", "web", "pass"),
            judged("LEAK-10", "db", "fail", EVIL),
            judged("LEAK-01", "web", "pass"),
            judged("LEAK-11", "db", "not-evaluated", "no answer"),
            judged("LEAK-12", "db", "not-applicable", "lab container"),
            judged("LEAK-15", "db", "excepted", "until tomorrow"),
            judged("CONT-02", "site", "pass"),
        ],
        facts={"db": {"sshd": {"ok": True, "value": EVIL}}},
        unreachable={"mail": EVIL},
    )
    return render(build(found, catalogue, "SHA256:abc"))


def _read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def test_every_tag_is_closed_and_every_link_leads_somewhere(page: str) -> None:
    reader = _read(page)
    assert reader.wrong == []
    assert reader.open == []
    assert sorted({link.removeprefix("#") for link in reader.links} - set(reader.ids)) == []


def test_no_id_stands_twice(page: str) -> None:
    ids = _read(page).ids
    assert sorted({one for one in ids if ids.count(one) > 1}) == []


def test_it_asks_the_network_for_nothing(page: str) -> None:
    reader = _read(page)
    assert reader.addresses == []
    assert all(link.startswith("#") for link in reader.links)
    assert "@import" not in page
    assert "url(http" not in page
    assert "default-src 'none'" in page


def test_an_answer_cannot_act_in_the_page(page: str) -> None:
    reader = _read(page)
    assert reader.tags.count("script") == 1
    assert "img" not in reader.tags
    assert reader.handlers == []
    assert "{{ 7*7 }}" in page


def test_the_policy_of_the_page_names_its_own_style_and_script(page: str) -> None:
    assert len(re.findall(r"(?:style|script)-src 'sha256-[A-Za-z0-9+/=]{44}'", page)) == 2
    assert "unsafe-inline" not in page


def test_both_languages_are_whole(page: str) -> None:
    assert page.count('class="ja') == page.count('class="en')
    for ja in re.findall(r'<span class="ja" lang="ja">(.*?)</span>', page, re.DOTALL):
        assert ja.strip()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_language_that_was_asked_for_is_shown_first(make: Make, catalogue: Catalogue, language: str) -> None:
    view = build(make([judged("LEAK-10", "web", "pass")]), catalogue, "")
    page = render(view, "ja" if language == "ja" else "en")
    assert f'<html lang="{language}">' in page
    assert re.findall(r'value="(\w+)" checked', page) == [language]


def test_every_verdict_has_a_word_and_not_a_colour_alone(page: str) -> None:
    for cell in re.findall(r'<a class="cell .*?</a>', page, re.DOTALL):
        assert re.search(r'<span class="unseen"><span class="ja" lang="ja">\S+?</span><span class="en"', cell)


def test_planned_and_excepted_and_limits_are_said(page: str, catalogue: Catalogue) -> None:
    for safeguard in catalogue:
        assert f'id="{safeguard.id}"' in page or safeguard.status == "in force"
    for words in ("does not prove", "Not applicable", "until tomorrow", "lab container", "no answer"):
        assert words in page


def test_a_lone_host_is_marked_as_unproven(make: Make, catalogue: Catalogue) -> None:
    found = make([judged("LEAK-10", "192.0.2.7", "fail")], of=None, identity="host identity unproven")
    page = render(build(found, catalogue, ""))
    reader = _read(page)
    assert reader.wrong == []
    assert "Host identity unproven" in page
    assert "The network" not in page


@pytest.mark.parametrize("judge", ["contractor", "auditor"])
def test_it_says_whose_run_it_was(make: Make, catalogue: Catalogue, judge: str) -> None:
    page = render(build(make([judged("LEAK-10", "web", "pass")], judged_as=judge), catalogue, ""))
    assert ("This run is the contractor&#39;s own." in page) == (judge == "contractor")


def test_no_report_is_made_of_evidence_that_was_changed(
    make: Make, site: Site, catalogue: Catalogue, tmp_path: Path
) -> None:
    found = make([judged("LEAK-10", "web", "pass")])
    other = Ed25519PrivateKey.generate().public_key()
    with pytest.raises(EvidenceInvalid):
        report.write(found, site, catalogue, tmp_path / "report.html", key=other)
    assert not (tmp_path / "report.html").exists()


STYLE = (Path(report.__file__).parent / "templates" / "report.css").read_text("utf-8")
COLOURS = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", STYLE))
PAIRS = [(name, f"{name}-ground") for name in ("pass", "fail", "unsure", "excepted", "none")] + [
    ("ink", "paper"), ("soft", "paper"), ("soft", "ground"), ("link", "paper"), ("ink", "ground"),
    *((name, "paper") for name in ("pass", "fail", "unsure")),
]  # fmt: skip


@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_contrast_is_wcag_aa(ink: str, ground: str) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    light, dark = sorted((_luminance(COLOURS[ink]), _luminance(COLOURS[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
