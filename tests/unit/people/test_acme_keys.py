"""The key of a bought ACME account: a secret of production, kept for the declared account alone."""

import pytest
from typer.testing import CliRunner

from azukari.cli.site import app
from azukari.errors import InputError
from azukari.people import acme_keys, domain_secrets
from azukari.site import Site, load

KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


def declare(site: Site, account: str) -> Site:
    path = site.path / "group_vars/all/site.yml"
    text = path.read_text()
    path.write_text(text.replace("acme: {", f"acme: {{external_account: {account}, "))
    return load(site.path)


def test_it_is_kept_for_the_declared_account_and_is_nowhere_in_clear(site: Site) -> None:
    site = declare(site, "kid-1")
    with pytest.raises(InputError, match=r"lacks the key of the ACME account kid-1; put it there: azukari site acme-"):
        acme_keys.private(site)
    assert acme_keys.keep(site, f" {KEY}=\n") == "kid-1"
    assert acme_keys.private(site) == KEY
    assert not [p for p in site.path.rglob("*") if p.is_file() and KEY in p.read_text("utf-8", "replace")]
    assert domain_secrets.read(site, "production")["services"]


@pytest.mark.parametrize("given", ["", "short", "not base64 !", "a" * 40 + "+/"])
def test_what_is_no_key_is_refused(site: Site, given: str) -> None:
    site = declare(site, "kid-1")
    with pytest.raises(InputError, match="is no key of an account"):
        acme_keys.keep(site, given)


def test_without_a_declared_account_there_is_nothing_to_keep(site: Site) -> None:
    for ask in (lambda: acme_keys.keep(site, KEY), lambda: acme_keys.private(site)):
        with pytest.raises(InputError, match="declares no account"):
            ask()


def test_the_verb_reads_it_from_standard_input(site: Site) -> None:
    site = declare(site, "kid-1")
    done = CliRunner().invoke(app, ["acme-key", "--site", str(site.path)], input=f"{KEY}\n")
    assert done.exit_code == 0, done.output
    assert "kid-1" in done.output
    assert KEY not in done.output
    assert acme_keys.private(site) == KEY
