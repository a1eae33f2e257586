import pytest

from azukari.verify.redaction import redact, redact_text

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----"
GONE = {
    "a private key": (f"before\n{KEY}\nafter", "b3BlbnNza"),
    "a cut private key": ("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw", "MC4CAQ"),
    "yescrypt": ("root:$y$j9T$abc$def:19000:0", "j9T"),
    "sha512": ("$6$salt$hash", "salt"),
    "scram": ("SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy", "4096"),
    "a password in a URL": ("postgresql://app:hunter2@db/site", "hunter2"),
    "an assignment": ("DB_PASSWORD=hunter2", "hunter2"),
    "JSON": ('{"api_key": "hunter2"}', "hunter2"),
    "YAML": ("secret: hunter2", "hunter2"),
    "an option": ("restic --password hunter2 backup", "hunter2"),
    "a person's address": ("from hanako@example.jp to x", "hanako"),
}
KEPT = [
    "hmac-sha2-512-etm@openssh.com,umac-128-etm@openssh.com",
    "getty@tty1.service",
    "passwordauthentication no",
    "permitrootlogin prohibit-password",
    "auth required pam_unix.so",
    "password requisite pam_pwquality.so retry=3",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI",
    "SHA256:abcdef",
    "azukari-audit@web",
    "password_file=/etc/azukari/password",
    "cost $5 and $6",
    "hanako ALL=(root) NOPASSWD: ALL",
]


@pytest.mark.parametrize(("text", "secret"), GONE.values(), ids=GONE)
def test_what_must_not_lie_in_evidence_is_taken_out(text, secret):
    found = redact_text(text)
    assert secret not in found
    assert "«" in found


@pytest.mark.parametrize("text", KEPT)
def test_what_is_judged_stays(text):
    assert redact_text(text) == text


def test_it_goes_through_the_whole_of_facts():
    facts = {"a": [{"text": KEY}], "password": "hunter2", "hanako@example.jp": 1, "n": 3, "none": None}
    found = redact(facts)
    assert "b3Bl" not in str(found)
    assert "hunter2" not in str(found)
    assert "hanako" not in str(found)
    assert found["n"] == 3
    assert found["none"] is None


def test_a_password_s_state_stays():
    assert redact({"password": "locked"}) == {"password": "locked"}
    assert redact({"password": "yescrypt"}) == {"password": "yescrypt"}


def test_an_address_that_the_site_publishes_stays():
    text = "0 iodef mailto:privacy@office.example.jp, hanako@example.jp"
    assert redact([text], frozenset({"privacy@office.example.jp"})) == [text.replace("hanako@example.jp", "«address»")]
