"""What a wrong call ends with: one sentence, the exit code of the README, and never a key or a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from azukari.cli import main as command_line

REPOSITORY = Path(__file__).resolve().parents[2]
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n-----END OPENSSH PRIVATE KEY-----\n"


def run(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would, with a state of its own."""
    return subprocess.run(
        [sys.executable, "-m", "azukari", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "AZUKARI_HOME": str(home), "COLUMNS": "300", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


WRONG = {
    "an empty limit": (["plan", "--limit="], "is empty"),
    "empty tags": (["apply", "--tags="], "is empty"),
    "an unknown role": (["plan", "--tags", "nope"], "“nope” is no role; the roles are accounts,"),
    "a limit of one host": (["verify", "--limit=web", "--host=root@192.0.2.1"], "--limit and --as belong to a site"),
    "an empty list of safeguards": (["verify", "--safeguard="], "is empty"),
    "an empty host": (["verify", "--host="], "Nothing to judge"),
    "a port that there is not": (["verify", "--host", "root@127.0.0.1:99999"], "write root@ADDRESS"),
    "a command in the address": (["verify", "--host", "root@127.0.0.1;id"], "write root@ADDRESS"),
    "a planned safeguard": (["verify", "--safeguard", "LEAK-05"], "LEAK-05 is planned"),
    "two documents on one output": (["verify", "--json", "-", "--junit", "-"], "give one of them a file"),
    "a host and a site": (["verify", "--host", "root@192.0.2.1", "--site", "inventory/lab"], "leave out --site"),
    "a folder without evidence": (["evidence", "verify", "docs"], "docs is no evidence"),
    "a lab that is not up": (["verify", "--limit", "web"], "This lab is not up"),
}


@pytest.mark.parametrize(("arguments", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_call_is_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 3, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_private_key_in_place_of_its_public_half_is_never_shown(tmp_path: Path) -> None:
    key = tmp_path / "office"
    key.write_text(PRIVATE)
    done = run(tmp_path / "home", "init", str(tmp_path / "site"), "--office-key", str(key))
    assert done.returncode == 3
    assert "is a private key" in done.stderr
    assert "b3BlbnNz" not in done.stdout + done.stderr
    assert not (tmp_path / "site").exists()


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run(tmp_path / "file", "init", str(tmp_path / "site"))
    assert done.returncode == 3
    assert str(tmp_path / "file") in done.stderr


def test_our_own_fault_ends_with_70_and_what_to_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(**_options: object) -> int:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(command_line, "app", broken)
    monkeypatch.setattr(command_line, "_add_verbs", lambda: None)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 70
    said = capsys.readouterr().err
    assert "azukari's own fault (RuntimeError)" in said
    assert "nobody foresaw this" in said


def test_a_terminal_without_the_characters_is_no_fault(tmp_path: Path) -> None:
    done = run(tmp_path, "safeguards", "LEAK-10", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "LEAK-10" in done.stdout


def test_words_of_the_site_are_no_markup(tmp_path: Path) -> None:
    site = tmp_path / "site"
    assert run(tmp_path / "home", "init", str(site)).returncode == 0
    flows = site / "group_vars" / "all" / "flows.yml"
    flows.write_text(flows.read_text().replace("why: time}", "why: 'a [/] b :x:'}"))
    done = run(tmp_path / "home", "site", "show", "--site", str(site))
    assert done.returncode == 0, done.stderr
    assert "a [/] b :x:" in done.stdout


def test_the_offices_own_key_makes_the_check_a_gate(tmp_path: Path) -> None:
    home, site = tmp_path / "home", tmp_path / "site"
    assert run(home, "init", str(site)).returncode == 0
    key = tmp_path / "office.pub"
    key.write_bytes((site / "keys" / "office_approval.pub").read_bytes())
    gate = ["--site", str(site), "--office-key", str(key)]
    assert run(home, "site", "check", *gate).returncode == 4
    assert run(home, "site", "approve", "--site", str(site)).returncode == 0
    assert [run(home, "site", verb, *gate).returncode for verb in ("check", "diff")] == [0, 0]
    # Somebody else's key in the declaration, and their signature: the site agrees with itself, and not with the office.
    forger = tmp_path / "forger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(forger)], check=True)
    (site / "keys" / "office_approval.pub").write_bytes(forger.with_suffix(".pub").read_bytes())
    assert run(home, "site", "approve", "--site", str(site), "--key", str(forger)).returncode == 0
    assert run(home, "site", "check", "--site", str(site)).returncode == 0
    assert [run(home, "site", verb, *gate).returncode for verb in ("check", "diff")] == [1, 3]
