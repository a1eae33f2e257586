"""Secrets of services: made from one of the domain's, always the same for the same purpose."""

import string

import pytest

from azukari.errors import InputError
from azukari.people import domain_secrets
from azukari.people.domain_secrets import service_secret
from azukari.site import Site

WHAT = "database password of intake"


def test_the_same_purpose_has_the_same_secret_and_no_other_has(site: Site) -> None:
    made = service_secret(site, "production", WHAT)
    assert made == service_secret(site, "production", WHAT)
    assert len(made) == 43
    assert set(made) <= set(string.ascii_letters + string.digits + "-_")
    others = {
        service_secret(site, "production", "database salt of intake"),
        service_secret(site, "vault", WHAT),
        service_secret(site, "production", ""),
    }
    assert len(others | {made}) == 4


def test_the_secret_comes_from_the_domains_own_alone(site: Site) -> None:
    """Two domains with one secret still differ, and a new secret makes all of them anew."""
    made = service_secret(site, "production", WHAT)
    own = domain_secrets.read(site, "production")
    domain_secrets.write(site, "vault", domain_secrets.read(site, "vault") | {"services": own["services"]})
    assert service_secret(site, "vault", WHAT) != made
    domain_secrets.write(site, "production", own | {"services": domain_secrets.new_services_secret()})
    assert service_secret(site, "production", WHAT) != made


@pytest.mark.parametrize("services", [None, "", 7, ["x"]])
def test_a_domain_without_a_secret_for_services_is_one_sentence(site: Site, services: object) -> None:
    values = {name: value for name, value in domain_secrets.read(site, "production").items() if name != "services"}
    domain_secrets.write(site, "production", values if services is None else values | {"services": services})
    with pytest.raises(InputError) as error:
        service_secret(site, "production", WHAT)
    assert error.value.message == (
        f"{domain_secrets.path(site, 'production')} lacks “services”, the secret from which those of services are made."
    )
