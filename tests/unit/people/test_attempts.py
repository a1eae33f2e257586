"""From where strangers are played, and how: of a lab's vantage, one of the office's addresses, another each time."""

import ipaddress

import pytest

from azukari.errors import NotJudged
from azukari.people import attempts, decoys, identity
from azukari.site import Site


def test_strangers_at_the_bastion_come_from_the_offices_place(site: Site) -> None:
    office = {4: ipaddress.ip_network("198.18.64.192/27"), 6: ipaddress.ip_network("2001:2:0:64::c0/123")}
    for version, ipv6 in ((4, False), (6, True)):
        targets = [attempts.at_bastion(site, "azukari-jump", "somewhere", ipv6=ipv6) for _ in range(50)]
        sources = {ipaddress.ip_address(target.source or "") for target in targets}
        assert all(source in office[version] for source in sources)
        assert len(sources) > 1
        assert {ipaddress.ip_address(target.address).version for target in targets} == {version}


def test_without_a_vantage_the_machine_is_itself(site: Site) -> None:
    target = attempts.at_bastion(site, "azukari-audit", None)
    assert (target.source, target.namespace) == (None, None)


def test_honest_attempts_do_not_share_the_address_of_a_flood(site: Site) -> None:
    flooding = attempts.flooding(site, "azukari-audit", "somewhere").source
    honest = {attempts.at_bastion(site, "azukari-audit", "somewhere").source for _ in range(200)}
    assert flooding is not None
    assert flooding not in honest


def test_a_bastion_that_is_not_there_judges_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_PATIENCE", 0.0)
    with identity.automation(site, "audit") as own:
        decoys.ensure(site, ["production"])
        found = attempts.try_decoys(site, own, namespace="azukari-no-such-place", timeout=0.3)
    assert set(found) == set(site.hosts)
    assert all(isinstance(answer, NotJudged) for answer in found.values())
