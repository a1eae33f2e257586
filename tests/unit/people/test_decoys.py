"""The kit against a real sshd: each decoy is refused, for its own reason and no other."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from azukari.errors import NotJudged
from azukari.people import authority, decoys
from azukari.site import Site
from azukari.ssh import keys
from azukari.ssh.outside import Credential, Login, Target, login, logins
from tests.unit.ssh.private_sshd import SSHD, PrivateSshd

needs_sshd = pytest.mark.skipif(SSHD is None, reason="not applicable: sshd is not installed (openssh-server)")

# What the server's own log says, by decoy; too-long is for the hosts' own program, which no plain sshd has.
REASONS = {
    "expired": "Certificate invalid: expired",
    "not-yet-valid": "Certificate invalid: not yet valid",
    "wrong-principal": "does not contain an authorized principal",
    "revoked": "revoked by file",
    "other-host": "does not contain an authorized principal",
    "other-source": "not from a permitted source address",
    "unknown-ca": "is not listed in",
}


@dataclass
class Served:
    site: Site
    own: authority.Authority
    server: Callable[..., PrivateSshd]


@pytest.fixture
def served(site_here: Site, tmp_path: Path) -> Served:
    own = authority.load(site_here, "production")
    decoys.make(site_here, "production")

    def server(settings: str = "", **changes: object) -> PrivateSshd:
        values: dict[str, object] = {
            "user_ca": own.user_ca_public,
            "principals": ["audit@web"],
            "krl": own.revocation_list(),
            **changes,
        }
        return PrivateSshd(tmp_path / f"sshd-{time.monotonic_ns()}", settings=settings, **values)  # type: ignore[arg-type]

    return Served(site_here, own, server)


def _credentials(site: Site) -> list[Credential]:
    return [Credential.from_files(d.name, d.private_key, d.certificate) for d in decoys.load(site, "production")]


def _one(site: Site, name: str) -> Credential:
    return next(c for c in _credentials(site) if c.name == name)


def _honest(served: Served, path: Path) -> Credential:
    key = keys.new_key()
    keys.write_closed(path / "honest", keys.private_text(key))
    now = datetime.now(UTC)
    line = served.own.user_certificate(
        keys.public_text(key),
        ["audit@web"],
        "t/t",
        now - timedelta(minutes=5),
        now + timedelta(minutes=5),
        ["127.0.0.1"],
    )
    keys.write_closed(path / "honest-cert.pub", line)
    return Credential.from_files("honest", path / "honest", path / "honest-cert.pub")


@needs_sshd
@pytest.mark.parametrize(("name", "reason"), REASONS.items())
def test_refused_for_the_reason_meant(served: Served, name: str, reason: str) -> None:
    with served.server() as server:
        answer = login(Target("127.0.0.1", server.user, server.port), _one(served.site, name))
        time.sleep(0.05)  # sshd writes its log through another process
        log = server.log()
    assert answer.outcome == "refused", answer
    assert reason in log
    others = {other for other in REASONS.values() if other != reason}
    if name != "unknown-ca":  # sshd judges the rest only of CAs that it knows
        assert not [other for other in others if other in log]


@needs_sshd
def test_the_whole_kit_beside_an_honest_certificate_on_few_connections(served: Served, tmp_path: Path) -> None:
    with served.server() as server:
        target = Target("127.0.0.1", server.user, server.port)
        kit = [c for c in _credentials(served.site) if c.name != "too-long"]
        answers = logins(target, [*kit, _honest(served, tmp_path)])
        connections = server.log().count("Connection from 127.0.0.1")
    assert [(a.credential, a.outcome) for a in answers] == [
        *((c.name, "refused") for c in kit),
        ("honest", "accepted"),
    ]
    assert connections <= 3  # one of them is the test's own look whether the port is open


# Without the protection that it tests, each decoy opens the account: it is right in everything else.
OPENERS: dict[str, dict[str, object]] = {
    "revoked": {"krl": b""},
    "too-long": {},
    "wrong-principal": {"principals": ["azukari-audit"]},
    "other-host": {"principals": ["audit@vault"]},
}


@needs_sshd
@pytest.mark.parametrize(("name", "changes"), OPENERS.items())
def test_a_missing_protection_shows(served: Served, name: str, changes: dict[str, object]) -> None:
    with served.server(**changes) as server:
        answer = login(Target("127.0.0.1", server.user, server.port), _one(served.site, name))
    assert answer.outcome == "accepted"


@needs_sshd
def test_a_bare_key_in_authorized_keys_shows(served: Served, tmp_path: Path) -> None:
    bare = next(d for d in decoys.load(served.site, "production") if d.name == "bare-key")
    (tmp_path / "authorized").write_text(keys.public_text(keys.read_private(bare.private_key.read_bytes(), "bare")))
    with served.server(f"AuthorizedKeysFile {tmp_path}/authorized") as server:
        answer = login(Target("127.0.0.1", server.user, server.port), _one(served.site, "bare-key"))
    assert answer.outcome == "accepted"


@needs_sshd
def test_a_second_factor_that_is_asked_for_is_not_an_open_door(served: Served, tmp_path: Path) -> None:
    settings = "AuthenticationMethods publickey,password\nPasswordAuthentication yes"
    with served.server(settings) as server:
        answer: Login = login(Target("127.0.0.1", server.user, server.port), _honest(served, tmp_path))
    assert answer.outcome == "partial"
    assert answer.methods_offered == ("password",)
    assert not answer.accepted


def test_an_old_kit_proves_nothing_and_ensure_makes_a_new_one(site: Site) -> None:
    decoys.make(site, "log")
    kit = decoys.load(site, "log")
    for decoy in kit:
        said = decoy.private_key.with_suffix(".json")
        said.write_text(said.read_text().replace(str(decoy.usable_until), "2026-01-01 00:00:00+00:00"))
    with pytest.raises(NotJudged, match="too old"):
        decoys.load(site, "log")
    decoys.ensure(site, ["log"])
    assert len(decoys.load(site, "log")) == len(decoys.WHY_REFUSED)
    stamp = kit[0].certificate.read_bytes() if kit[0].certificate else b""
    decoys.ensure(site, ["log"])
    assert kit[0].certificate is not None
    assert kit[0].certificate.read_bytes() == stamp


def test_a_kit_with_a_piece_missing_is_not_judged(site: Site) -> None:
    decoys.make(site, "vault")
    decoys.load(site, "vault")[2].private_key.with_suffix(".json").unlink()
    with pytest.raises(NotJudged, match=r"wrong-principal.*missing"):
        decoys.load(site, "vault")
