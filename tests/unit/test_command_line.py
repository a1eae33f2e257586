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
    "a planned safeguard": (["verify", "--safeguard", "LEAK-24"], "LEAK-24 is planned"),
    "two documents on one output": (["verify", "--json", "-", "--junit", "-"], "give one of them a file"),
    "a host and a site": (["verify", "--host", "root@192.0.2.1", "--site", "inventory/lab"], "leave out --site"),
    "results to nowhere": (["verify", "--json", "/nonexistent/x"], "/nonexistent/x cannot be written"),
    "a plan to nowhere": (["plan", "--json", "/nonexistent/x"], "/nonexistent/x cannot be written"),
    "results to a folder": (["verify", "--junit", "docs"], "docs cannot be written: it is a folder"),
    "a nonce that paints": (["verify", "--nonce", "a\x1b[31m"], "1 to 200 printable characters"),
    "a long nonce": (["verify", "--nonce", "a" * 201], "1 to 200 printable characters"),
    "no number of hours": (["people", "audit", "--hours", "nan"], "more than 0 and at most 8; found nan"),
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


def test_no_place_for_keys_leaves_no_half_made_site(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "site"
    home.write_text("a file\n")
    done = run(home, "init", str(folder))
    assert done.returncode == 3
    assert not folder.exists()
    home.unlink()
    assert run(home, "init", str(folder)).returncode == 0


def test_a_real_site_cannot_have_the_labs_name(tmp_path: Path) -> None:
    done = run(tmp_path / "home", "init", str(tmp_path / "lab"))
    assert done.returncode == 3
    assert "that of azukari's own lab" in done.stderr
    assert not (tmp_path / "lab").exists()
    assert not (tmp_path / "home/sites/lab/holders").exists()


@pytest.mark.parametrize(
    ("safeguard", "says"), [("LEAK-99", "there is no safeguard LEAK-99"), ("LEAK-24", "LEAK-24 is planned")]
)
def test_what_nobody_judges_cannot_be_waived(tmp_path: Path, safeguard: str, says: str) -> None:
    site = tmp_path / "site"
    assert run(tmp_path / "home", "init", str(site)).returncode == 0
    (site / "group_vars/all/exceptions.yml").write_text(
        f"exceptions:\n- {{safeguard: {safeguard}, hosts: [web], reason: a, compensation: b, until: 2027-01-31}}\n"
    )
    for verb in ("check", "approve"):
        done = run(tmp_path / "home", "site", verb, "--site", str(site))
        assert done.returncode == 3
        assert says in done.stderr
    assert not (site / "approval.sig").exists()


def test_authorities_with_one_key_are_refused_before_approval(tmp_path: Path) -> None:
    home, site = tmp_path / "home", tmp_path / "site"
    assert run(home, "init", str(site)).returncode == 0
    folder = site / "keys/ca"
    good = {path.name: path.read_bytes() for path in folder.iterdir()}
    wrong = {
        "of another domain": ("production_user.pub", good["vault_user.pub"], "holds the key of keys/ca/"),
        "of hosts for users": ("log_user.pub", good["log_host.pub"], "holds the key of keys/ca/"),
        "one certificate": ("vault_tls.pem", good["log_tls.pem"], "holds the key of keys/ca/"),
        "no certificate": ("log_tls.pem", b"junk\n", "keys/ca/log_tls.pem is no certificate of an authority"),
        "no key": ("log_host.pub", b"junk\n", "keys/ca/log_host.pub is no OpenSSH public key"),
        "a second key": ("log_user.pub", good["log_user.pub"] + good["vault_user.pub"], "holds 2 lines"),
        "a second certificate": ("log_tls.pem", good["log_tls.pem"] + good["vault_tls.pem"], "holds 2 certificates"),
        "none": ("log_user.pub", None, "the key keys/ca/log_user.pub does not exist"),
    }
    for name, content, says in wrong.values():
        (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
        for verb in ("check", "approve"):
            done = run(home, "site", verb, "--site", str(site))
            assert done.returncode == 3, (name, done.stdout)
            assert says in done.stderr
        (folder / name).write_bytes(good[name])
    assert run(home, "site", "check", "--site", str(site)).returncode == 0


@pytest.mark.parametrize("arguments", [["site", "show"], ["safeguards", "--json"], ["--version"], ["--help"]])
def test_a_reader_who_has_seen_enough_is_no_failed_safeguard(tmp_path: Path, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "azukari", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "AZUKARI_HOME": str(tmp_path)},
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 141, done.stderr
    assert done.stderr == b""


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
    assert [run(home, "site", verb, *gate).returncode for verb in ("check", "diff")] == [1, 1]


def test_a_folder_that_is_no_site_is_named_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path / "home", "site", "check", "--site", "/etc")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "/etc is no site" in done.stderr


def test_a_key_file_that_is_not_there_is_named_in_words(tmp_path: Path) -> None:
    home, site = tmp_path / "home", tmp_path / "site"
    assert run(home, "init", str(site)).returncode == 0
    done = run(home, "site", "check", "--site", str(site), "--office-key", "/no/such")
    assert done.returncode == 3
    assert "The office's key /no/such cannot be read (no such file or directory)" in done.stderr
    assert "Errno" not in done.stderr


def test_the_offices_key_is_never_taken_from_the_site_itself(tmp_path: Path) -> None:
    home, site = tmp_path / "home", tmp_path / "site"
    assert run(home, "init", str(site)).returncode == 0
    assert run(home, "site", "approve", "--site", str(site)).returncode == 0
    named = tmp_path / "k1"
    named.write_text("keys/office_approval.pub\n")
    done = run(home, "site", "check", "--site", str(site), "--office-key", str(named))
    assert done.returncode == 3
    assert f"The office's key {named} is no OpenSSH public key" in done.stderr


def test_an_approval_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    home, site = tmp_path / "home", tmp_path / "site"
    assert run(home, "init", str(site)).returncode == 0
    assert run(home, "site", "approve", "--site", str(site)).returncode == 0
    listing, signature = site / "approval.txt", site / "approval.sig"
    before = listing.read_bytes(), signature.read_bytes()
    flows = site / "group_vars/all/flows.yml"
    flows.write_text(flows.read_text() + "# changed\n")
    signature.unlink()
    signature.mkdir()  # nothing can be put in its place
    (signature / "x").touch()
    done = run(home, "site", "approve", "--site", str(site))
    assert done.returncode == 3
    assert listing.read_bytes() == before[0]
    assert not list(site.glob(".approval*"))


def test_a_fault_in_init_is_named_and_leaves_a_given_folder_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    done = run(tmp_path / "home", "init", str(tmp_path / "link"), "--served", "a b")
    assert done.returncode == 3
    assert "a b" in done.stderr
    assert not list((tmp_path / "empty").iterdir())


def test_one_broken_folder_hides_no_other_evidence(tmp_path: Path) -> None:
    home, site = tmp_path / "home", tmp_path / "site"
    assert run(home, "init", str(site)).returncode == 0
    folder = home / "sites/site/evidence/20260101T000000Z-verify-aaaaaa"
    folder.mkdir(parents=True)
    (folder / "statement.dsse.json").write_text("junk")
    done = run(home, "evidence", "list", "--site", str(site))
    assert done.returncode == 1
    assert folder.name in done.stderr


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"a\nb\n"])
def test_roots_password_is_one_line_of_text(tmp_path: Path, content: bytes) -> None:
    home, site = tmp_path / "home", tmp_path / "site"
    assert run(home, "init", str(site)).returncode == 0
    file = tmp_path / "password"
    file.write_bytes(content)
    done = run(home, "apply", "--site", str(site), "--root-password-file", str(file))
    assert done.returncode == 3
    assert "allowed is" in done.stderr
