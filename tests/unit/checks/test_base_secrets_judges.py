"""No secret in sight, recorded or written down: what must be found is, and what is none is not."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotEvaluated
from checks import test_base_secrets as judged

# --- LEAK-26: the look itself runs here, on what it is given ----------------------------------------------------------


def given(line):
    """Return what the look finds in one line of arguments, by running its own expressions."""
    head = judged.LOOK.split("for path in glob.glob")[0]
    script = f"{head}\nimport sys\nlook(sys.argv[1], 'arguments')\nprint(json.dumps(found))"
    done = subprocess.run([sys.executable, "-I", "-c", script, line], capture_output=True, text=True, check=True)
    return [one["what"] for one in json.loads(done.stdout)]


@pytest.mark.parametrize(
    "line",
    [
        "backup --password=hunter2hunter2 /srv",
        "backup --password hunter2hunter2",
        "Environment= DB_PASSWORD=hunter2hunter2",
        "sh -c PGPASSWORD=hunter2hunter2 psql",
        "curl https://robot:hunter2@example.org/",
        "agent --api-key=0123456789abcdef",
        "agent --auth-token 0123456789abcdef",
    ],
)
def test_a_secret_in_arguments_is_seen_and_never_repeated(line):
    found = given(line)
    assert found
    assert "hunter2" not in json.dumps(found)
    assert "0123456789abcdef" not in json.dumps(found)


@pytest.mark.parametrize(
    "line",
    [
        "backup --password-file=/etc/azukari/backup",
        "backup --password-file /etc/azukari/backup",
        "apt-cache policy base-passwd bash passwd perl",
        "systemd-tty-ask-password-agent --watch",
        "agent --token-ttl=$TTL --password=%d/credential",
        "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups",
        "curl https://example.org:443/",
    ],
)
def test_where_a_secret_is_kept_is_no_secret(line):
    assert given(line) == []


def test_the_look_runs_as_it_is_sent():
    done = subprocess.run(
        [sys.executable, "-I", "-c", judged.LOOK.replace("/proc/[0-9]*", "/nowhere/*")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(json.loads(done.stdout)) == {"seen", "units", "read", "found"}


def test_secrets_in_sight_are_judged():
    seen = {"seen": 30, "units": 60, "read": 200, "found": []}
    assert "no secret in sight" in judged.judge_in_sight(seen)
    with pytest.raises(AssertionError, match="password in arguments of backup"):
        judged.judge_in_sight({**seen, "found": [{"where": "arguments of backup", "what": "password"}]})
    with pytest.raises(NotEvaluated):
        judged.judge_in_sight({**seen, "units": 0})


# --- LEAK-26: what is written down ------------------------------------------------------------------------------------

SECRET = {
    "tls": "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEG\nm+2kPublicPoint=\n-----END PRIVATE KEY-----\n",
}


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder, run, holder = tmp_path / "site", tmp_path / "evidence" / "20261125T120000Z-plan-abcdef", tmp_path / "holder"
    for one in (folder / "secrets", run, holder):
        one.mkdir(parents=True)
    (folder / "secrets" / "vault.yml").write_text("$ANSIBLE_VAULT;1.2;AES256;vault\n3865\n")
    (folder / "hosts.yml").write_text("all: {}\n")
    (folder / "tls.pem").write_text("-----BEGIN CERTIFICATE-----\nMIIB\nm+2kPublicPoint=\n")
    (holder / "vault-password").write_text("correct-horse-battery\n")
    monkeypatch.setattr(judged.authority, "domains_at_hand", lambda _site: ["vault"])
    monkeypatch.setattr(judged.domain_secrets, "password_path", lambda _site, _domain: holder / "vault-password")
    monkeypatch.setattr(judged.domain_secrets, "read", lambda _site, _domain: SECRET)
    monkeypatch.setattr(judged.evidence, "listed", lambda _site: [SimpleNamespace(folder=run)])
    return SimpleNamespace(path=folder, run=run)


def test_what_is_public_is_no_secret():
    public = ["-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"]
    assert list(judged.texts_of({"public": public, "password": "correct-horse-battery"})) == ["correct-horse-battery"]


def test_the_look_does_not_take_itself_for_a_key():
    assert "PRIVATE KEY-----" not in judged.LOOK  # evidence keeps what was asked


def test_a_site_without_secrets_in_the_clear(site):
    assert "3 files without the secrets of vault" in judged.test_no_secret_is_written_down(judged.written_down(site))


@pytest.mark.parametrize(
    ("where", "name", "text", "said"),
    [
        ("path", "secrets/log.yml", "password: x\n", r"log\.yml in secrets/ is not encrypted"),
        ("path", "forgotten.pem", "-----BEGIN PRIVATE KEY-----\n", r"a private key in forgotten\.pem"),
        ("path", "notes.txt", "it is correct-horse-battery\n", r"a secret of vault in notes\.txt"),
        (
            "run",
            "facts.json",
            '{"said": "MIGHAgEAMBMGByqGSM49AgEG\\nm+2kPublicPoint="}',
            r"a secret of vault in facts\.json",
        ),
    ],
)
def test_a_secret_that_is_written_down_is_named_and_never_repeated(site, where, name, text, said):
    (getattr(site, where) / name).write_text(text)
    with pytest.raises(AssertionError, match=said) as caught:
        judged.test_no_secret_is_written_down(judged.written_down(site))
    assert "correct-horse" not in str(caught.value)
    assert "MIGH" not in str(caught.value)
