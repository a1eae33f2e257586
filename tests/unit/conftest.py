"""A PostgreSQL of the tests' own, where one is installed."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


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
