"""The judge of LEAK-02's resolver: as the role writes it, and everything else."""

from types import SimpleNamespace

import pytest
from jinja2 import Environment

from azukari.content import content
from azukari.provision.derive import derive
from azukari.verify.authoring import NotApplicable, NotEvaluated
from checks import test_resolver as judged

BASTION = SimpleNamespace(name="bastion")
UNIT = {
    "ActiveState": "active", "UnitFileState": "enabled", "ActiveEnterTimestamp": "@200",
    "ExecStart": f"{{ path=/usr/sbin/unbound ; {judged.STARTED} ignore_errors=no ; }}",
}  # fmt: skip


@pytest.fixture
def found(lab_site):
    """The settings as the role's own template gives them."""
    text = (content("roles") / "resolver/templates/etc/unbound/unbound.conf.j2").read_text("utf-8")
    template = Environment(trim_blocks=True, autoescape=False).from_string(text)  # noqa: S701  no HTML
    told = derive(lab_site, lab_site.hosts["bastion"])
    hosts = [{"address": str(h.address), "address6": str(h.address6 or "")} for h in lab_site.hosts.values()]
    upstream = {"resolvers": [str(one) for one in lab_site.upstream.resolvers]}
    written = template.render(azukari={**told, "hosts": hosts}, upstream=upstream)
    return {"settings": judged.settings(written), "changed": 100, "unit": dict(UNIT)}


def judge(site, found):
    return judged.test_names_are_answered_to_the_declared_hosts_alone(BASTION, site, found)


def test_what_the_role_writes_holds(lab_site, found):
    assert "and nobody else" in judge(lab_site, found)


WRONG = {
    "everybody": (("server: access-control: 0.0.0.0/0 refuse", "server: access-control: 0.0.0.0/0 allow"), "0/0 allow"),
    "notes": (("server: log-queries: no", "server: log-queries: yes"), "log-queries: yes"),
    "others": (("server: tcp-upstream: yes", "forward-zone: forward-addr: 192.0.2.1"), "192.0.2.1"),
    "remote": (("remote-control: control-enable: no", "remote-control: control-enable: yes"), "control-enable: yes"),
    "any name": (('view: local-zone: "." refuse', 'view: local-zone: "." transparent'), "transparent"),
    "of another clause": (('view: local-zone: "." refuse', 'server: local-zone: "." refuse'), "server: local-zone"),
    "past the view": (
        ("server: access-control-view: 198.18.64.11/32 reverse", "server: hide-version: yes"),
        "access-control-view",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_another_setting_is_named(lab_site, found, wrong):
    (before, after), said = WRONG[wrong]
    assert before in found["settings"]
    found["settings"] = sorted(after if one == before else one for one in found["settings"])
    with pytest.raises(AssertionError, match=said):
        judge(lab_site, found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ActiveState": "failed"}, "failed"),
        ({"UnitFileState": "disabled"}, "disabled"),
        ({"ExecStart": "{ argv[]=/usr/sbin/unbound -d -c /tmp/x ; }"}, "other settings"),
        ({"ActiveEnterTimestamp": "@50"}, "changed after"),
    ],
)
def test_a_resolver_that_runs_otherwise_is_named(lab_site, found, change, said):
    found["unit"] |= change
    with pytest.raises(AssertionError, match=said):
        judge(lab_site, found)


def test_what_cannot_be_read_is_not_judged(lab_site, found):
    with pytest.raises(NotEvaluated, match="denied"):
        judge(lab_site, {"error": "denied", "unit": found["unit"]})


def test_without_web_servers_that_ask_there_is_no_view(lab_site, monkeypatch):
    monkeypatch.setattr(judged, "asking", lambda _site, group="": [] if group else ["198.18.64.14/32"])
    assert not [one for one in judged.promised_settings(lab_site) if "view" in one]


def test_where_nobody_may_ask_none_may_run(lab_site, found, monkeypatch):
    monkeypatch.setattr(judged, "asking", lambda *_: [])
    with pytest.raises(AssertionError, match="though no flow"):
        judge(lab_site, found)
    found["unit"]["ActiveState"] = "inactive"
    with pytest.raises(NotApplicable):
        judge(lab_site, found)
