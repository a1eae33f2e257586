"""Who may log in, and until when, as accounts and sshd read it."""

import datetime
import shutil

import pytest

from azukari.content import content
from azukari.provision.logins import person, principals
from azukari.site import load


@pytest.fixture(scope="module")
def lab_site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "lab"
    unwanted = shutil.ignore_patterns("keys", "secrets", "approval.*", "upstream.yml")
    shutil.copytree(content("inventory") / "lab", folder, ignore=unwanted)
    return load(folder)


def lines(site, host):
    return {one["dest"].rpartition("/")[2]: one["content"] for one in principals(site, site.hosts[host])}


def test_servers_take_connections_from_the_bastion_alone(lab_site):
    found = lines(lab_site, "web")
    source = 'from="198.18.64.10,2001:2:0:64::10",'
    assert found == {
        "azukari-apply": f"{source}pty apply@web\n",
        "azukari-audit": f"{source}no-pty audit@web\n",
        "tanaka": f'{source}pty,expiry-time="20360331150000Z" tanaka\n',
    }


def test_the_bastion_itself(lab_site):
    found = lines(lab_site, "bastion")
    assert found["azukari-jump"] == "no-pty jump@bastion\n"
    assert found["azukari-apply"] == "pty apply@bastion\n"


def test_nobody_of_another_domain(lab_site):
    assert set(lines(lab_site, "vault")) == {"azukari-apply", "azukari-audit", "sato"}


def test_a_persons_last_day_is_whole_in_the_sites_time_zone(lab_site):
    tanaka = lab_site.contract.people[0]
    told = person(lab_site, tanaka)
    # 2036-03-31 in Tokyo ends at 15:00 UTC of that day; the account is shut from the next day on (shadow(5)).
    assert told["expires"] == str((datetime.date(2036, 4, 1) - datetime.date(1970, 1, 1)).days)


def test_nobody_outlives_the_contract(lab_site):
    tanaka = lab_site.contract.people[0].model_copy(update={"until": datetime.date(2040, 1, 1)})
    assert person(lab_site, tanaka)["expires"] == person(lab_site, lab_site.contract.people[0])["expires"]
