"""The key that signs mail: made once a year, its private half a secret, its public half declared."""

import pytest

from azukari.errors import InputError
from azukari.people import dkim_keys, domain_secrets
from azukari.site import Site, zone


def selector_of(site: Site) -> str:
    found = zone.signing_selector(site)
    assert found
    return found


def test_a_lab_has_this_years_key_and_it_is_made_once(site: Site) -> None:
    assert selector_of(site) == f"azukari{site.today().year}"
    before = dkim_keys.private(site, selector_of(site))
    assert dkim_keys.make(site) is None
    assert dkim_keys.private(site, selector_of(site)) == before
    assert "PRIVATE KEY" in before


def test_making_it_leaves_the_other_secrets_as_they_were(site: Site) -> None:
    before = domain_secrets.read(site, "production")
    (site.path / zone.KEYS / f"{selector_of(site)}.pem").unlink()
    assert dkim_keys.make(site)
    after = domain_secrets.read(site, "production")
    assert {k: v for k, v in after.items() if k != "dkim"} == {k: v for k, v in before.items() if k != "dkim"}
    assert after["dkim"] != before["dkim"]


def test_a_public_half_of_another_key_is_refused(site: Site) -> None:
    selector = selector_of(site)
    path = site.path / zone.KEYS / f"{selector}.pem"
    path.write_text(path.read_text().replace("A", "B", 1))
    with pytest.raises(InputError, match="is not the public half"):
        dkim_keys.private(site, selector)


def test_a_key_that_is_not_held_is_named(site: Site) -> None:
    with pytest.raises(InputError, match=r"lacks the private half of keys/dkim/azukari1999\.pem"):
        dkim_keys.private(site, "azukari1999")
