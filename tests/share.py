"""A rotating share of the tests of real servers: as many as there is time for, and what was left out is printed.

CI ends a run after 90 minutes. `make test-all` leaves nothing out.
"""

import time

import pytest

LEFT_OUT = pytest.StashKey[list[str]]()
BEGAN = pytest.StashKey[float]()
LAB = 3000.0  # seconds after which a rotating share begins nothing more of tests/lab
FIRST = ("test_lab.py", "test_apply.py", "test_verify.py", "test_no_lock_out.py")  # what any change may break


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add whether all is tried."""
    parser.addoption(
        "--share",
        choices=("all", "rotating"),
        default="all",
        help="rotating: of tests/lab and tests/breaches as many as fit, changed roles first, another part each day",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Note when it began."""
    config.stash[BEGAN] = time.monotonic()


def rotating(config: pytest.Config) -> bool:
    """Tell whether only a share is tried."""
    return bool(config.getoption("--share") == "rotating")


def today() -> int:
    """Return the number of the day, by which shares rotate."""
    return time.time_ns() // 86_400_000_000_000


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bring the lab's tests in the order in which a rotating share tries them: file by file, another one each day."""
    if not rotating(config):
        return
    lab = [item for item in items if _of_lab(item)]
    others = [item for item in items if not _of_lab(item)]
    files = sorted({item.path.name for item in lab} - set(FIRST))
    start = today() * 5 % len(files) if files else 0
    order = {name: number for number, name in enumerate((*FIRST, *files[start:], *files[:start]))}
    items[:] = sorted(lab, key=lambda item: order[item.path.name]) + others


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave a test of the lab out that there is no time for."""
    if rotating(item.config) and _of_lab(item) and time.monotonic() > item.config.stash[BEGAN] + LAB:
        left_out(item.config).append(item.nodeid)
        pytest.skip("left out: no time")  # no pass: the summary names each, and another day's order begins elsewhere


def left_out(config: pytest.Config) -> list[str]:
    """Return the names of what there was no time for, to be added to."""
    return config.stash.setdefault(LEFT_OUT, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was left out."""
    if names := left_out(config):
        terminalreporter.section(f"{len(names)} tests, breaches and near misses left out: no time")
        for name in names:
            terminalreporter.write_line(f"  {name}")


def _of_lab(item: pytest.Item) -> bool:
    return item.path.parent.name == "lab"
