import datetime

import pytest

from azukari.site import DeclaredException
from azukari.verify import check, collector, not_applicable, not_evaluated
from azukari.verify.authoring import CHECK
from azukari.verify.judging import Judge
from azukari.verify.snapshot import SITE, Memory, Wanted
from azukari.verify.waivers import Waivers
from tests.unit.verify.fakes import FakeChannel, snapshot_of


@collector()
def said(host):
    return host.command(["echo", host.name]).stdout


@collector(proof="attempt")
def tried(host):
    return "tried"


@collector()
def broken(host):
    raise KeyError("users")


@collector(scope="site")
def whole(run):
    return sorted(run.hosts)


@check("LEAK-01", collect=[said], hosts="all")
def holds(host, said):
    """The host says its name."""
    assert said == host.name


@check("LEAK-01")
def holds_with_a_sentence(host):
    return "3 flows are open"


@check("LEAK-01")
def fails(host):
    assert host.name == "db", "web is not db"


@check("LEAK-01")
def does_not_apply():
    not_applicable("lab container")


@check("LEAK-01")
def gives_up():
    not_evaluated("nobody knows")


@check("LEAK-01")
def breaks(host):
    return {}["nothing"]


@check("LEAK-01", collect=[broken])
def has_a_broken_collector(broken):
    return "never"


@check("LEAK-01", proof="attempt", collect=[tried])
def attempts(tried):
    assert tried == "tried"


@check("LEAK-01", sections=["sshd"])
def wants_a_section(host):
    return "never"


@check("CONT-02", hosts="site", collect=[said, whole])
def of_the_site(site, hosts, said, whole):
    assert set(said) == set(hosts)
    assert "bad" not in said


def judged(function, channels=None, *, host="web", waivers=None, **how):
    channels = channels or {"web": FakeChannel("web")}
    snapshot = snapshot_of(channels, **how)
    wanted = Wanted(getattr(function, CHECK), host)
    snapshot.take([wanted])
    judge = Judge(snapshot, waivers or Waivers())
    return judge.judge(wanted), judge.result(wanted, "test_x.py::x", judge.judge(wanted))


VERDICTS = {
    "holds": (holds, "pass", "The host says its name."),
    "a sentence of what was found": (holds_with_a_sentence, "pass", "3 flows are open"),
    "fails": (fails, "fail", "web is not db"),
    "does not apply": (does_not_apply, "not-applicable", "lab container"),
    "gives up": (gives_up, "not-evaluated", "nobody knows"),
    "a check that breaks has judged nothing": (breaks, "not-evaluated", "KeyError: 'nothing'"),
    "a collector that breaks": (has_a_broken_collector, "not-evaluated", "KeyError: 'users'"),
    "a section that was not answered": (wants_a_section, "not-evaluated", "the facts service does not answer “sshd”"),
    "an attempt": (attempts, "pass", "attempts"),
}


@pytest.mark.parametrize(("function", "verdict", "message"), VERDICTS.values(), ids=VERDICTS)
def test_verdicts(function, verdict, message):
    found, result = judged(function)
    assert (found.verdict, found.message) == (verdict, message)
    assert result.verdict == verdict


def test_a_section_with_an_error_is_not_evaluated_with_its_reason():
    facts = {"sshd": {"ok": False, "error": "sshd -T ended with 1"}}
    found, _ = judged(wants_a_section, {"web": FakeChannel("web", facts)})
    assert found.verdict == "not-evaluated"
    assert "sshd -T ended with 1" in found.message


def test_an_unreachable_host_is_never_a_pass():
    for function in (holds, holds_with_a_sentence, does_not_apply, fails):
        found, _ = judged(function, {"web": FakeChannel("web", unreachable=True)})
        assert (found.verdict, found.message) == ("not-evaluated", "it does not answer")


def test_without_attempts_an_attempt_is_not_evaluated_and_its_collector_does_not_run():
    found, _ = judged(attempts, attempts=False)
    assert found.verdict == "not-evaluated"
    assert "--no-attempts" in found.message


def test_a_site_wide_check_sees_every_host():
    found, result = judged(of_the_site, {"web": FakeChannel("web"), "db": FakeChannel("db")}, host=SITE)
    assert found.verdict == "pass"
    assert result.host == "site"


def test_a_site_wide_check_that_did_not_see_all_hosts_is_not_a_pass():
    found, _ = judged(of_the_site, {"web": FakeChannel("web"), "db": FakeChannel("db", unreachable=True)}, host=SITE)
    assert (found.verdict, found.message) == ("not-evaluated", "db: it does not answer")


def test_a_site_wide_fail_stands_although_a_host_is_missing():
    channels = {"bad": FakeChannel("bad"), "db": FakeChannel("db", unreachable=True)}
    found, _ = judged(of_the_site, channels, host=SITE)
    assert found.verdict == "fail"


def test_the_result_names_the_vantage():
    assert judged(holds)[1].vantage == "azukari-audit on web"
    assert judged(attempts)[1].vantage == "outside"


def waiver(until="2026-12-31", hosts=("web",)):
    return DeclaredException(
        safeguard="LEAK-01",
        hosts=hosts,
        reason="The old scanner.",
        compensation="Watched by hand.",
        until=datetime.date.fromisoformat(until),
    )


TODAY = datetime.date(2026, 11, 25)


def test_a_waived_fail_is_excepted_and_says_what_was_found():
    found, _ = judged(fails, waivers=Waivers([waiver()], TODAY))
    assert found.verdict == "excepted"
    for words in ("2026-12-31", "The old scanner.", "Watched by hand.", "web is not db"):
        assert words in found.message


@pytest.mark.parametrize(
    ("waivers", "words"),
    [
        (Waivers([waiver("2026-11-24")], TODAY), "its exception ended on 2026-11-24"),
        (Waivers([waiver()], TODAY, covered=False, why_not="the office has not approved the site"), "has not approved"),
        (Waivers([waiver(hosts=("db",))], TODAY), "web is not db"),
    ],
    ids=["ended", "not covered by the approval", "another host's"],
)
def test_a_waiver_that_does_not_hold_leaves_a_fail(waivers, words):
    found, _ = judged(fails, waivers=waivers)
    assert found.verdict == "fail"
    assert words in found.message


def test_a_waiver_ends_after_its_last_day():
    assert judged(fails, waivers=Waivers([waiver("2026-11-25")], TODAY))[0].verdict == "excepted"


def test_a_waiver_changes_nothing_where_the_check_holds():
    assert judged(holds, waivers=Waivers([waiver()], TODAY))[0].verdict == "pass"


def test_what_was_asked_last_time_is_asked_in_one_batch(tmp_path):
    for run in range(2):
        channel = FakeChannel("web")
        snapshot = snapshot_of({"web": channel}, memory=Memory(tmp_path / "asked.json"))
        wanted = Wanted(getattr(holds, CHECK), "web")
        snapshot.take([wanted])
        assert Judge(snapshot, Waivers()).judge(wanted).verdict == "pass"
        snapshot.close()
        singly, batch = channel.asked_singly, channel.batches[0]
        assert (singly, batch) == (([("echo", "web")], []) if run == 0 else ([], [("echo", "web")]))


def test_what_other_checks_asked_is_not_asked_for_this_one(tmp_path):
    memory = Memory(tmp_path / "asked.json")
    snapshot = snapshot_of({"web": FakeChannel("web")}, memory=memory)
    snapshot.take([Wanted(getattr(holds, CHECK), "web")])
    snapshot.close()
    channel = FakeChannel("web")
    snapshot_of({"web": channel}, memory=Memory(tmp_path / "asked.json")).take([Wanted(getattr(fails, CHECK), "web")])
    assert channel.batches == [[]]


def test_a_damaged_memory_is_forgotten(tmp_path):
    (tmp_path / "asked.json").write_text("{")
    assert Memory(tmp_path / "asked.json").batch("web", ["x"]) == []


def test_a_command_is_answered_once_unless_it_must_be_fresh():
    channel = FakeChannel("web")
    host = snapshot_of({"web": channel}).hosts["web"]
    for fresh in (False, False, True):
        assert host.command(["echo", "a"], fresh=fresh).stdout == "a"
    assert channel.asked_singly == [("echo", "a")] * 2


def test_testinfra_modules_ask_over_the_same_channel():
    channel = FakeChannel("web")
    host = snapshot_of({"web": channel}).hosts["web"]
    assert host.testinfra.run("echo %s", "a b").rc == 1  # by the shell, which the fake does not have
    assert channel.asked_singly == [("/bin/sh", "-c", "echo 'a b'")]
