"""The loop of the breaches by itself, with a lab that only pretends: it must see what goes wrong."""

import json
import subprocess
from pathlib import Path

import pytest

from azukari.safeguards.chain import checks_in
from tests import provisioned
from tests.breaches import loop as loops
from tests.breaches.loop import Loop, _twice
from tests.breaches.trials import TrialInvalid, all_trials, parse
from tests.breaches.waves import plan

HOSTS = ("bastion", "web", "db")
CHECKS = {"test_ssh.py::test_ssh": "LEAK-10", "test_base.py::test_base": "LEAK-19"}
BREACH = "# safeguard: LEAK-10\n# host: web\n# check: test_ssh.py::test_ssh\n# took: true\nbreak ssh\n"
NEAR_MISS = "# safeguard: LEAK-10\n# host: web\n# undo: undo\nharmless\n"


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / "ssh" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return parse(path)

    return write


def test_a_head_is_read(write):
    trial = write("key.breach.sh", "#!/bin/sh\n# safeguard: LEAK-10\n# host: all\n# check: a.py::b, c.py::d\n"
                  "# also: LEAK-12 LEAK-13\n# took: true\n# tags: ssh,accounts\n# why not: words\ntrue\n")  # fmt: skip
    assert (trial.id, trial.breach, trial.host, trial.tags) == ("ssh/key", True, "all", ("ssh", "accounts"))
    assert trial.checks == ("a.py::b", "c.py::d")
    assert trial.may_turn_red == {"LEAK-10", "LEAK-12", "LEAK-13"}


def test_a_near_miss_may_turn_nothing_red_and_is_healed_by_its_undo(write):
    trial = write("key.near-miss.sh", NEAR_MISS)
    assert (trial.may_turn_red, trial.undo, trial.tags) == (frozenset(), "undo", ("ssh",))


@pytest.mark.parametrize("key", ["safeguard", "host", "check", "took"])
def test_a_breach_s_head_must_be_whole(write, key):
    with pytest.raises(TrialInvalid, match=f"“{key}:”"):
        write("x.breach.sh", "\n".join(line for line in BREACH.splitlines() if not line.startswith(f"# {key}:")))


def test_hosts_are_tried_side_by_side(write):
    here = [write(f"{n}.breach.sh", BREACH) for n in range(2)]
    anywhere = [write(f"any{n}.breach.sh", BREACH.replace("host: web", "host: all")) for n in range(4)]
    alone = write("alone.breach.sh", BREACH.replace("# took", "# alone: yes\n# took"))
    waves = plan([*here, alone, *anywhere], HOSTS)
    assert [sorted(wave.trials) for wave in waves] == [["bastion", "db", "web"], ["bastion", "db", "web"], ["web"]]
    assert sum(len(wave.trials) for wave in waves) == 7


class FakeLab:
    """Remembers what runs on which host; `break ssh` makes LEAK-10 red there until apply or reset."""

    def __init__(self):
        self.red, self.ran, self.resets = set(), [], []
        self.script_code, self.takes, self.heals, self.more_red = 0, True, True, ()

    def run(self, host, argv, input=b"", **_timeout):  # noqa: A002 - as the lab names it
        text = (input or b"").decode()
        self.ran.append((host, text))
        code = 0
        if "break ssh" in text:
            code = self.script_code
            if self.takes:
                self.red |= {("LEAK-10", host), *self.more_red}
        if text == "true" and not self.takes:
            code = 1
        return subprocess.CompletedProcess(argv, code, b"", b"")

    def reset(self, host):
        self.resets.append(host)
        self.red = {one for one in self.red if one[1] != host}

    def azukari(self, verb, *arguments, **_timeout):
        if verb == "apply" and self.heals:
            hosts = arguments[arguments.index("--limit") + 1].split(",")
            self.red = {one for one in self.red if one[1] not in hosts}
        results = [
            {"check": check, "host": host, "safeguard": safeguard, "message": "words",
             "verdict": "fail" if (safeguard, host) in self.red else "pass"}
            for check, safeguard in CHECKS.items() for host in HOSTS
        ]  # fmt: skip
        return subprocess.CompletedProcess([verb], 0, json.dumps({"results": results}), "")


class FakeSite:
    path = Path("/nonexistent")
    hosts = dict.fromkeys(HOSTS)


@pytest.fixture
def lab(monkeypatch):
    made = FakeLab()
    monkeypatch.setattr(provisioned, "azukari", made.azukari)
    monkeypatch.setattr(provisioned, "site", FakeSite)
    return made


def outcome_of(lab, trial):
    loop = Loop(lab, [trial], lambda _line: None)
    loop.start()
    return loop.outcome(trial)


def test_a_breach_that_is_seen_and_healed_succeeds(lab, write):
    assert outcome_of(lab, write("x.breach.sh", BREACH)) == ""
    assert not lab.resets


def test_a_breach_that_did_not_take_is_void(lab, write):
    lab.takes = False
    assert outcome_of(lab, write("x.breach.sh", BREACH)).startswith("VOID: it did not take")


def test_a_breach_whose_script_fails_is_void(lab, write):
    lab.script_code = 3
    assert outcome_of(lab, write("x.breach.sh", BREACH)).startswith("VOID: the script ended with 3")


def test_what_is_made_beside_the_site_is_given_to_the_host(lab, write, monkeypatch, tmp_path):
    monkeypatch.setattr(FakeSite, "path", tmp_path)
    monkeypatch.setattr(provisioned, "environment", dict)
    (tmp_path / "key.pub").write_text("the site's own\n")
    assert outcome_of(lab, write("x.breach.sh", BREACH.replace("# took", "# given: cat key.pub\n# took"))) == ""
    assert any("cat >/run/given <<'GIVEN'\nthe site's own\nGIVEN\n" in text for _host, text in lab.ran)
    missing = write("y.breach.sh", BREACH.replace("# took", "# given: cat nowhere\n# took"))
    assert outcome_of(lab, missing).startswith("VOID: what it is given could not be made")


def test_a_breach_in_the_site_s_folder_may_show_on_any_host(lab, write, monkeypatch, tmp_path):
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(FakeSite, "path", tmp_path / "folder")
    monkeypatch.setattr(provisioned, "environment", dict)
    trial = write("x.breach.sh", BREACH.replace("host: web", "host: site").replace("break ssh", "touch here"))
    assert "did not turn red on site: pass" in outcome_of(lab, trial)
    judge = lab.azukari
    broken = tmp_path / "folder" / "here"

    def azukari(verb, *arguments, **given):
        lab.red = {("LEAK-10", "db")} if broken.exists() else set()
        return judge(verb, *arguments, **given)

    monkeypatch.setattr(provisioned, "azukari", azukari)
    assert outcome_of(lab, trial) == ""


def test_a_breach_that_nobody_sees_fails(lab, write):
    trial = write("x.breach.sh", BREACH.replace("break ssh", "break nothing"))
    assert "did not turn red on web: pass" in outcome_of(lab, trial)


def test_a_breach_that_another_check_sees_too_fails_unless_it_is_declared(lab, write):
    lab.more_red = (("LEAK-19", "web"),)
    assert "LEAK-19 test_base.py::test_base on web" in outcome_of(lab, write("x.breach.sh", BREACH))
    declared = write("y.breach.sh", BREACH.replace("# took", "# also: LEAK-19\n# took"))
    assert outcome_of(lab, declared) == ""


def test_a_breach_that_shows_on_another_host_fails_unless_it_is_alone(lab, write):
    lab.more_red = (("LEAK-10", "db"),)
    assert "on db" in outcome_of(lab, write("x.breach.sh", BREACH))
    lab.red = set()
    lab.more_red = (("LEAK-10", "web"),)
    assert outcome_of(lab, write("y.breach.sh", BREACH.replace("# took", "# alone: yes\n# took"))) == ""


ELSEWHERE = BREACH.replace("::test_ssh\n", "::test_ssh@db\n").replace("# took", "# alone: yes\n# took")


def test_a_breach_may_have_to_be_seen_from_another_host(lab, write):
    trial = write("x.breach.sh", ELSEWHERE)
    assert "test_ssh did not turn red on db: pass" in outcome_of(lab, trial)
    lab.red, lab.more_red = set(), (("LEAK-10", "db"),)
    assert "not green again after apply" in outcome_of(lab, trial)  # a fake one heals the host itself alone
    assert "LEAK-10 test_ssh.py::test_ssh on db" in outcome_of_all_healed(lab, trial, heals=False)
    assert outcome_of_all_healed(lab, trial, heals=True) == ""


def outcome_of_all_healed(lab, trial, *, heals):
    """What comes of a trial when `apply` heals every host at once, or none."""
    lab.red, judge = set(), lab.azukari

    def azukari(verb, *arguments, **given):
        if verb == "apply" and heals:
            lab.red = set()
        return judge(verb, *arguments, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provisioned, "azukari", azukari)
        lab.heals = heals
        return outcome_of(lab, trial)


@pytest.mark.parametrize(
    "head", [ELSEWHERE.replace("# alone: yes\n", ""), ELSEWHERE.replace("alone: yes", "alone: no")]
)
def test_what_shows_on_another_host_is_alone(write, head):
    with pytest.raises(TrialInvalid, match="alone: yes"):
        write("x.breach.sh", head)


def test_a_breach_that_apply_does_not_heal_fails_and_the_host_is_reset(lab, write):
    lab.heals = False
    assert "not green again after apply" in outcome_of(lab, write("x.breach.sh", BREACH))
    assert lab.resets == ["web"]


def test_a_near_miss_that_stays_green_succeeds_and_is_undone(lab, write):
    assert outcome_of(lab, write("x.near-miss.sh", NEAR_MISS)) == ""
    assert [text for _, text in lab.ran if text] == [NEAR_MISS, "undo"]


def test_a_near_miss_that_turns_something_red_fails(lab, write):
    trial = write("x.near-miss.sh", NEAR_MISS.replace("harmless", "break ssh"))
    assert "turned red and should not" in outcome_of(lab, trial)


def test_a_lab_that_is_red_before_anything_is_broken_proves_nothing(lab, write):
    lab.red = {("LEAK-10", "db")}
    with pytest.raises(AssertionError, match="red before anything was broken"):
        outcome_of(lab, write("x.breach.sh", BREACH))


def test_after_the_deadline_no_wave_begins(lab, write):
    trial = write("x.breach.sh", BREACH)
    loop = Loop(lab, [trial], lambda _line: None)
    loop.start()
    assert loop.outcome(trial, deadline=0.0) is None


def test_the_scripts_of_this_checkout_are_well_formed():
    for path in loops.Path(loops.__file__).parent.glob("*/*.sh"):
        assert parse(path).safeguard


def test_every_check_that_a_script_names_is_there():
    """A check that was renamed or moved would otherwise be missed only by a breach's run, which takes a lab."""
    there = {f"{Path(one.file).name}::{one.function}" for one in checks_in(provisioned.REPOSITORY / "checks")}
    for trial in all_trials():
        assert {wanted.partition("@")[0] for wanted in trial.checks} <= there, trial.id


def test_what_is_wrong_is_judged_once_more_and_what_is_right_is_not():
    answers = iter(["too slow", ""])
    assert _twice(lambda: next(answers)) == ""
    answers = iter(["", "never asked"])
    assert _twice(lambda: next(answers)) == ""
    answers = iter(["red", "red still"])
    assert _twice(lambda: next(answers)) == "red still"
