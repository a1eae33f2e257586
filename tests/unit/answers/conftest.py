"""A site whose office makes sealing keys."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sealed_answers import FORM
from site_database import script

from azukari.people import sealing_keys
from azukari.site import Site, holders_dir, load
from reference_site.sealing import PublicKey

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("AZUKARI_HOME", str(tmp_path / "home"))
    folder = shutil.copytree(CHECKOUT / "inventory" / "example", tmp_path / "site")
    private = holders_dir(load(folder)) / "office" / "approval"
    private.parent.mkdir(parents=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", private], check=True)
    shutil.copy(private.with_suffix(".pub"), folder / "keys" / "office_approval.pub")
    return load(folder)


@pytest.fixture
def new_key(site: Site) -> Callable[..., PublicKey]:
    """Have the office make and state a key; returns its public half."""

    def make(passphrase: str = "") -> PublicKey:
        approval = holders_dir(site) / "office" / "approval"
        return sealing_keys.make(site, FORM, approval, site.contract.end, passphrase)[1].key

    return make


@pytest.fixture
def database(server: list[str]) -> Callable[[str], list[str]]:
    """The site's own database, in a PostgreSQL of the tests' own where there is one; asks it, and returns the lines."""

    def ask(statements: str) -> list[str]:
        done = subprocess.run(server, input=statements, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr
        return done.stdout.strip().splitlines()

    ask(script())
    return ask
