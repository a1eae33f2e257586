"""The wheel is whole, holds nothing of this machine, and works outside a checkout."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests import wheel
from tests.wheel import REPOSITORY, Installed

_PACKAGES = ("azukari", "reference_site")
_CARRIED = ("playbooks", "roles", "checks", "safeguards", "tests/breaches", "inventory")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return wheel.install(tmp_path_factory.mktemp("wheel"))


def _files(installed: Installed) -> set[str]:
    with zipfile.ZipFile(installed.wheel) as archive:
        return set(archive.namelist())


def test_carries_what_is_in_the_checkout_and_nothing_else(installed: Installed) -> None:
    if not (REPOSITORY / ".git").exists():
        pytest.skip("what belongs to the checkout is known from git")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", *_PACKAGES, *_CARRIED]
    listed = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.splitlines()
    expected = {
        path if path.startswith(tuple(f"{name}/" for name in _PACKAGES)) else f"azukari/_content/{path}"
        for path in listed
        if (REPOSITORY / path).is_file() and not path.endswith("~")
    }
    expected |= {"azukari/_content/ansible.cfg", "azukari/_content/requirements.lock"}
    found = {path for path in _files(installed) if ".dist-info/" not in path}
    assert found == expected


def test_holds_nothing_secret_and_nothing_of_a_lab_that_is_up(tmp_path: Path) -> None:
    """A lab puts keys and secrets beside its declaration: the wheel built from such a checkout has none of them."""
    ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "keys", "secrets")
    shutil.copytree(REPOSITORY, tmp_path / "checkout", ignore=ignored)
    lab = tmp_path / "checkout/inventory/lab"
    for made in ("keys/hosts/web.pub", "secrets/vault.yml", "approval.sig", "group_vars/all/upstream.yml"):
        (lab / made).parent.mkdir(parents=True, exist_ok=True)
        (lab / made).write_text("made by lab up", "utf-8")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "dist")]
    subprocess.run([*command, str(tmp_path / "checkout")], check=True, capture_output=True)
    (built,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        names = [name for name in archive.namelist() if "/inventory/lab/" in name]
        assert names
        for name in names:
            assert archive.read(name) != b"made by lab up", name


def test_names_no_path_of_the_machine_that_built_it(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        for name in archive.namelist():
            assert str(REPOSITORY).encode() not in archive.read(name), name


def test_lock_has_a_hash_for_everything_and_no_index() -> None:
    for file in ("requirements.lock", "requirements-dev.lock"):
        text = (REPOSITORY / file).read_text("utf-8")
        pinned = re.findall(r"(?m)^([a-z0-9.\[\]-]+==\S+).*\\\n    --hash=sha256:[0-9a-f]{64}", text)
        assert len(pinned) == len(re.findall(r"(?m)^[a-z0-9]", text)) >= 25
        assert not re.search(r"https?://|file:|--index|--find-links|--trusted", text)


def test_the_users_lock_is_part_of_the_checkouts() -> None:
    def versions(file: str) -> set[str]:
        return set(re.findall(r"(?m)^([a-z0-9.-]+==[^ ]+)", (REPOSITORY / file).read_text("utf-8")))

    assert versions("requirements.lock") < versions("requirements-dev.lock")


def test_version(installed: Installed, tmp_path: Path) -> None:
    assert re.fullmatch(r"azukari \d+\.\d+\.\d+\n", installed.azukari("--version", cwd=tmp_path).stdout)


def test_init_check_approve_and_change(installed: Installed, tmp_path: Path) -> None:
    def run(*arguments: str, code: int = 0) -> str:
        done = installed.azukari(*arguments, cwd=tmp_path)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    said = run("init", "city", "--served", "www.city.example.jp")
    assert "hosts.yml: write the real addresses" in said
    assert "www.city.example.jp" in (tmp_path / "city/group_vars/all/site.yml").read_text("utf-8")
    for domain in ("production", "vault", "log"):
        secrets = (tmp_path / "city/secrets" / f"{domain}.yml").read_text("utf-8")
        assert secrets.startswith(f"$ANSIBLE_VAULT;1.2;AES256;{domain}\n")
        assert (installed.home / "sites/city/holders" / domain / "vault-password").stat().st_mode & 0o077 == 0
    assert not [
        path for path in (tmp_path / "city").rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()
    ]

    assert "not approved by the office yet" in run("site", "check", "--site", "city")
    assert "is approved" in run("site", "approve", "--site", "city")
    assert "approved by the office as it stands" in run("site", "check", "--site", "city")
    assert json.loads(run("site", "show", "--json", "--site", "city"))["approval"]["state"] == "approved"

    flows = tmp_path / "city/group_vars/all/flows.yml"
    flows.write_text(flows.read_text("utf-8").replace("to: web, port: 443", "to: web, port: 8443"), "utf-8")
    assert "+  - {from: visitors, to: web, port: 8443" in run("site", "diff", "--site", "city", code=4)
    flows.write_text(flows.read_text("utf-8").replace("port: 8443", "port: ssl"), "utf-8")
    said = run("site", "check", "--site", "city", code=3)
    assert "group_vars/all/flows.yml:6: “port” is the text “ssl”; allowed is a whole number from 1 to 65535" in said

    assert "is not empty" in run("init", "city", code=3)
    assert "give another --name" in run("init", "other", "--name", "city", code=3)
    assert not (tmp_path / "other").exists()


def test_init_with_the_keys_of_office_and_auditor(installed: Installed, tmp_path: Path) -> None:
    for name in ("office", "auditor"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    keys = ("--office-key", "office.pub", "--auditor-key", "auditor.pub")
    done = installed.azukari("init", "town", *keys, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    holders = installed.home / "sites/town/holders"
    assert not (holders / "office").exists()
    assert not (holders / "auditor").exists()
    refused = installed.azukari("site", "approve", "--site", "town", cwd=tmp_path)
    assert refused.returncode == 3
    assert "The office's key is not on this machine" in refused.stderr
    signed = installed.azukari("site", "approve", "--site", "town", "--key", "office", cwd=tmp_path)
    assert signed.returncode == 0, signed.stderr
    checked = installed.azukari("site", "check", "--site", "town", "--office-key", "auditor.pub", cwd=tmp_path)
    assert "NOT approved" in checked.stdout, "another key than the office gave"


def test_catalogue_outside_a_checkout(installed: Installed, tmp_path: Path) -> None:
    listed = json.loads(installed.azukari("safeguards", "--json", cwd=tmp_path).stdout)["safeguards"]
    assert len(listed) >= 60
    carried = REPOSITORY / "tests" / "breaches"
    if any(carried.rglob("*.breach.sh")):
        assert any(one["breaches"] for one in listed)
