"""The judges of LEAK-02 that concern the proxy, with the settings of a lab's bastion."""

from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotEvaluated
from checks import test_proxy as checked

BASTION = SimpleNamespace(name="bastion", unreachable="")
WEB = SimpleNamespace(name="web", unreachable="")


@pytest.fixture
def settings(answers):
    text = (answers / "squid.conf").read_text()
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return [line for line in lines if line.startswith(checked.DECIDING)]


def judged(site, lines, newer=()):
    return checked.test_the_allow_list_is_the_declared_one(BASTION, site, {"lines": lines, "newer": list(newer)})


def test_the_provisioned_list_is_the_declared_one(lab_site, settings):
    assert "2 declared names" in judged(lab_site, settings)


WRONG = {
    "another name": lambda lines: [*lines, "acl name3 dstdomain .example"],
    "every name": lambda lines: [line.replace("deb.example.org", ".") for line in lines],
    "another source": lambda lines: [f"{line} 192.0.2.7" if line.startswith("acl from1") else line for line in lines],
    "any method": lambda lines: [line.removesuffix(" reading") for line in lines],
    "an include": lambda lines: ["include /etc/squid/conf.d/*.conf", *lines],
    "allowed to all in the end": lambda lines: [*lines[:-1], "http_access allow all"],
    "another order": lambda lines: [*lines[:-2], lines[-1], lines[-2]],
    "empty": lambda lines: lines[:0],
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_any_other_list_is_found(lab_site, settings, change):
    with pytest.raises(AssertionError):
        judged(lab_site, change(settings))


def test_a_list_that_was_read_in_between_is_found(lab_site, settings):
    with pytest.raises(AssertionError, match="changed after"):
        judged(lab_site, settings, ["/etc/squid/squid.conf"])


def said(refused=403, served=200):
    return {"web": {"refused": [["GET http://undeclared.example/", refused]], "served": [["HEAD http://deb/", served]]}}


def serves(asked):
    return checked.test_the_proxy_serves_declared_names_only(WEB, asked)


def test_refused_and_served(lab_site):
    assert "refused" in serves(said())
    assert "served" in serves(said(served=503))  # the proxy let it through; that the world does not answer is no leak


@pytest.mark.parametrize("wrong", [said(refused=200), said(refused=503), said(served=403), said(served=0)])
def test_what_is_let_through_or_shut_is_found(wrong):
    with pytest.raises(AssertionError):
        serves(wrong)


@pytest.mark.parametrize("nothing", [said("timed out", "timed out"), {"web": {"error": "no python"}}, {}])
def test_a_proxy_that_does_not_answer_proves_nothing(nothing):
    with pytest.raises(NotEvaluated):
        serves(nothing)


def test_what_is_tried_contains_no_declared_name_alone(lab_site):
    tried, declared = checked.undeclared_requests(lab_site, "192.0.2.9"), checked.declared_requests(lab_site)
    assert declared == ["CONNECT acme.issuer.test:443", "HEAD http://deb.example.org:80/"]
    assert checked.declared_requests(lab_site, lab_site.hosts["web"]) == declared
    assert checked.declared_requests(lab_site, lab_site.hosts["app"]) == declared[1:]
    assert "POST http://deb.example.org/" in tried
    assert not set(tried) & set(declared)
    assert "CONNECT deb.example.org:22" in tried


def asked(client="198.18.64.12", name="deb.example.org:80", through=3, refused=0):
    return {"client": client, "name": name, "through": through, "refused": refused, "newest": 1_795_000_000}


def recorded(site, *found, lines=None, **more):
    record = {"installed": True, "hours": 24, "cut": False, "asked": list(found), **more}
    host = SimpleNamespace(name="bastion", facts={"proxy": record})
    return checked.test_the_record_has_declared_destinations_only(host, site, lines or checked.PROMISED_RECORD)


@pytest.fixture
def promised_lines(answers):
    lines = [" ".join(line.split()) for line in (answers / "squid.conf").read_text().splitlines()]
    return [line for line in lines if line.startswith(checked.RECORDING)]


def test_a_record_of_declared_names_and_refusals_holds(lab_site, promised_lines):
    refused = asked(name="undeclared.example:80", through=0, refused=9)
    over_ipv6 = asked(client="2001:2:0:64::11")
    said = recorded(lab_site, asked(), refused, over_ipv6, lines=promised_lines)
    assert said == "in 24 h 6 requests let through, all declared; 9 refused"


LEFT = {
    "another name": asked(name="paste.example.net:80"),
    "another port": asked(name="deb.example.org:443"),
    "from elsewhere": asked(client="192.0.2.7"),
    "once among refusals": asked(name="paste.example.net:443", through=1, refused=99),
}


@pytest.mark.parametrize("one", LEFT.values(), ids=LEFT)
def test_what_was_let_through_and_is_not_declared_is_found(lab_site, one):
    with pytest.raises(AssertionError, match="was let through to"):
        recorded(lab_site, asked(), one)


def test_only_a_declared_source_may_ask_for_a_name(lab_site):
    assert checked.destinations(lab_site, "198.18.64.12") == {"deb.example.org:80"}
    assert checked.destinations(lab_site, "192.0.2.7") == set()


@pytest.mark.parametrize(
    "lines",
    [
        ["access_log none"],
        checked.PROMISED_RECORD[:-2],
        [*checked.PROMISED_RECORD, "access_log none from1"],
        [line.replace("%ru", "-") for line in checked.PROMISED_RECORD],
    ],
)
def test_a_record_that_is_not_kept_is_found(lab_site, lines):
    with pytest.raises(AssertionError, match="what is recorded"):
        recorded(lab_site, asked(), lines=lines)


@pytest.mark.parametrize("more", [{"installed": False}, {"cut": True}])
def test_a_record_that_is_not_whole_is_not_judged(lab_site, more):
    with pytest.raises(NotEvaluated):
        recorded(lab_site, asked(), **more)


def test_an_empty_record_proves_nothing(lab_site):
    with pytest.raises(NotEvaluated, match="is empty"):
        recorded(lab_site)
