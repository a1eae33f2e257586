"""The TLS decoys against a real server: each is refused, for its own reason and no other."""

import contextlib
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from azukari.errors import NotJudged
from azukari.people import authority, tls_decoys
from azukari.people.tls_decoys import TlsDecoy
from azukari.site import Site, holders_dir

# What the server itself says, by decoy; the name is compared by whoever is behind TLS.
REASONS = {"expired": "certificate has expired", "unknown-ca": "unable to get local issuer certificate"}


class Inner:
    """Takes one client by mutual TLS, as the site's inner servers do, and says what it thought of it."""

    def __init__(self, folder: Path, own: authority.Authority, *, trusted: str | None = None) -> None:
        request, key = tls_decoys.signing_request()
        certificate = own.tls_certificate(request, ["app"], 1)
        (folder / "app.pem").write_text(certificate + key)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=trusted or own.tls_ca_pem)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.load_cert_chain(folder / "app.pem")
        self.ca, self.folder = own.tls_ca_pem, folder

    def took(self, decoy: TlsDecoy) -> tuple[str, set[str]]:
        """Return why it refused (empty: it did not), and the names of whom it let in."""
        said: list[tuple[str, set[str]]] = []
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def serve() -> None:
                client, _ = listening.accept()
                try:
                    with self.context.wrap_socket(client, server_side=True) as tls:
                        names = (tls.getpeercert() or {}).get("subjectAltName", ())
                        said.append(("", {name for _, name in names}))  # type: ignore[misc, has-type]
                except ssl.SSLCertVerificationError as error:
                    said.append((error.verify_message, set()))

            server = threading.Thread(target=serve)
            server.start()
            context = ssl.create_default_context(cadata=self.ca)
            (self.folder / "decoy.pem").write_text(decoy.certificate + decoy.private_key)
            context.load_cert_chain(self.folder / "decoy.pem")
            connection = socket.create_connection(listening.getsockname(), 5)
            with context.wrap_socket(connection, server_hostname="app") as tls, contextlib.suppress(ssl.SSLError):
                tls.recv(1)
            server.join(5)
        return said[0]


def _one(kit: list[TlsDecoy], name: str) -> TlsDecoy:
    return next(one for one in kit if one.name == name)


@pytest.mark.parametrize(("name", "reason"), REASONS.items())
def test_refused_for_the_reason_meant(site: Site, tmp_path: Path, name: str, reason: str) -> None:
    inner = Inner(tmp_path, authority.load(site, "production"))
    assert inner.took(_one(tls_decoys.make(site, "production"), name)) == (reason, set())


def test_another_hosts_is_the_domains_own_and_in_time_but_nobodys(site: Site, tmp_path: Path) -> None:
    inner = Inner(tmp_path, authority.load(site, "production"))
    assert inner.took(_one(tls_decoys.make(site, "production"), "other-host")) == ("", {tls_decoys.NOBODY})


def test_of_another_domain_it_is_the_ca_that_is_refused(site: Site, tmp_path: Path) -> None:
    own, vault = authority.load(site, "production"), authority.load(site, "vault")
    decoys = tls_decoys.of_other_domains(site, "production")
    assert [one.name for one in decoys] == ["other-domain-vault", "other-domain-log"]
    said, names = Inner(tmp_path, own).took(decoys[0])
    assert (said, names) == ("unable to get local issuer certificate", set())
    said, names = Inner(tmp_path, own, trusted=vault.tls_ca_pem).took(decoys[0])
    assert not said
    assert {"intake", "web"} <= names
    assert not list((holders_dir(site) / "auditor").rglob("other-domain*"))


def test_without_the_keys_of_others_there_are_none_of_theirs(site: Site) -> None:
    for domain in ("vault", "log"):
        (holders_dir(site) / domain / "vault-password").unlink()
    assert tls_decoys.of_other_domains(site, "production") == []


def test_where_age_is_not_looked_at_the_expired_one_opens(site: Site) -> None:
    own = authority.load(site, "production")
    expired = x509.load_pem_x509_certificate(_one(tls_decoys.make(site, "production"), "expired").certificate.encode())
    expired.verify_directly_issued_by(x509.load_pem_x509_certificate(own.tls_ca_pem.encode()))
    assert expired.subject.rfc4514_string() == "CN=intake"
    names = expired.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"intake", "web", "app", "db"} <= set(names.get_values_for_type(x509.DNSName))
    ended = datetime.now(UTC) - expired.not_valid_after_utc
    assert timedelta(minutes=59) < ended < timedelta(minutes=70)


def test_they_are_in_the_ledger_as_decoys_and_lie_closed(site: Site) -> None:
    tls_decoys.make(site, "production")
    entries = [one for one in authority.ledger(site, "production").entries() if one.kind == "tls"]
    assert {"decoy/expired/production", "decoy/other-host/production"} <= {one.key_id for one in entries}
    files = list((holders_dir(site) / "auditor" / "decoys" / "production" / "tls").iterdir())
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_an_old_kit_proves_nothing_and_ensure_makes_a_new_one(site: Site) -> None:
    made = tls_decoys.make(site, "log")
    tls_decoys.ensure(site, ["log"])
    assert tls_decoys.load(site, "log") == made
    until = holders_dir(site) / "auditor" / "decoys" / "log" / "tls" / "usable-until"
    until.write_text("2026-01-01T00:00:00+00:00\n")
    with pytest.raises(NotJudged, match="too old"):
        tls_decoys.load(site, "log")
    tls_decoys.ensure(site, ["log"])
    assert tls_decoys.load(site, "log") != made


def test_a_kit_with_a_piece_missing_is_not_judged(site: Site) -> None:
    tls_decoys.make(site, "vault")
    (holders_dir(site) / "auditor" / "decoys" / "vault" / "tls" / "unknown-ca.key").unlink()
    with pytest.raises(NotJudged, match="not whole"):
        tls_decoys.load(site, "vault")


def test_a_request_is_signed_by_its_key() -> None:
    request = x509.load_pem_x509_csr(tls_decoys.signing_request()[0].encode())
    assert request.is_signature_valid
    assert isinstance(request.signature_hash_algorithm, hashes.SHA256)
    assert isinstance(request.public_key(), ec.EllipticCurvePublicKey)
