"""Runs the breaches on the provisioned lab; prints what there was no time for."""

import subprocess
import time

import pytest

from azukari.lab import Lab
from tests import provisioned, share
from tests.breaches.loop import Loop
from tests.breaches.trials import Trial, all_trials

WHOLE = 3720.0  # seconds after which a rotating share begins nothing more, however slow the machine is


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add how long a rotating share of the breaches may take."""
    parser.addoption("--breach-minutes", type=float, default=12.0, help="how long a rotating share may take")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each script."""
    if "trial" in metafunc.fixturenames:
        trials = by_priority(all_trials())
        metafunc.parametrize("trial", trials, ids=[trial.id for trial in trials])


def by_priority(trials: list[Trial]) -> list[Trial]:
    """Return the trials of changed roles first, then the others, from another one on each day."""
    changed = changed_roles()
    first = [trial for trial in trials if trial.role in changed]
    rest = [trial for trial in trials if trial.role not in changed]
    start = (time.time_ns() // 86_400_000_000_000 * 37) % len(rest) if rest else 0
    return first + rest[start:] + rest[:start]


def changed_roles() -> set[str]:
    """Return the roles of which something differs from the commit before, or from the last commit."""
    names: set[str] = set()
    for arguments in (["diff", "--name-only", "HEAD~1"], ["ls-files", "--others", "--exclude-standard"]):
        done = subprocess.run(
            ["git", *arguments], cwd=provisioned.REPOSITORY, capture_output=True, text=True, check=False
        )
        names.update(done.stdout.split())
    parts = [name.split("/") for name in names]
    roles = {part[1] for part in parts if part[0] == "roles" and len(part) > 2}
    tried = {part[2] for part in parts if part[:2] == ["tests", "breaches"] and len(part) > 3}
    checked = {part[1].removeprefix("test_").removesuffix(".py") for part in parts if part[0] == "checks"}
    return roles | tried | checked | {name.partition("_")[0] for name in checked}  # test_site_forms.py is the site's


@pytest.fixture(scope="session")
def loop(request: pytest.FixtureRequest, provisioned_lab: Lab) -> Loop:
    """The loop over the trials that this session wants."""
    wanted = [
        item.callspec.params["trial"] for item in request.session.items if "trial" in getattr(item, "fixturenames", ())
    ]
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    assert reporter
    assert capture

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.write_line(f"  {line}")

    provisioned_lab.reset(list(provisioned.site().hosts))  # earlier tests have left their traces
    made = Loop(provisioned_lab, wanted, say)
    made.start()
    return made


@pytest.fixture(scope="session")
def deadline(request: pytest.FixtureRequest) -> float | None:
    """When no wave may begin any more."""
    if not share.rotating(request.config):
        return None
    minutes = request.config.getoption("--breach-minutes")
    return min(time.monotonic() + 60 * minutes, request.config.stash[share.BEGAN] + WHOLE)
