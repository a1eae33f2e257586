"""The program of the public names' certificate: when it is due, what may be put in place, why it failed."""

import types
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from azukari.content import content

NOW = datetime.now(UTC).replace(microsecond=0)
KEY, OTHER_KEY, ROOT, MIDDLE, OWN, STRANGER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(6))
NAMES = ("www.lab.test", "lab.test")


@pytest.fixture(scope="module")
def program():
    path = content("roles") / "pki" / "files" / "usr" / "local" / "libexec" / "azukari-acme"
    module = types.ModuleType("azukari_acme")
    exec(compile(path.read_text("utf-8"), "azukari-acme", "exec"), module.__dict__)  # noqa: S102
    return module


@pytest.fixture
def host(program, tmp_path, monkeypatch):
    """Let the program's files lie in a folder of the test's own, with a request and the site's own CA."""
    for name in ("REQUEST", "CURRENT", "OWN_CA", "HAD", "LAST_WORDS", "ASKED_FOR", "ACCOUNTS"):
        monkeypatch.setattr(program, name, tmp_path / name.lower())
    program.REQUEST.write_text(request())
    program.OWN_CA.write_text(OWN_CA)
    return program


def called(name):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def authority(name, key, issuer, signer):
    return certificate(key, signer, issuer, name, (), 3650, 0, ca=True)


def certificate(key, signer, issuer, name, names, days, age, ca=False):
    start = NOW - timedelta(days=age)
    made = (
        x509.CertificateBuilder()
        .subject_name(called(name))
        .issuer_name(called(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
    )
    if names:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
    return made.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


OWN_CA = authority("own", OWN, "own", OWN)
MIDDLE_CA = authority("middle", MIDDLE, "root", ROOT)
STRANGE_CA = authority("stranger", STRANGER, "root", ROOT)


def leaf(names=NAMES, key=KEY, days=90, age=1, signer=MIDDLE, issuer="middle"):
    return certificate(key, signer, issuer, names[0], names, days, age)


def request(names=NAMES):
    made = x509.CertificateSigningRequestBuilder().subject_name(called(names[0]))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
    return made.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("current", "why"),
    [
        (leaf() + MIDDLE_CA, None),
        (leaf(age=44), None),
        (leaf(age=46), f"it ends on {NOW + timedelta(days=44):%Y-%m-%d}"),
        (leaf(signer=OWN, issuer="own"), "it is of the site's own CA, which visitors do not trust"),
        (leaf(signer=OWN, issuer="own", age=100), "it is of the site's own CA, which visitors do not trust"),
        (leaf(key=OTHER_KEY), "it is for another key"),
        (leaf(NAMES[:1]), "its names are not the declared ones"),
        (leaf((*NAMES, "more.lab.test")), "its names are not the declared ones"),
        ("", "there is none that can be read"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "there is none that can be read"),
    ],
)
def test_why_a_new_certificate_is_due(program, current, why):
    assert program.why_due(current, request(), OWN_CA, NOW) == why


def test_without_a_request_it_is_due_too(program):
    assert program.why_due(leaf(), "", OWN_CA, NOW) == "nothing was ever asked for"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (leaf() + MIDDLE_CA, None),
        (leaf(), None),
        ("", "it is no certificate"),
        ("nothing", "it is no certificate"),
        (leaf(key=OTHER_KEY) + MIDDLE_CA, "it is for another key"),
        (leaf(("evil.test",)) + MIDDLE_CA, "its names are not the declared ones"),
        (leaf() + STRANGE_CA, "its chain does not hold together"),
        (MIDDLE_CA + leaf(), "it is for another key"),
        (leaf(age=91) + MIDDLE_CA, "it is valid from"),
        (leaf(age=-2) + MIDDLE_CA, "it is valid from"),
    ],
)
def test_what_cannot_be_put_in_place(program, given, why):
    found = program.why_unsound(given, request(), NOW)
    assert found == why if why is None else found.startswith(why)


class Authority:
    """Stands in for dehydrated: answers each call by turns, and keeps what was asked."""

    def __init__(self, *answers):
        self._answers, self.asked = list(answers), []

    def __call__(self, *arguments):
        self.asked.append(arguments[0])
        return self._answers.pop(0)


REGISTERED = (True, "", "+ Done!")


def test_what_was_had_is_put_in_place_and_nothing_is_asked_before_it_is_due(host, monkeypatch):
    pem = leaf(age=0) + MIDDLE_CA
    asked = Authority(REGISTERED, (True, f"# CERT #\n{pem}\n", "+ Done!"))
    monkeypatch.setattr(host, "ask", asked)
    host.CURRENT.write_text(leaf(signer=OWN, issuer="own"))
    assert host.main("renew") == 0
    assert host.HAD.read_text() == pem
    reloaded = []
    monkeypatch.setattr(
        host.subprocess, "run",
        lambda argv, run=host.subprocess.run, **more: (
            reloaded.append(argv[1:]) or types.SimpleNamespace(returncode=0, stderr="")
            if argv[0] == "systemctl" else run(argv, **more)
        ),
    )  # fmt: skip
    assert host.main("install") == host.main("install") == 0
    assert host.CURRENT.read_text() == pem
    assert reloaded == [["try-reload-or-restart", "nginx.service"]]
    assert host.main("renew") == 0
    assert asked.asked == ["--register", "--signcsr"]
    host.CURRENT.write_text(leaf(("evil.test",)))  # somebody's; the good one is still there
    assert host.main("renew") == host.main("install") == 0
    assert host.CURRENT.read_text() == pem
    assert asked.asked == ["--register", "--signcsr"]


def test_it_is_had_anew_when_asked_for(host, monkeypatch):
    host.CURRENT.write_text(leaf())
    host.HAD.write_text(leaf())
    host.ASKED_FOR.touch()
    asked = Authority(REGISTERED, (True, leaf(age=0), ""))
    monkeypatch.setattr(host, "ask", asked)
    assert host.main("renew") == 0
    assert asked.asked == ["--register", "--signcsr"]


def test_an_account_that_the_server_does_not_know_is_made_anew_once(host, monkeypatch):
    (host.ACCOUNTS / "server").mkdir(parents=True)
    (host.ACCOUNTS / "server" / "account_key.pem").touch()
    unknown = (False, "", f'"type": "urn:ietf:params:acme:error:{host.UNKNOWN}",\n "detail": "Account x not found."')
    asked = Authority(REGISTERED, unknown, REGISTERED, (True, leaf(age=0), ""))
    monkeypatch.setattr(host, "ask", asked)
    assert host.main("renew") == 0
    assert not list(host.ACCOUNTS.glob("*"))
    host.HAD.unlink()
    asked = Authority(REGISTERED, unknown, REGISTERED, unknown)
    monkeypatch.setattr(host, "ask", asked)
    assert host.main("renew") == 1
    assert host.LAST_WORDS.read_text() == "Account x not found\n"


@pytest.mark.parametrize(
    "given", [leaf(key=OTHER_KEY), leaf(("evil.test",)), "nonsense"], ids=["another key", "another name", "nothing"]
)
def test_what_is_not_sound_is_neither_kept_nor_put_in_place(host, monkeypatch, given):
    host.CURRENT.write_text(leaf(signer=OWN, issuer="own"))
    monkeypatch.setattr(host, "ask", Authority(REGISTERED, (True, given, "")))
    assert host.main("renew") == 1
    assert not host.HAD.exists()
    assert host.LAST_WORDS.read_text().startswith("what it gave cannot be used: ")
    host.HAD.write_text(given)  # as whoever holds the account could
    before = host.CURRENT.read_text()
    host.main("install")
    assert host.CURRENT.read_text() == before


def test_what_was_had_earlier_does_not_replace_what_is_newer(host):
    host.HAD.write_text(leaf(age=30))
    host.CURRENT.write_text(newest := leaf(age=2))
    assert host.main("install") == 0
    assert host.CURRENT.read_text() == newest


def test_a_success_forgets_the_last_failure(host):
    host.CURRENT.write_text(leaf())
    host.LAST_WORDS.write_text("once\n")
    assert host.main("renew") == 0
    assert not host.LAST_WORDS.exists()


CHALLENGE = """ + Challenge validation has failed :(
ERROR: Challenge is invalid! (returned: invalid) (result: ["type"]\t"http-01"
["error","type"]\t"urn:ietf:params:acme:error:connection"
["error","detail"]\t"Get \\"http://www.lab.test/.well-known/acme-challenge/x\\": connection refused"
["error"]\t{"type":"urn:ietf:params:acme:error:connection","status":400})
"""
PROBLEM = """  + ERROR: An error occurred while sending post-request to https://127.0.0.1:14000/order-plz (Status 400)

{
   "type": "urn:ietf:params:acme:error:rateLimited",
   "detail": "too many certificates already issued.",
   "status": 429
}
"""
NOBODY = "ERROR: Problem connecting to server (get for https://acme.test/dir; curl returned with 7)\n"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (CHALLENGE, 'Get "http://www.lab.test/.well-known/acme-challenge/x": connection refused'),
        (PROBLEM, "too many certificates already issued"),
        (NOBODY, "the proxy does not answer (curl 7)"),
        (NOBODY.replace("7)", "56)"), "the proxy lets nobody through to it (curl 56)"),
        (NOBODY.replace("7)", "99)"), "it cannot be reached (curl 99)"),
        ("# INFO: x\nERROR: This CA requires an external account.\n", "This CA requires an external account"),
        ("", "it said nothing"),
    ],
)
def test_why_it_failed_is_one_sentence(program, said, sentence):
    assert program.reason(said) == sentence
