import dataclasses
import ipaddress
import shutil
from pathlib import Path

import pytest

from azukari.content import content
from azukari.people import lab_site
from azukari.site import Site, load


def _copy(target: Path) -> Path:
    source = content("inventory/lab")
    shutil.copytree(source / "group_vars", target / "group_vars")
    shutil.copy(source / "hosts.yml", target / "hosts.yml")
    (target / "group_vars/all/upstream.yml").unlink(missing_ok=True)
    return target


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab site's folder with nothing generated in it, and a home of its own."""
    monkeypatch.setenv("AZUKARI_HOME", str(tmp_path / "home"))
    return _copy(tmp_path / "site")


@pytest.fixture
def site(declared: Path) -> Site:
    """A lab site with everybody's keys and the office's approval."""
    lab_site.make(declared)
    return load(declared)


@pytest.fixture
def site_here(site: Site) -> Site:
    """The same, as if its controller sat on loopback, where the tests' own servers see us."""
    places = site.settings.places.model_copy(update={"controller": (ipaddress.ip_network("127.0.0.1"),)})
    return dataclasses.replace(site, settings=site.settings.model_copy(update={"places": places}))
