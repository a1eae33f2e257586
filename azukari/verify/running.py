"""Runs the checks within this process, as plain pytest would, and returns what they found."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from azukari.content import content
from azukari.errors import AzukariError, OwnFault
from azukari.site import Site
from azukari.verify.plugin import GIVEN, SESSION
from azukari.verify.results import RunResult
from azukari.verify.session import JudgedAs, Options, Session, parse_list
from azukari.verify.snapshot import Progress

# Nothing of pytest's own that shows, writes or remembers: what a run says is said by azukari.
_WITHOUT = (
    "cacheprovider", "terminal", "logging", "warnings", "faulthandler", "junitxml", "doctest", "unittest",
    "unraisableexception", "threadexception",
)  # fmt: skip


class _Carrier:
    """Brings the options into pytest, and its end out of it."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.session: Session | None = None
        self.broke: BaseException | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Hand the options to the plugin before it looks for its own."""
        config.stash[GIVEN] = self._options
        config.option.tbstyle = "native"  # no source is looked up for tracebacks that nobody is shown

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Keep the session for its result."""
        self.session = session.config.stash[SESSION]

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Keep what broke; pytest itself would print it."""
        self.broke = excinfo.value
        return True

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Keep that the user interrupted."""
        self.broke = excinfo.value


def _quiet(_clause: str) -> None:
    """Say nothing."""


def run(
    site: Site | None,
    *,
    lone: str = "",
    limit: Sequence[str] = (),
    safeguards: Sequence[str] = (),
    attempts: bool = True,
    judged_as: JudgedAs = "contractor",
    nonce: str | None = None,
    checks: Path | None = None,
    progress: Progress = _quiet,
) -> RunResult:
    """Judge a site, or a lone host.

    Args:
        site: the declared site; None with `lone`.
        lone: `root@ADDRESS[:PORT]`, a server with nothing installed; only host-level checks are judged.
        limit: names of hosts, or `site` for the site-wide checks; empty means all.
        safeguards: ids of safeguards; empty means all.
        attempts: whether attempts are made; without, they are not evaluated.
        judged_as: with the identity of the `contractor` or of the `auditor`.
        nonce: the auditor's, kept with the result.
        checks: the folder of checks; by default the one that this installation carries.
        progress: told what goes on, as clauses.

    Raises:
        InputError: wrong use, or no identity at hand.
        Unreachable: the lone host does not answer.
        OwnFault: the checks could not be run.
    """
    folder = checks or content("checks")
    options = Options(
        site=site,
        lone=lone,
        limit=parse_list(limit),
        safeguards=parse_list(safeguards),
        attempts=attempts,
        judged_as=judged_as,
        nonce=nonce,
        progress=progress,
    )
    carrier = _Carrier(options)
    arguments = [str(folder), f"--rootdir={folder}", "-c", os.devnull, "--continue-on-collection-errors"]
    arguments.append("--assert=plain")  # a check says itself what is wrong, so that none is rewritten
    arguments += [part for name in _WITHOUT for part in ("-p", f"no:{name}")]
    with _undisturbed():
        code = pytest.main(arguments, plugins=[carrier])
    if isinstance(carrier.broke, KeyboardInterrupt | SystemExit | AzukariError):
        raise carrier.broke
    if carrier.broke is not None:
        raise OwnFault(f"The checks broke: {type(carrier.broke).__name__}: {carrier.broke}") from carrier.broke
    if carrier.session is None:
        raise OwnFault(f"The checks in {folder} could not be run (pytest ended with {int(code)}).")
    return carrier.session.result()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep foreign plugins out, and byte code out of the checks' folder, which may belong to somebody else."""
    before, written = dict(os.environ), sys.dont_write_bytecode
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ.pop("PYTEST_PLUGINS", None)
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        sys.dont_write_bytecode = written
