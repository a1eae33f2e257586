"""An office, and what the application is told."""

import json
import subprocess
from datetime import date

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from azukari.content import content
from reference_site.recipients import NAMESPACE, KeyStatement

POLICY = yaml.safe_load((content("inventory") / "lab" / "group_vars" / "all" / "policy.yml").read_text("utf-8"))[
    "policy"
]
PURPOSES = {
    "comments": ["reply", "reference"],
    "heading": ["reply"],
    "email": ["reply"],
    "gender": ["policymaking"],
    "country": ["policymaking"],
}
SHELL = "<!doctype html><title>%title%</title><main>%main%</main>"


@pytest.fixture(scope="session")
def contact():
    """Return the contact form's collection, its items with purposes of these tests' own."""
    (found,) = (each for each in POLICY["collections"] if each["name"] == "contact")
    return found | {"items": [item | {"purposes": PURPOSES[item["name"]]} for item in found["items"]]}


@pytest.fixture(scope="session")
def holder_key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def approval(tmp_path_factory):
    key = tmp_path_factory.mktemp("approval") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    return key


@pytest.fixture(scope="session")
def office_key(approval):
    return " ".join(approval.with_suffix(".pub").read_text().split()[:2])


@pytest.fixture
def told(tmp_path, approval, office_key, holder_key, contact):
    """Write a configuration with its key statement and credentials; return the two folders."""
    statements, credentials = tmp_path / "site" / "sealing", tmp_path / "credentials"
    statements.mkdir(parents=True)
    credentials.mkdir()
    for name, text in (("database.password", "hunter2\n"), ("token.secret", "s" * 32)):
        (credentials / name).write_text(text)
    statement = KeyStatement("lab", "contact", "office", holder_key.public_key(), date(2020, 1, 1), date(2999, 12, 31))
    (statements / "contact.json").write_bytes(statement.to_bytes())
    subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-q", "-f", approval, "-n", NAMESPACE, statements / "contact.json"], check=True
    )
    document = {
        "site": "lab",
        "names": ["www.lab.test"],
        "time_zone": "Asia/Tokyo",
        "office_key": office_key,
        "forms": [contact],
        "holders": {"contact": "office"},
        "shells": {tongue: {"html": SHELL, "privacy": "/privacy/"} for tongue in ("ja", "en")},
        "database": {"host": "db", "hostaddr": "127.0.0.1", "port": 1, "dbname": "site", "user": "intake"},
        "clients": ["web"],
    }
    (tmp_path / "site" / "site.json").write_text(json.dumps(document))
    return tmp_path / "site", credentials
