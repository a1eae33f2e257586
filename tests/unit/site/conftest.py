"""A real site of our own, with keys that these tests hold, and a home for its state."""

from pathlib import Path

import pytest
from site_documents import copy_base, new_key

from azukari.site import Site, load


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AZUKARI_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def office_key(tmp_path: Path) -> Path:
    return new_key(tmp_path / "office")


@pytest.fixture
def site(tmp_path: Path, office_key: Path) -> Site:
    folder = tmp_path / "site"
    copy_base("example", folder)
    (folder / "keys/office_approval.pub").write_text(office_key.with_suffix(".pub").read_text("utf-8"), "utf-8")
    return load(folder)
