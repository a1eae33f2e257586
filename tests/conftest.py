"""What tests of real servers share: the provisioned lab, made once a session when the first of them needs it."""

from collections.abc import Iterator

import pytest

from azukari.lab import Lab
from tests import provisioned


@pytest.fixture(scope="session")
def provisioned_lab() -> Iterator[Lab]:
    """Seven provisioned hosts, `reset` to their snapshot returns them to what `apply` made."""
    with provisioned.session() as lab:
        yield lab
