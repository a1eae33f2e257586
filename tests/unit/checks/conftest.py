"""What judges are given in tests: the lab's declared site, and what the lab's hosts once answered."""

import shutil
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from azukari.content import content
from azukari.site import load

UPSTREAM = """upstream:
  mirror: http://deb.example.org/debian
  security_mirror: http://deb.example.org/security
  resolvers: [192.0.2.53]
  time: []
"""


@pytest.fixture(scope="module")
def lab_site(tmp_path_factory):
    """The lab's site, with an `upstream.yml` as `azukari lab up` would write it; a module may add to it."""
    folder = tmp_path_factory.mktemp("site") / "lab"
    shutil.copytree(
        content("inventory") / "lab", folder, ignore=shutil.ignore_patterns("keys", "secrets", "approval.*")
    )
    (folder / "group_vars" / "all" / "upstream.yml").write_text(UPSTREAM)
    return load(folder)


@pytest.fixture(scope="module")
def contact_site(lab_site, tmp_path_factory):
    """The lab's site, to whose letters nobody can register: “Contact us” is its only form."""
    folder = tmp_path_factory.mktemp("contact") / "lab"
    shutil.copytree(lab_site.path, folder, ignore=shutil.ignore_patterns("keys"))
    policy = folder / "group_vars" / "all" / "policy.yml"
    said = yaml.safe_load(policy.read_text("utf-8"))
    said["policy"]["collections"] = [one for one in said["policy"]["collections"] if one["name"] != "mail_service"]
    del said["policy"]["purposes"]["delivery"]
    policy.write_text(yaml.safe_dump(said, allow_unicode=True, sort_keys=False), "utf-8")
    return load(folder)


@pytest.fixture(scope="module")
def key():
    """The contractor's evidence key, which signs releases."""
    return Ed25519PrivateKey.generate()


@pytest.fixture(scope="module")
def site(lab_site, key):
    """The lab's site with the contractor's evidence key."""
    path = lab_site.path / lab_site.contract.contractor.evidence_key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" contractor\n")
    return lab_site


@pytest.fixture(scope="session")
def answers():
    """Folder of recorded answers; addresses and names in them are those of `inventory/lab` and `lab_site`."""
    return Path(__file__).parent / "answers"
