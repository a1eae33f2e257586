"""The pytest plugin: a check becomes one item for each host that it concerns.

Everything is asked when collection is finished, all hosts at once; then each item is judged. In pytest's words a
check that could not be judged is an error, one that does not apply is skipped, an excepted one is an expected failure.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azukari import safeguards
from azukari.errors import AzukariError
from azukari.site import load
from azukari.verify.authoring import CHECK, Check
from azukari.verify.judging import Judged
from azukari.verify.results import Result
from azukari.verify.session import Options, Session, parse_list
from azukari.verify.snapshot import SITE, Wanted

SESSION = pytest.StashKey[Session]()
GIVEN = pytest.StashKey[Options]()


class CheckFailed(Exception):
    """A safeguard does not hold; the message says what was found and what was promised."""


class CheckNotEvaluated(Exception):
    """A check could not be judged; the message says why."""


class CheckItem(pytest.Item):
    """One check on one host, or on the site."""

    def __init__(self, *, wanted: Wanted, session_: Session, **more: Any) -> None:
        super().__init__(**more)
        self.wanted = wanted
        self._session = session_
        self._judged: Judged | None = None
        self.extra_keyword_matches |= {wanted.check.safeguard, wanted.check.proof}  # for `-k`

    @property
    def check_name(self) -> str:
        """The check as results name it: FILE::FUNCTION."""
        return f"{self.path.name}::{self.wanted.check.function.__name__}"

    def setup(self) -> None:
        """Judge; what cannot be judged ends here, so that pytest calls it an error and not a failure."""
        self._judged = self._session.judge(self.wanted, self.check_name)
        if self._judged.verdict == "not-evaluated":
            raise CheckNotEvaluated(self._judged.message) from self._judged.error

    def runtest(self) -> None:
        """Report the verdict in pytest's words."""
        judged = self._judged
        assert judged is not None  # noqa: S101 - setup has judged
        if judged.verdict == "fail":
            raise CheckFailed(judged.message) from judged.error
        if judged.verdict == "not-applicable":
            pytest.skip(judged.message)
        if judged.verdict == "excepted":
            pytest.xfail(judged.message)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the message alone: a judge's traceback says nothing to whoever reads a verdict."""
        if isinstance(excinfo.value, CheckFailed | CheckNotEvaluated) and not getattr(
            self.config.option, "fulltrace", False
        ):
            return f"{self.wanted.check.safeguard} on {self.wanted.host}: {excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the check stands and how pytest names it."""
        code = self.wanted.check.function.__code__
        return self.path, code.co_firstlineno - 1, f"{self.wanted.check.safeguard} {self.name}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what plain pytest needs; `azukari verify` gives its options by itself."""
    group = parser.getgroup("azukari", "azukari's checks of live servers")
    group.addoption("--site", metavar="FOLDER", default=os.environ.get("AZUKARI_SITE"), help="the declared site")
    group.addoption("--host", dest="lone_host", metavar="root@ADDRESS", default="", help="judge a lone host instead")
    group.addoption("--as", dest="judged_as", choices=("contractor", "auditor"), default="contractor", help="identity")
    group.addoption("--no-attempts", action="store_true", help="make no attempts; they are then not evaluated")
    group.addoption("--safeguard", action="append", default=[], metavar="ID", help="judge only this safeguard")
    group.addoption("--azukari-limit", action="append", default=[], metavar="HOST", help="judge only this host")
    group.addoption("--azukari-json", metavar="FILE", help="write the results as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Begin the session; wrong options end pytest with their sentence."""
    if config.option.collectonly and not (config.option.site or config.option.lone_host):
        return
    try:
        config.stash[SESSION] = Session(config.stash.get(GIVEN, None) or _options(config))
    except AzukariError as error:
        if GIVEN in config.stash:
            raise
        raise pytest.UsageError(error.message) from error


def _options(config: pytest.Config) -> Options:
    option = config.option
    return Options(
        site=load(option.site) if option.site and not option.lone_host else None,
        lone=option.lone_host,
        limit=parse_list(option.azukari_limit),
        safeguards=parse_list(option.safeguard),
        attempts=not option.no_attempts,
        judged_as=option.judged_as,
    )


def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> list[pytest.Item] | None:
    """Make an item for each host that a check concerns."""
    check = getattr(obj, CHECK, None)
    if not isinstance(check, Check):
        return None
    session = collector.config.stash.get(SESSION, None)
    if session is None:
        return []
    return [
        CheckItem.from_parent(collector, name=f"{name}[{host}]", wanted=Wanted(check, host), session_=session)
        for host in session.hosts_for(check)
    ]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Ask everything that the collected checks need, at once."""
    items = [item for item in session.items if isinstance(item, CheckItem)]
    if not items or session.config.option.collectonly:
        return
    try:
        session.config.stash[SESSION].ask(item.wanted for item in items)
    except AzukariError as error:
        if GIVEN in session.config.stash:
            raise
        raise pytest.UsageError(error.message) from error


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Keep what could not even be read: its safeguards are not evaluated, not forgotten."""
    if report.failed and _CURRENT:
        _CURRENT[-1].unread(_unread(report))


_CURRENT: list[Session] = []


def pytest_sessionstart(session: pytest.Session) -> None:
    """Note whose reports come now: pytest's hook for them does not say."""
    if SESSION in session.config.stash:
        _CURRENT.append(session.config.stash[SESSION])


def _unread(report: pytest.CollectReport) -> Iterator[Result]:
    file = Path(report.nodeid.split("::")[0]).name
    last = [line for line in str(report.longrepr).splitlines() if line.startswith("E ")] or ["E  it cannot be read"]
    for safeguard in safeguards.load():
        if safeguard.check and Path(safeguard.check).name == file:
            yield Result(
                safeguard=safeguard.id,
                check=file,
                host=SITE,
                vantage="the machine that ran azukari",
                proof=safeguard.proof[0],
                verdict="not-evaluated",
                message=f"{file} could not be read: {last[-1][1:].strip()}",
            )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write the results, and end connections and keys."""
    session = config.stash.get(SESSION, None)
    if session is None:
        return
    if session in _CURRENT:
        _CURRENT.remove(session)
    session.close()
    if config.option.azukari_json:
        Path(config.option.azukari_json).write_text(session.result().to_json(), encoding="utf-8")
