"""How a newcomer first meets azukari: the wheel alone, no checkout and no site, judges a plain Debian server."""

import dataclasses
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from azukari.cli import lab_site
from azukari.lab import Lab
from azukari.site import Site, holders_dir, load
from tests import provisioned, wheel
from tests.wheel import Installed

pytestmark = pytest.mark.lab
NUMBER = 66  # third number of the addresses of this lab, beside those of other tests
SERVER = "mail"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One freshly installed Debian, of which root's first key is known."""
    folder = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZUKARI_HOME", str(folder / "home"))
        provisioned.declare(folder / "site", NUMBER)
        lab_site.complete(folder / "site", None, None, ())
        declared = load(folder / "site")
        alone = dataclasses.replace(declared, hosts={SERVER: declared.hosts[SERVER]})
        lab = Lab.of(alone)
        lab.up()
        try:
            yield alone
        finally:
            lab.down()


@pytest.fixture(scope="module")
def agent(server: Site) -> Iterator[str]:
    """An ssh-agent that holds root's first key, as a user would have it; its socket's path."""
    started = subprocess.run(["ssh-agent", "-s"], check=True, capture_output=True, text=True).stdout
    socket, process = re.findall(r"SSH_AUTH_SOCK=([^;]+);.*SSH_AGENT_PID=(\d+);", started, re.DOTALL)[0]
    try:
        key = holders_dir(server) / "contractor" / "first_contact"
        subprocess.run(["ssh-add", "-q", str(key)], check=True, env={**os.environ, "SSH_AUTH_SOCK": socket})
        yield socket
    finally:
        os.kill(int(process), signal.SIGTERM)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return wheel.install(tmp_path_factory.mktemp("wheel"))


def test_judges_a_server_with_nothing_installed(
    installed: Installed, server: Site, agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", agent)
    address = server.hosts[SERVER].address
    done = installed.azukari("verify", "--host", f"root@{address}", "--json", "found.json", cwd=tmp_path)
    assert done.returncode in (1, 2), f"a plain Debian does not hold every safeguard\n{done.stdout}\n{done.stderr}"
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert found["hosts"] == [str(address)]
    verdicts = {result["verdict"] for result in found["results"]}
    assert {"pass", "fail"} <= verdicts
    assert all(result["message"] for result in found["results"] if result["verdict"] != "pass")
    assert "host identity unproven" in done.stdout
    assert server.host_fingerprint(SERVER) in done.stdout, "the user compares it with the console's"
    assert list((installed.home).rglob("statement.dsse.json")), "signed evidence is left"


def test_a_server_that_is_not_there(installed: Installed, server: Site, tmp_path: Path) -> None:
    nobody = str(server.hosts[SERVER].address).rsplit(".", 1)[0] + ".99"
    done = installed.azukari("verify", "--host", f"root@{nobody}", cwd=tmp_path)
    assert done.returncode == 2
    assert nobody in done.stderr
    assert "Traceback" not in done.stderr
