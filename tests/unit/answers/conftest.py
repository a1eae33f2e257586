"""A site whose office makes sealing keys; and a PostgreSQL of the tests' own, where one is installed."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sealed_answers import FORM

from azukari.people import sealing_keys
from azukari.site import Site, holders_dir, load
from reference_site.sealing import PublicKey

CHECKOUT = Path(__file__).parents[3]
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


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


@pytest.fixture(scope="module")
def server() -> Iterator[list[str]]:
    """Run a PostgreSQL of this module's own; gives the command of its psql."""
    if not PROGRAMS or (os.geteuid() == 0 and "postgres" not in {one.pw_name for one in pwd.getpwall()}):
        pytest.skip("PostgreSQL is not installed; tests/lab/test_answers.py asks a real one")
    programs, folder = PROGRAMS[-1].parent, Path(tempfile.mkdtemp(prefix="azukari-database-"))
    run_as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if run_as:
        shutil.chown(folder, "postgres", "postgres")

    def run(*command: str) -> None:
        subprocess.run([*run_as, *command], check=True, capture_output=True, cwd=folder)

    try:
        run(
            str(programs / "initdb"), "-D", f"{folder}/data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"
        )
        options = f"-c listen_addresses='' -c fsync=off -c wal_recycle=off -c unix_socket_directories={folder}"
        start = [str(programs / "pg_ctl"), "-D", f"{folder}/data", "-w", "-l", f"{folder}/log", "-o", options, "start"]
        subprocess.run([*run_as, *start], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
        try:
            yield [
                "psql", "--no-psqlrc", "-qAt", "--set=ON_ERROR_STOP=1", f"--host={folder}", "--username=postgres",
                "--dbname=postgres",
            ]  # fmt: skip
        finally:
            run(str(programs / "pg_ctl"), "-D", f"{folder}/data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
