"""What tests of real servers share: the provisioned lab, made once a session when the first of them needs it."""

import shutil
from collections.abc import Iterator

import pytest

from azukari import evidence
from azukari.lab import Lab
from tests import provisioned

pytest_plugins = ["tests.share"]


@pytest.fixture(scope="session")
def provisioned_lab() -> Iterator[Lab]:
    """Seven provisioned hosts, `reset` to their snapshot returns them to what `apply` made."""
    with provisioned.session() as lab:
        yield lab


@pytest.fixture
def drills_apart(provisioned_lab: Lab) -> Iterator[None]:
    """Take out the records of a test's drills: one that was meant to be red is no site's newest afterwards."""
    site = provisioned.site()
    before = {one.folder for one in evidence.listed(site, "drill")}
    yield
    for made in evidence.listed(site, "drill"):
        if made.folder not in before:
            shutil.rmtree(made.folder)
