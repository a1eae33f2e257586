"""The mail tier's key: made once a year, its private half a secret, its public half stated by the office."""

import json
from datetime import date

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from azukari.errors import InputError
from azukari.people import domain_secrets, lab_site, mail_keys, sealing_keys
from azukari.site import Site, holders_dir
from reference_site.sealing import Place, key_id, seal, unseal

STATEMENT = "keys/sealing/mail_service.json"


def stated_key(site: Site) -> str:
    return str(json.loads((site.path / STATEMENT).read_text())["kid"])


def next_year(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    day = date(site.today().year + 1, 1, 2)
    monkeypatch.setattr(Site, "today", lambda _site: day)


def test_a_lab_has_this_years_key_and_the_office_states_it(site: Site) -> None:
    assert mail_keys.make(site) is None
    assert sealing_keys.holder(site, "mail_service") == "mail"
    assert sealing_keys.stated(site, "mail_service")
    place, key = Place("mail_service", "1", "delivery"), load_pem_private_key(mail_keys.private(site).encode(), None)
    assert unseal(seal(b"x", place, mail_keys.newest(site)), place, key) == b"x"
    assert stated_key(site) == key_id(mail_keys.newest(site))
    assert sealing_keys.stated_keys(site)["mail_service"] == [stated_key(site)]


def test_no_private_half_is_anywhere_in_the_site(site: Site) -> None:
    secret = mail_keys.private(site).splitlines()[1]
    texts = [path.read_bytes() for path in site.path.rglob("*") if path.is_file()]
    assert not any(secret.encode() in text for text in texts)
    assert not list((holders_dir(site) / "office" / "sealing").glob("mail_service*"))


def test_next_years_key_is_stated_and_the_earlier_one_still_opens(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    old = stated_key(site)
    next_year(site, monkeypatch)
    made = lab_site.make(site.path).made
    assert "the office's statement of the sealing key for mail_service" in made
    assert stated_key(site) != old
    assert set(sealing_keys.stated_keys(site)["mail_service"]) == {old, stated_key(site)}
    assert mail_keys.private(site).count("BEGIN PRIVATE KEY") == 2


def test_a_key_that_got_out_is_replaced_within_the_year(site: Site) -> None:
    old = stated_key(site)
    assert mail_keys.make(site) is None
    assert mail_keys.make(site, another=True) == f"mail{site.today().year}-2"
    assert key_id(mail_keys.newest(site)) != old
    assert not sealing_keys.stated(site, "mail_service")  # until the office has stated the new one
    assert mail_keys.private(site).count("BEGIN PRIVATE KEY") == 2


def test_a_key_that_the_office_has_not_stated_is_not_taken_for_stated(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_year(site, monkeypatch)
    assert mail_keys.make(site)
    assert not sealing_keys.stated(site, "mail_service")


def test_making_it_leaves_the_other_secrets_as_they_were(site: Site) -> None:
    before = domain_secrets.read(site, "production")
    [public] = (site.path / mail_keys.FOLDER).glob("*.pem")
    public.unlink()
    assert mail_keys.make(site) == public.stem
    after = domain_secrets.read(site, "production")
    assert {k: v for k, v in after.items() if k != "mail"} == {k: v for k, v in before.items() if k != "mail"}
    assert after["mail"] != before["mail"]


def test_a_public_half_of_another_key_is_refused(site: Site) -> None:
    [public] = (site.path / mail_keys.FOLDER).glob("*.pem")
    values = domain_secrets.read(site, "production")
    public.rename(public.with_name("mail2000.pem"))
    with pytest.raises(InputError, match=r"lacks the private half of keys/mail/mail2000\.pem"):
        mail_keys.private(site)
    values["mail"]["mail2000"] = values["mail"].pop(public.stem)
    assert mail_keys.make(site) == public.stem
    domain_secrets.write(
        site, "production", values | {"mail": {**values["mail"], public.stem: values["mail"]["mail2000"]}}
    )
    with pytest.raises(InputError, match="is not the public half"):
        mail_keys.private(site)
