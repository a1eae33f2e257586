"""A copy of the site's database, and what comes back from it in a database beside the site's, on the same server.

The copy lies on this machine, in a file without a name, for as long as the drill takes; it holds sealed values alone.
"""

import subprocess
import tempfile
from typing import IO

from azukari.answers import stored
from azukari.drills.hosts import SECONDS, as_root
from azukari.errors import NotJudged
from azukari.provision.session import Session

DATABASE = "azukari_restored"
_AS_POSTGRES = "runuser -u postgres --"
# What waits to be counted is in no backup either (decision 0023).
_DUMP = f"{_AS_POSTGRES} pg_dump --dbname=site --schema=site --no-unlogged-table-data"
_DROP = f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE);\n"


class Copy:
    """One copy.

    Args:
        at: the hosts, and the ways to them.
        host: the database's.
        file: takes the copy.
    """

    def __init__(self, at: Session, host: str, file: IO[bytes]) -> None:
        self._at, self._host, self._file = at, host, file

    def take(self) -> int:
        """Take it from the site's database; return its bytes.

        Raises:
            NotJudged: the database did not give it whole.
        """
        self._ran(["ssh", "-F", str(self._at.ssh_config), self._host, f"sudo -n {_DUMP}"], to=self._file)
        return self._file.tell()

    def restore(self) -> None:
        """Restore it beside; what an earlier drill may have left there goes.

        Raises:
            NotJudged: the database did not take it whole.
        """
        begin = f"{_DROP}CREATE DATABASE {DATABASE};\nREVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;\n"
        self._asked(begin)
        self._file.seek(0)
        self._ran(stored.psql(self._at, self._host, DATABASE), given=self._file)

    def drop(self) -> None:
        """Remove what was restored.

        Raises:
            NotJudged: it is still there.
        """
        self._asked(_DROP)

    def _asked(self, statements: str) -> None:
        as_root(self._at, self._host, f"{_AS_POSTGRES} psql --no-psqlrc -q --set=ON_ERROR_STOP=1", statements)

    def _ran(self, command: list[str], *, given: IO[bytes] | None = None, to: IO[bytes] | None = None) -> None:
        with tempfile.TemporaryFile() as errors:
            try:
                done = subprocess.run(
                    command,
                    stdin=given or subprocess.DEVNULL,
                    stdout=to or subprocess.DEVNULL,
                    stderr=errors,
                    timeout=SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise NotJudged(f"{self._host}: the database gave no answer in {SECONDS} s.") from error
            errors.seek(0)
            if done.returncode:
                said = errors.read().decode("utf-8", "replace").strip()[-500:]
                raise NotJudged(f"{self._host}: a copy of the database failed: {said or done.returncode}")
