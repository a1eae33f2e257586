"""Judges of the forms: the drill's evidence, for whom values are sealed, and what a commit means."""

import base64
import copy
import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from azukari.people import authority, mail_keys, sealing_keys
from azukari.provision.application import application
from azukari.provision.release import policy_digest
from azukari.site import load
from azukari.verify.authoring import NotEvaluated
from checks import test_site_forms as judged

NOW = datetime(2026, 12, 1, tzinfo=UTC)
DB, APP = SimpleNamespace(name="db"), SimpleNamespace(name="app")
STEPS = [
    {"what": "an answer with only comments", "passed": True, "said": ""},
    {"what": "an answer without comments", "passed": True, "said": ""},
    {"what": "what is kept of an answer", "passed": True, "said": ""},
    {"what": "8 marks after they were received, on web", "passed": True, "said": ""},
    {"what": "nginx.service on web killed by SIGSEGV", "passed": True, "said": ""},
    {"what": "what was acknowledged while services were killed", "passed": True, "said": ""},
    {"what": judged.WHOLE, "passed": True, "said": ""},
]
JUDGES = {
    "LEAK-20": judged.test_what_was_sent_is_found_nowhere_but_sealed,
    "LOSS-11": judged.test_what_was_acknowledged_survived,
    "USE-02": judged.test_optional_items_are_optional,
}


@pytest.fixture
def drill(lab_site):
    return {
        "name": "d", "fault": "", "ended": (NOW - timedelta(hours=2)).isoformat(), "policy": policy_digest(lab_site),
        "hosts": list(lab_site.hosts), "left": {}, "steps": copy.deepcopy(STEPS), "passed": True,
    }  # fmt: skip


def run(judged_as="contractor"):
    return SimpleNamespace(now=NOW, judged_as=judged_as)


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
def test_a_drill_as_it_should_be_holds(lab_site, drill, judge):
    assert judge(lab_site, run(), [drill]) == "d, 2 h old: 2 steps as promised"


def fails(number):
    def change(drill):
        drill["steps"][number]["passed"] = False

    return change


ALL = tuple(JUDGES)
WRONG = {
    "changed after it was signed": (lambda d: d.update(fault="not signed"), ALL, "not what was signed"),
    "too old": (lambda d: d.update(ended=(NOW - timedelta(days=32)).isoformat()), ALL, "32 days old"),
    "of another policy": (lambda d: d.update(policy="x"), ALL, "another policy"),
    "without a host": (lambda d: d["hosts"].remove("log"), ALL, "left out log"),
    "broken off": (fails(6), ALL, "broke off"),
    "without its end": (lambda d: d["steps"].pop(), ALL, "does not say"),
    "not optional": (fails(0), ("USE-02",), "only comments"),
    "not required": (fails(1), ("USE-02",), "without comments"),
    "not sealed": (fails(2), ("LEAK-20",), "what is kept"),
    "found": (fails(3), ("LEAK-20",), "8 marks"),
    "opened": (
        lambda d: d["steps"].insert(
            0, {"what": "every key tried on what is kept, on app", "passed": False, "said": ""}
        ),
        ("LEAK-20",),
        "every key tried",
    ),
    "not back": (fails(4), ("LOSS-11",), "nginx.service"),
    "lost": (fails(5), ("LOSS-11",), "acknowledged"),
    "nothing sealed": (lambda d: d["steps"].__delitem__(slice(2, 4)), ("LEAK-20",), "nothing that speaks"),
}


@pytest.mark.parametrize(("change", "red", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_drill_turns_its_own_promises_red(lab_site, drill, change, red, says):
    change(drill)
    for name, judge in JUDGES.items():
        if name in red:
            with pytest.raises(AssertionError, match=says):
                judge(lab_site, run(), [drill])
        else:
            assert "as promised" in judge(lab_site, run(), [drill])


def of_systemd(**changed):
    said = {
        "ActiveState": "active", "Type": "notify", "Restart": "always", "StartLimitIntervalUSec": "0",
        "NeedDaemonReload": "no",
    }  # fmt: skip
    return {"postgresql@17-main.service": said | changed}


def test_a_service_that_comes_back_for_ever_holds():
    assert "started again" in judged.test_what_dies_comes_back(DB, of_systemd())


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ActiveState": "activating"}, "is activating"),
        ({"Type": "simple"}, "Type=simple"),
        ({"Restart": "no"}, "Restart=no"),
        ({"StartLimitIntervalUSec": "10s"}, "given up after failures within 10s"),
        ({"NeedDaemonReload": "yes"}, "not yet read"),
    ],
)
def test_a_service_that_may_stay_away_is_named(changed, says):
    with pytest.raises(AssertionError, match=says):
        judged.test_what_dies_comes_back(DB, of_systemd(**changed))


def test_without_a_drill_the_contractor_fails_and_the_auditor_cannot_tell(lab_site):
    for judge in JUDGES.values():
        with pytest.raises(AssertionError, match="never done"):
            judge(lab_site, run(), [])
        with pytest.raises(NotEvaluated, match="hands them over"):
            judge(lab_site, run("auditor"), [])


# --- for whom ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stated(lab_site, tmp_path_factory):
    """The lab's site with an office of its own, which has stated its key; and a stranger's key."""
    folder = tmp_path_factory.mktemp("office")
    for name in ("office", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copytree(lab_site.path, folder / "site")
    (folder / "site" / "keys").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZUKARI_HOME", str(folder / "home"))
        site = load(folder / "site")
        (site.path / site.contract.office.key).write_text((folder / "office.pub").read_text())
        site = load(site.path)
        sealing_keys.make(site, "contact", folder / "office", site.contract.end)
        authority.create(site, "production")
        mail_keys.make(site)
        sealing_keys.make(site, "mail_service", folder / "office", site.contract.end)
        yield load(site.path), (folder / "stranger.pub").read_text().split()


@pytest.fixture
def told(stated):
    """What `apply` puts on the application's host."""
    site, _ = stated
    made = application(site)
    files = {
        one["dest"].removeprefix(f"{judged.SETTINGS}/"): one["content"] for one in made["files"] if "content" in one
    }
    return {**files, "site.json": json.dumps(made["settings"])}


def encoded(told):
    return {name: base64.b64encode(text.encode()).decode() for name, text in told.items()}


def setting(**changed):
    def change(told, _stranger):
        told["site.json"] = json.dumps({**json.loads(told["site.json"]), **changed})

    return change


def test_what_apply_puts_there_is_for_the_office_alone(stated, told):
    assert "5 files" in judged.test_forms_seal_for_the_office_alone(APP, stated[0], encoded(told))


TOLD_WRONG = {
    "nothing": (lambda told, _: told.clear(), "trust another key"),
    "another office": (lambda told, s: setting(office_key=" ".join(s[:2]))(told, s), "trust another key"),
    "another site": (setting(site="other"), "told that the site is"),
    "no form": (setting(holders={}), "they seal nothing"),
    "the mail tier": (setting(holders={"contact": "mail"}), "they seal"),
    "another day": (
        lambda told, _: told.update({"sealing/contact.json": told["sealing/contact.json"].replace("from", "since")}),
        "not signed",
    ),
    "an address for the office": (setting(holders={"contact": "office", "mail_service": "office"}), "they seal"),
    "no signature": (lambda told, _: told.pop("sealing/contact.json.sig"), "not signed"),
}


@pytest.mark.parametrize(("change", "says"), TOLD_WRONG.values(), ids=TOLD_WRONG)
def test_whoever_else_could_open_is_named(stated, told, change, says):
    site, stranger = stated
    change(told, stranger)
    with pytest.raises(AssertionError, match=says):
        judged.test_forms_seal_for_the_office_alone(APP, site, encoded(told))


def test_a_statement_that_is_over_is_named(stated, told):
    site, _ = stated
    found = judged.recipient_findings(encoded(told), site, site.contract.end + timedelta(days=1))
    assert [finding.partition(" holds")[0] for finding in found] == [
        "contact: the statement",
        "mail_service: the statement",
    ]


def test_what_is_kept_is_sealed_for_a_stated_key(stated):
    site, _ = stated
    [kid] = judged.statements(site)["contact"]
    row = ["contact", "reply", kid, 3, "2026-12-01"]
    assert judged.test_everything_kept_is_sealed_for_a_stated_key(DB, site, [row]) == "3 values, all for stated keys"
    for other in ("foreign", None):
        with pytest.raises(AssertionError, match="never stated"):
            judged.test_everything_kept_is_sealed_for_a_stated_key(DB, site, [row, [*row[:2], other, 1, row[4]]])


# --- LOSS-11, USE-02 --------------------------------------------------------------------------------------------------


def commits(value="on", own=None):
    return {"settings": {"synchronous_commit": [value, "configuration file", "", False]}, "own": own}


def test_commits_that_wait_for_the_disk():
    assert judged.test_a_commit_is_on_the_disk_first(DB, commits(own=[["intake", "all", ["statement_timeout=5s"]]]))


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (commits("off"), "synchronous_commit is off"),
        (commits(own=[["intake", "site", ["synchronous_commit=off"]]]), "for the role intake in the database site"),
        ({"settings": {}, "own": None}, "synchronous_commit is None"),
    ],
)
def test_commits_that_do_not_are_found(found, says):
    with pytest.raises(AssertionError, match=says):
        judged.test_a_commit_is_on_the_disk_first(DB, found)


@pytest.fixture
def forms(answers):
    pages = {"/contact/": "contact-ja.html", "/en/contact/": "contact-en.html"}
    return {"forms": {path: {"status": 200, "text": (answers / name).read_text()} for path, name in pages.items()}}


def test_forms_require_what_is_declared(contact_site, forms):
    assert judged.test_forms_require_what_is_declared(APP, contact_site, forms) == "2 forms require what is declared"
    made = copy.deepcopy(forms)
    made["forms"]["/contact/"]["text"] = made["forms"]["/contact/"]["text"].replace(
        'id="heading"', 'id="heading" required'
    )
    with pytest.raises(AssertionError, match="/contact/ requires heading, which is optional"):
        judged.test_forms_require_what_is_declared(APP, contact_site, made)
    made = copy.deepcopy(forms)
    made["forms"]["/en/contact/"]["text"] = made["forms"]["/en/contact/"]["text"].replace(" required", "")
    with pytest.raises(AssertionError, match="/en/contact/ does not require comments"):
        judged.test_forms_require_what_is_declared(APP, contact_site, made)
    forms["forms"]["/contact/"]["status"] = 503
    with pytest.raises(NotEvaluated, match="not to be had"):
        judged.test_forms_require_what_is_declared(APP, contact_site, forms)
