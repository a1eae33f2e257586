"""What the report says, before any page is drawn."""

import pytest

from azukari.report.view import LONGEST_FACT, build, gravest
from azukari.safeguards import Catalogue
from tests.unit.report.conftest import Make, judged


@pytest.mark.parametrize(
    ("verdicts", "answer"),
    [
        (["pass", "pass"], "holds"),
        (["pass", "excepted", "not-applicable"], "holds"),
        (["pass", "fail"], "fails"),
        (["pass", "not-evaluated"], "not-judged"),
        (["fail", "not-evaluated"], "fails"),
        (["not-applicable"], "not-judged"),
        ([], "not-judged"),
    ],
)
def test_the_answer_at_the_top(verdicts: list[str], answer: str, make: Make, catalogue: Catalogue) -> None:
    results = [judged("LEAK-10", "web", verdict) for verdict in verdicts]
    assert build(make(results), catalogue, "").verdict == answer


def test_several_checks_on_one_host_show_the_gravest(make: Make, catalogue: Catalogue) -> None:
    found = make([judged("LEAK-10", "web", "pass"), judged("LEAK-10", "web", "fail"), judged("LEAK-10", "db", "pass")])
    (row,) = build(found, catalogue, "").rows
    assert (row.on("web"), row.on("db"), row.on("app"), row.verdict) == ("fail", "pass", "", "fail")


def test_nothing_judged_is_never_a_pass() -> None:
    assert gravest([]) == ""


def test_every_safeguard_of_the_catalogue_is_somewhere(make: Make, catalogue: Catalogue) -> None:
    view = build(make([judged("LEAK-10", "web", "pass")]), catalogue, "")
    shown = [row.safeguard.id for rows in (view.rows, view.planned, view.unjudged) for row in rows]
    assert sorted(shown) == sorted(catalogue.safeguards)


def test_columns_stand_by_domain_and_the_site_last(make: Make, catalogue: Catalogue) -> None:
    view = build(make([judged("LEAK-10", "web", "pass"), judged("CONT-02", "site", "pass")]), catalogue, "")
    assert view.columns[-1] == "site"
    assert [name for name, _ in view.domains] == ["production", "vault", "log", ""]
    assert sum(width for _, width in view.domains) == len(view.columns)


def test_long_facts_are_cut_and_say_so(make: Make, catalogue: Catalogue) -> None:
    facts = {
        "web": {"walk": {"ok": True, "value": "x" * (LONGEST_FACT + 1)}, "os": {"ok": False, "error": "no answer"}}
    }
    view = build(make([judged("LEAK-10", "web", "pass")], facts=facts), catalogue, "")
    (web,) = view.hosts
    by_name = {fact.name: fact for fact in web.facts}
    assert by_name["walk"].cut
    assert len(by_name["walk"].text) == LONGEST_FACT
    assert by_name["os"].text == "not answered: no answer"


def test_attempts_stand_with_the_check_that_collected_them(make: Make, catalogue: Catalogue) -> None:
    found = make(
        [judged("LEAK-10", "web", "pass", check="checks/test_ssh.py::test_x[web]")],
        facts={"web": {"collected decoys": {"ok": True, "value": {"expired": "refused"}}}},
    )
    found.context["checks"]["test_ssh.py::test_x"] = {"sentence": "Refuses.", "sections": [], "collected": ["decoys"]}
    ((row,),) = (build(found, catalogue, "").rows,)
    (check,) = row.checks
    (judgement,) = check.judgements
    assert check.sentence == "Refuses."
    assert [(fact.name, fact.text) for fact in judgement.attempts] == [("decoys", 'expired: "refused"')]


def test_a_site_wide_check_shows_what_each_host_brought(make: Make, catalogue: Catalogue) -> None:
    found = make(
        [judged("DEST-09", "site", "pass", check="test_pki.py::test_x")],
        facts={name: {"collected keys": {"ok": True, "value": [name]}} for name in ("site", "web", "log")},
    )
    found.context["checks"]["test_pki.py::test_x"] = {"sentence": "", "sections": [], "collected": ["keys"]}
    (row,) = build(found, catalogue, "").rows
    (check,) = row.checks
    assert [fact.name for fact in check.attempts] == ["keys"]
    assert sorted(fact.name for fact in check.judgements[0].attempts) == ["keys, log", "keys, web"]


def test_what_was_collected_once_for_the_site_stands_once_with_its_check(make: Make, catalogue: Catalogue) -> None:
    found = make(
        [judged("LEAK-01", host, "pass", check="test_firewall.py::test_x") for host in ("web", "db")],
        facts={"site": {"collected asked": {"ok": True, "value": ["443"]}}},
    )
    found.context["checks"]["test_firewall.py::test_x"] = {"sentence": "", "sections": [], "collected": ["asked"]}
    (row,) = build(found, catalogue, "").rows
    assert [fact.name for check in row.checks for fact in check.attempts] == ["asked"]
    assert [each.attempts for each in row.judgements] == [(), ()]


def test_the_same_on_several_hosts_is_said_once(make: Make, catalogue: Catalogue) -> None:
    results = [
        judged("LEAK-10", host, "fail", f"a key lies there. Where to look: ls on {host}.") for host in ("web", "db")
    ]
    results += [judged("LEAK-10", "app", "fail", "another. Look on app."), judged("LEAK-10", "log", "pass")]
    ((row, found),) = build(make(results), catalogue, "").findings("fail")
    assert row.safeguard.id == "LEAK-10"
    assert [(each.hosts, each.message) for each in found] == [
        (("web", "db"), "a key lies there. Where to look: ls on each of them."),
        (("app",), "another. Look on app."),
    ]


def test_times_are_in_the_sites_zone(make: Make, catalogue: Catalogue) -> None:
    view = build(make([judged("LEAK-10", "web", "pass")]), catalogue, "")
    assert view.time(view.evidence.ended) == "2026-11-25 12:00:09 JST"
