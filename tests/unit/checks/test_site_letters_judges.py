"""Judges of the letters: the drill, what services are handed, what is kept, the program, and who waits."""

import copy
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from azukari.people import authority, mail_keys, sealing_keys
from azukari.provision import mailing
from azukari.provision.release import policy_digest
from azukari.site import load
from azukari.verify.authoring import NotApplicable, NotEvaluated
from azukari.verify.systemd import handed, written
from checks import test_retention as retention
from checks import test_site_letters as judged
from reference_site.sealing import key_id

NOW = datetime(2026, 12, 1, 3, tzinfo=UTC)
DB = SimpleNamespace(name="db")
STEPS = [
    "what is kept of a registration", "every key tried on an address, on app", "an address after that, on web",
    "azukari-letters.service on mail killed by SIGSEGV", "to look at the way out changes nothing",
    "one click without a cookie unsubscribes", "nothing is left of who unsubscribed",
    "a registration while the mail tier is away waits", "its letter comes later, once",
    "without the database the visitor is told", judged.drills.WHOLE,
]  # fmt: skip
JUDGES = {
    "LEAK-21": (judged.test_an_address_is_found_nowhere_but_sealed, 4, "every key tried on an address, on app"),
    "LOSS-12": (judged.test_what_came_in_during_an_outage_was_delivered, 3, "its letter comes later, once"),
    "USE-05": (retention.test_who_unsubscribed_was_gone, 3, "nothing is left of who unsubscribed"),
}


def host(group):
    return SimpleNamespace(name=group, declared=SimpleNamespace(groups=[group]))


def run(judged_as="contractor"):
    return SimpleNamespace(now=NOW, judged_as=judged_as)


@pytest.fixture
def drill(lab_site):
    return {
        "name": "d", "fault": "", "ended": (NOW - timedelta(hours=2)).isoformat(), "policy": policy_digest(lab_site),
        "hosts": list(lab_site.hosts), "left": {}, "passed": True,
        "steps": [{"what": what, "passed": True, "said": ""} for what in STEPS],
    }  # fmt: skip


@pytest.mark.parametrize(("judge", "number", "wrong"), JUDGES.values(), ids=JUDGES)
def test_a_drill_is_judged_by_the_steps_that_speak_of_the_promise(lab_site, contact_site, drill, judge, number, wrong):
    assert judge(lab_site, run(), [drill]) == f"d, 2 h old: {number} steps as promised"
    for step in drill["steps"]:
        step["passed"] = step["what"] != wrong
    with pytest.raises(AssertionError, match=wrong):
        judge(lab_site, run(), [drill])
    with pytest.raises(AssertionError, match="never done"):
        judge(lab_site, run(), [])
    with pytest.raises(NotEvaluated, match="hands them over"):
        judge(lab_site, run("auditor"), [])
    with pytest.raises(NotApplicable):
        judge(contact_site, run(), [drill])


@pytest.mark.parametrize("group", ["app", "mail"])
def test_each_service_is_handed_what_it_needs(lab_site, group):
    right = [["LoadCredential", one] for one in sorted(judged.CREDENTIALS[group])]
    assert judged.test_the_key_is_handed_to_the_mail_tier_alone(host(group), lab_site, right) == (
        "4 credentials, all promised"
    )
    more = ["LoadCredential", "delivery.key:/run/delivery.key"], ["SetCredential", "x:y"], ["ImportCredential", "*"]
    for wrong in (*([*right, one] for one in more), right[1:], []):
        with pytest.raises(AssertionError, match="what it gets"):
            judged.test_the_key_is_handed_to_the_mail_tier_alone(host(group), lab_site, wrong)


def test_the_services_files_hand_over_what_is_promised():
    for group, role in (("app", "site"), ("mail", "mail")):
        path = judged.Path(__file__).parents[3] / f"roles/{role}/files/etc/systemd/system/{judged.UNITS[group]}"
        assert handed(written(path.read_text())) == judged.CREDENTIALS[group]


@pytest.fixture(scope="module")
def stated(lab_site, tmp_path_factory):
    """The lab's site with an office of its own, which has stated the mail tier's key."""
    folder = tmp_path_factory.mktemp("office")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "office"], check=True)
    shutil.copytree(lab_site.path, folder / "site")
    (folder / "site" / "keys").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZUKARI_HOME", str(folder / "home"))
        site = load(folder / "site")
        shutil.copy(folder / "office.pub", site.path / site.contract.office.key)
        site = load(site.path)
        authority.create(site, "production")
        mail_keys.make(site)
        sealing_keys.make(site, "mail_service", folder / "office", site.contract.end)
        yield load(site.path)


def test_of_a_subscriber_one_address_is_kept_for_the_mail_tier(stated):
    kid = key_id(mail_keys.newest(stated))
    rows = [["contact", "reply", "office", 2, "2026-12-01"], ["mail_service", "delivery", kid, 3, "2026-12-01"]]
    judge = judged.test_of_a_subscriber_the_sealed_address_alone_is_kept
    assert judge(DB, stated, rows) == "3 addresses, all for the mail tier's key"
    for at, other in ((1, "reference"), (2, "foreign"), (2, None)):
        wrong = copy.deepcopy(rows)
        wrong[1][at] = other
        with pytest.raises(AssertionError, match=r"kept for reference|no stated key of the mail tier"):
            judge(DB, stated, wrong)


def test_the_program_is_what_apply_puts_there(lab_site):
    assert {*mailing.MODULES} == judged.MODULES
    own = judged.Path(judged.reference_site.__file__).parent
    found = {
        f"{judged.PROGRAM}/reference_site/{name}.py": judged.hashlib.sha256(
            (own / f"{name}.py").read_bytes()
        ).hexdigest()
        for name in mailing.MODULES
    }
    judge = judged.test_only_the_declared_program_opens_addresses
    assert judge(host("mail"), lab_site, found) == "13 files, all azukari's own"
    for path, digest in ((f"{judged.PROGRAM}/reference_site/letters.py", "0" * 64), (f"{judged.PROGRAM}/x.py", "1")):
        with pytest.raises(AssertionError, match="the letters' program"):
            judge(host("mail"), lab_site, {**found, path: digest})


SERVICE_WRONG = [
    {"ActiveState": "failed"}, {"UnitFileState": "disabled"}, {"Restart": "no"}, {"StartLimitIntervalUSec": "10s"},
    {"DropInPaths": "/run/x.conf"}, {"NeedDaemonReload": "yes"}, {"Environment": "PYTHONPATH=/tmp"},
]  # fmt: skip


def test_the_service_never_stops_for_good(lab_site):
    judge = judged.test_letters_never_stop_for_good
    assert judge(host("mail"), lab_site, judged.UNIT)
    for wrong in (*SERVICE_WRONG, dict.fromkeys(judged.UNIT, "")):
        with pytest.raises(AssertionError, match="the service"):
            judge(host("mail"), lab_site, {**judged.UNIT, **wrong})


def test_nobody_waits_for_long(lab_site, contact_site):
    judge = judged.test_no_registration_waits_for_long
    assert judge(DB, lab_site, run(), [0, None]) == "0 registrations wait for their letter"
    assert judge(DB, lab_site, run(), [2, "2026-11-30"])
    with pytest.raises(AssertionError, match="2 registrations wait for their letter, the oldest since 2026-11-28"):
        judge(DB, lab_site, run(), [2, "2026-11-28"])
    with pytest.raises(NotApplicable):
        judge(DB, contact_site, run(), [0, None])


def test_unsubscribing_deletes_and_does_not_mark(lab_site, contact_site):
    judge = retention.test_unsubscribing_erases
    right = retention.leaves(lab_site)
    assert judge(DB, lab_site, right) == "all rows of the person"
    for other in ("", right.replace("DELETE FROM", "UPDATE"), "SELECT 1; " + right):
        with pytest.raises(AssertionError, match=r"site\.unsubscribe"):
            judge(DB, lab_site, other)
    with pytest.raises(NotApplicable):
        judge(DB, contact_site, "")
