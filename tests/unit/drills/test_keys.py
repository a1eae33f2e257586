"""Every key of a host is tried on what is kept: each form opens what was sealed for it, and no other key does."""

import base64
import json
import os
import subprocess
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from azukari.drills import canary, keys, opener
from azukari.drills.outcome import Step
from reference_site.sealing import Place, seal

FILES, SEALED = keys.control()
pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/mountinfo"), reason="needs Linux")  # noqa: PTH110


def found_in(folder, values=SEALED):
    return opener.search(values, sorted(str(path) for path in folder.iterdir()))


def written_in(folder):
    """Leave out what is taken for a number: a line of a PEM block may look like one."""
    return [row for row in found_in(folder)["keys"] if not row["kind"].startswith(opener.ALONE)]


def openssl(*arguments, given=None):
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout


@pytest.mark.parametrize("one", [one for one in FILES if one["opens"]], ids=lambda one: one["form"])
def test_each_form_opens_what_was_sealed_for_it_and_nothing_else(one, tmp_path):
    for number, file in enumerate((one, *(file for file in FILES if not file["opens"]))):
        (tmp_path / str(number)).write_bytes(base64.b64decode(file["data"]))
    opens = [row["opens"] for row in found_in(tmp_path)["keys"]]
    assert [one["opens"]] in opens
    assert all(names in ([], [one["opens"]]) for names in opens)


def test_a_closed_key_stays_closed_where_its_passphrase_is_not(tmp_path):
    for number, one in enumerate(FILES):
        if "closed" in one["form"] or one["form"] == "PKCS#12":
            (tmp_path / str(number)).write_bytes(base64.b64decode(one["data"]))
    (tmp_path / "password").write_text("another one\n")
    rows = written_in(tmp_path)
    assert len(rows) == 3
    assert {row["said"] for row in rows} == {f"{opener.CLOSED}; 1 tried"}


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "EC prime256v1", opener.NOTHING),
        (["ecparam", "-name", "prime256v1", "-genkey"], "EC prime256v1", opener.NOTHING),
        (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "EC secp384r1", opener.OTHER),
        (["genrsa", "-traditional", "2048"], "RSA 2048", opener.NOTHING),
        (["genpkey", "-algorithm", "ED25519"], "ED25519", opener.OTHER),
        (["genpkey", "-algorithm", "X25519"], "X25519", opener.OTHER),
    ],
)
def test_other_keys_that_openssl_makes_open_nothing(make, kind, said, tmp_path):
    (tmp_path / "x").write_bytes(openssl(*make))
    [row] = written_in(tmp_path)
    assert (row["kind"].split(", ")[1], row["said"], row["opens"]) == (kind, said, [])


@pytest.mark.parametrize("wrap", ["base64", "escaped", "crlf"])
def test_a_key_is_read_however_its_text_is_wrapped(wrap, tmp_path):
    text = base64.b64decode(FILES[0]["data"])
    ways = {
        "base64": base64.encodebytes(text),
        "escaped": json.dumps({"key": text.decode()}).encode(),
        "crlf": text.replace(b"\n", b"\r\n"),
    }
    (tmp_path / "x").write_bytes(ways[wrap])
    assert [row["opens"] for row in written_in(tmp_path)] == [[keys.CURVE]]


def test_keys_closed_the_older_way_and_by_openssl_open_with_what_lies_beside(tmp_path):
    key = base64.b64decode(FILES[1]["data"])
    (tmp_path / "older").write_bytes(openssl("ec", "-aes256", "-passout", "pass:beside", given=key))
    (tmp_path / "settings").write_text("db_password = beside\nother = 1\n")
    [row] = written_in(tmp_path)
    assert row["opens"] == [keys.CURVE]


def test_what_is_no_key_is_named_as_such(tmp_path):
    (tmp_path / "x").write_text("-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n")
    (tmp_path / "certificate").write_bytes(b"\x30\x82\x01\x01\x02\x01\x00\x30" + bytes(250))
    assert [row["said"] for row in written_in(tmp_path)] == [opener.UNREADABLE]


def test_party_information_counts(monkeypatch):
    """RFC 7518 appendix C, Alice's and Bob's agreement."""
    header = {"alg": "A128GCM", "apu": "QWxpY2U", "apv": "Qm9i"}
    shared = bytes([158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156,
                    251, 49, 110, 163, 218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196])  # fmt: skip
    monkeypatch.setattr(opener, "_KEY_BITS", 128)
    assert base64.urlsafe_b64encode(opener._derived(shared, header)[:16]) == b"VqqN6vgjbSBcIijNcacQGg=="


def test_the_whole_program_finds_its_control_and_the_key_that_opens(tmp_path):
    """As on a host, where it sees all files; here those of a folder, so that no secret of this machine is looked at."""
    own = ec.generate_private_key(ec.SECP256R1())
    value = seal(b"x", Place("contact", "1", "reply"), own.public_key())
    (tmp_path / "noise.conf").write_bytes(own.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    text = keys.program({"reply": value})
    start, end = text.rsplit("\n\nmain(", 1)
    start += f"\n\nCONTROL_AT = ({str(tmp_path)!r},)\nfiles = lambda: _below({str(tmp_path)!r}, lambda _: True)\n"
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-"], input=f"{start}\nmain({end}", capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["missed"] == []
    assert [(row["path"], row["opens"]) for row in found["keys"]] == [(str(tmp_path / "noise.conf"), ["reply"])]
    assert [path.name for path in tmp_path.iterdir()] == ["noise.conf"]
    passed, said = keys.judged(found, ["reply"])
    assert not passed
    assert said == f"{tmp_path}/noise.conf (DER, EC prime256v1) opens what is kept for reply"


@pytest.mark.parametrize(
    ("rows", "missed", "passed"),
    [
        ([], [], True),
        ([{"path": "/k", "kind": "DER", "opens": [], "said": opener.NOTHING}], [], True),
        ([{"path": "/k", "kind": "DER", "opens": ["reply"], "said": "opens reply"}], [], False),
        ([], ["DER in /run"], False),
    ],
)
def test_a_host_passes_where_nothing_opens_and_each_control_did(rows, missed, passed):
    found = {"keys": rows, "missed": missed, "numbers": 0, "passphrases": 0, "files": 1}
    assert keys.judged(found, ["reply"])[0] is passed


@pytest.fixture
def drill(monkeypatch):
    """A drill whose hosts answer that one of them holds a key that opens."""
    opening = {"path": "/k", "kind": "DER", "opens": ["reply"], "said": "opens reply"}
    fed = []

    def answered(_at, host, _command, program):
        fed.append(program)
        rows = [opening] if host == "app" else []
        return json.dumps({"keys": rows, "missed": [], "numbers": 0, "passphrases": 0, "files": 1})

    monkeypatch.setattr(canary, "as_root", answered)
    at = SimpleNamespace(hosts=["web", "app"])
    one = SimpleNamespace(
        _at=at, _sent=[], _rows=lambda _: [("1", "reply", "s-1"), ("2", "reply", "s-2")], fed=fed, steps=[]
    )
    one.step = lambda *words: one.steps.append(Step(*words))
    return one


def test_the_drill_names_the_host_whose_key_opens(drill):
    canary._Canary.try_keys(drill)
    assert [(step.what, step.passed, len(step.tried)) for step in drill.steps] == [
        ("every key tried on what is kept, on web", True, 0),
        ("every key tried on what is kept, on app", False, 1),
    ]
    assert "/k (DER) opens what is kept for reply" in drill.steps[1].said
    assert len(set(drill.fed)) == 1  # the same program for all
    assert "{'reply': 's-2'}" in drill.fed[0]


def test_where_nothing_is_kept_the_drill_does_not_pass(drill):
    drill._rows = lambda _: []
    canary._Canary.try_keys(drill)
    assert [step.passed for step in drill.steps] == [False]
    assert not drill.fed


def test_what_the_kernel_tells_is_not_walked_and_hidden_memory_is(tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "x").write_text("x")
    assert list(opener._below(str(tmp_path), lambda _: True)) == [str(tmp_path / "inner" / "x")]
    assert not list(opener._below(str(tmp_path), lambda _: False))
    own, other = {1: ("ext4", "/")}, {1: ("ext4", "/"), 2: ("tmpfs", "/secret"), 3: ("proc", "/proc")}
    monkeypatch.setattr(opener, "_mounts", lambda number: own if number == "self" else other)
    monkeypatch.setattr(opener, "_below", lambda top, _: [top])
    [top, hidden] = opener.files()
    assert top == "/"
    assert hidden.startswith("/proc/")
    assert hidden.endswith("/root/secret")
