"""The canary drill on real servers sees red: a website that notes what it is sent, and the office's key on a host."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from azukari import evidence
from azukari.drills.opener import ALONE
from azukari.lab import Lab
from azukari.people.sealing_keys import FOLDER
from azukari.site import holders_dir
from tests import provisioned

pytestmark = pytest.mark.lab
LEAK = r"""
program=/srv/azukari/site/reference_site/intake.py
sed -i 's|^        given = _by_purpose.*$|        open("/tmp/noted", "a").write(str(answer))\n&|' $program
grep -q noted $program
systemctl restart azukari-site.service
"""


def newest() -> dict[str, object]:
    found = evidence.newest(provisioned.site(), "drill")
    assert found is not None
    return dict(found.results)


def test_a_website_that_notes_what_it_is_sent_is_found_out(provisioned_lab: Lab, drills_apart: None) -> None:
    provisioned_lab.reset(list(provisioned.site().hosts))
    assert provisioned_lab.run("app", ["/bin/bash", "-c", LEAK], timeout=60).returncode == 0
    done = provisioned.azukari("drill", "canary", timeout=400)
    assert done.returncode == 1, done.stderr
    failed = [step for step in newest()["steps"] if not step["passed"]]
    assert {step["what"].split(", ")[-1] for step in failed} == {"on app"}
    assert all("/noted" in step["said"] for step in failed)
    judged = provisioned.azukari("verify", "--json", "-", timeout=120)
    red = {one["safeguard"] for one in json.loads(judged.stdout)["results"] if one["verdict"] == "fail"}
    assert "LEAK-20" in red
    assert not {"LOSS-11", "USE-02"} & red  # what else it did came out well
    assert provisioned.azukari("apply", "--limit", "app", "--tags", "site", timeout=300).returncode == 0
    healed = provisioned.azukari("drill", "canary", timeout=400)
    assert healed.returncode == 0, healed.stderr
    assert newest()["passed"] is True


def office_key() -> bytes:
    """Return the private key that opens what is sealed for the form now, as DER."""
    site = provisioned.site()
    stated = json.loads((site.path / FOLDER / "contact.json").read_bytes())["kid"]
    path = holders_dir(site) / "office" / "sealing" / f"contact-{stated}.pem"
    key = load_pem_private_key(path.read_bytes(), password=None)
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def test_the_offices_key_on_a_host_is_found_out(provisioned_lab: Lab, drills_apart: None) -> None:
    provisioned_lab.reset(list(provisioned.site().hosts))
    path, text = "/var/lib/misc/cache.dat", base64.b64encode(office_key()).decode()
    put = ["/bin/bash", "-c", f"base64 -d > {path} <<< {text}"]
    assert provisioned_lab.run("app", put, timeout=60).returncode == 0
    done = provisioned.azukari("drill", "canary", timeout=400)
    assert done.returncode == 1, done.stderr
    tried = {step["what"]: step for step in newest()["steps"] if step["what"].startswith("every key tried ")}
    assert {what.split(", ")[-1].removeprefix("on ") for what in tried} == set(provisioned.site().hosts)
    [red] = [step for step in newest()["steps"] if not step["passed"]]
    assert red == tried["every key tried on what is kept, on app"]
    assert f"{path} (DER, RSA 3072) opens what is kept for " in red["said"]
    for host in ("web", "app", "db"):
        paths = {row["path"] for row in tried[f"every key tried on what is kept, on {host}"]["tried"]}
        assert "/etc/azukari/tls/host.key" in paths
        assert any("/run/credentials/" in one for one in paths)
    judged = provisioned.azukari("verify", "--json", "-", timeout=120)
    verdicts = {one["safeguard"] for one in json.loads(judged.stdout)["results"] if one["verdict"] == "fail"}
    assert "LEAK-20" in verdicts
    assert not {"LOSS-11", "USE-02"} & verdicts
    assert provisioned_lab.run("app", ["/bin/rm", path], timeout=60).returncode == 0
    healed = provisioned.azukari("drill", "canary", timeout=400)
    assert healed.returncode == 0, healed.stderr
    whole = [row for step in newest()["steps"] for row in step.get("tried", ())]
    assert not [row for row in whole if row["opens"]]
    assert [row for row in whole if not row["kind"].startswith(ALONE)]
