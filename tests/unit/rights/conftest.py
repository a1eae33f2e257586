"""A lab site with everybody's keys and the office's approval; the machine's own state is left alone."""

import shutil
from pathlib import Path

import pytest

from azukari.content import content
from azukari.evidence import signer
from azukari.evidence.signer import Signer
from azukari.people import lab_site
from azukari.site import Site, holders_dir, load


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("AZUKARI_HOME", str(tmp_path / "home"))
    source, folder = content("inventory/lab"), tmp_path / "site"
    shutil.copytree(source / "group_vars", folder / "group_vars")
    shutil.copy(source / "hosts.yml", folder / "hosts.yml")
    (folder / "group_vars/all/upstream.yml").unlink(missing_ok=True)
    lab_site.make(folder)
    return load(folder)


@pytest.fixture
def contractor(site: Site) -> Signer:
    return signer.load(holders_dir(site) / "contractor" / "evidence.pem")
