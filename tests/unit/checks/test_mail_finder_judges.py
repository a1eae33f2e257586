"""Judges of the finder: its door, what is behind it, what it is handed and told, and who knocks in vain."""

import json
import re
from types import SimpleNamespace

import pytest

from azukari.content import content
from azukari.provision import mailing
from azukari.verify.authoring import NotApplicable, NotEvaluated
from azukari.verify.redaction import redact
from azukari.verify.systemd import handed, written
from checks import test_mail_finder as judged

MAIL = SimpleNamespace(name="mail")
UNITS = content("roles") / "mail" / "files" / "etc" / "systemd" / "system"


def units(**changes):
    """Return what systemd says when all is as promised, but for some properties."""
    shown = {unit: {"Id": unit, **said} for unit, said in judged.PROMISED.items()}
    command = "{ path=/usr/bin/python3 ; argv[]=/usr/bin/python3 -m reference_site.finder ; ignore_errors=no }"
    shown[judged.SERVICE]["ExecStart"] = command
    for name, value in changes.items():
        unit, _, what = name.partition("_")
        shown[{"door": judged.SOCKET, "service": judged.SERVICE}[unit]][what] = value
    return {"shown": shown, "credentials": [["LoadCredential", one] for one in sorted(judged.CREDENTIALS)]}


def test_one_closed_door_with_the_finder_behind(lab_site, contact_site):
    judge = judged.test_one_closed_door_with_the_finder_behind
    assert judge(MAIL, lab_site, redact(units())) == "24 properties and 4 credentials, all as promised"
    for wrong in (
        {"door_SocketMode": "0666"}, {"door_SocketGroup": "azukari-audit"}, {"door_ActiveState": "inactive"},
        {"door_Listen": "0.0.0.0:4000 (Stream)"}, {"door_DropInPaths": "/run/x.conf"}, {"door_Triggers": "x.service"},
        {"service_DropInPaths": "/run/x.conf"}, {"service_ExecStart": "{ argv[]=/bin/sh ; }"},
        {"service_StateDirectoryMode": "0755"}, {"service_NeedDaemonReload": "yes"}, {"service_DynamicUser": "no"},
    ):  # fmt: skip
        with pytest.raises(AssertionError, match="the finder"):
            judge(MAIL, lab_site, units(**wrong))
    with pytest.raises(AssertionError, match="the finder"):
        judge(MAIL, lab_site, {"shown": {}, "credentials": []})
    right = units()["credentials"]
    for wrong in ([], [*right, ["SetCredential", "x:y"]], right[1:]):
        with pytest.raises(AssertionError, match="what it gets"):
            judge(MAIL, lab_site, {**units(), "credentials": wrong})
    with pytest.raises(NotApplicable):
        judge(MAIL, contact_site, units())


def test_the_units_files_say_what_is_promised():
    service, door = ((UNITS / name).read_text("utf-8") for name in (judged.SERVICE, judged.SOCKET))
    assert handed(written(service)) == judged.CREDENTIALS
    for text, unit in ((service, judged.SERVICE), (door, judged.SOCKET)):
        said = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
        promised = judged.PROMISED[unit]
        assert {name: said[name] for name in promised if name in said} == {
            name: value for name, value in promised.items() if name in said
        }
    assert f"ListenStream={judged.DOOR}\n" in door


RIGHT = {
    "door": ["root:root 600", judged.STATE],
    "held": judged.HELD,
    "told": "",
}


def test_door_keys_and_record_are_closed(lab_site, contact_site):
    judge = judged.test_door_keys_and_record_are_closed
    assert judge(MAIL, lab_site, RIGHT) == "the door and 7 files, root's alone"
    for door in (["root:root 666", judged.STATE], ["root:azukari-audit 660", judged.STATE], RIGHT["door"][:1], []):
        with pytest.raises(AssertionError, match="the door"):
            judge(MAIL, lab_site, {**RIGHT, "door": door})
    for more in ({"letters.secret": "root:root 644"}, {"delivery.key.old": "root:root 600"}, {".": "root:root 777"}):
        with pytest.raises(AssertionError, match="what is held"):
            judge(MAIL, lab_site, {**RIGHT, "held": {**judged.HELD, **more}})
    with pytest.raises(NotApplicable):
        judge(MAIL, contact_site, RIGHT)


@pytest.fixture
def told(lab_site, monkeypatch):
    """What `apply` tells the finder; the site of these tests has no keys."""
    for module in (judged, mailing):
        monkeypatch.setattr(module, "public_key", lambda _folder, _path: "ssh-ed25519 AAAA")
    return mailing.mailing(lab_site)["finder"]


def test_whose_questions_are_answered_and_how_many(lab_site, told):
    judge = judged.test_whose_questions_are_answered_and_how_many
    assert judge(MAIL, lab_site, {**RIGHT, "told": json.dumps(told)}) == "the office's alone, 10 an hour"
    for wrong in ({"questions_an_hour": 1000}, {"office_key": "ssh-ed25519 BBBB"}, {"more": 1}):
        with pytest.raises(AssertionError, match="settings"):
            judge(MAIL, lab_site, {**RIGHT, "told": json.dumps({**told, **wrong})})
    for text in ("", "{"):
        with pytest.raises(AssertionError, match="settings"):
            judge(MAIL, lab_site, {**RIGHT, "told": text})


def test_the_audit_cannot_ask(lab_site):
    judge = judged.test_the_audit_cannot_ask
    assert judge(MAIL, lab_site, "PermissionError") == "permission denied"
    with pytest.raises(AssertionError, match="it opened"):
        judge(MAIL, lab_site, "it opened")
    for said in ("FileNotFoundError", "ConnectionRefusedError"):
        with pytest.raises(NotEvaluated, match="nothing was refused"):
            judge(MAIL, lab_site, said)
