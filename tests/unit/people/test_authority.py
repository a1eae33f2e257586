import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, SSHCertificate, load_ssh_public_identity

from azukari.errors import InputError
from azukari.people import authority, domain_secrets, identity, lab_site
from azukari.people.authority import REVOKED_DECOY_SERIAL, KeysNotAtHand
from azukari.people.ledger import Entry, Ledger, LedgerBroken
from azukari.site import Site, approval, holders_dir, load
from azukari.ssh import keys, krl


def _now() -> datetime:
    return datetime.now(UTC)


def _certificate(line: str) -> SSHCertificate:
    found = load_ssh_public_identity(line.encode())
    assert isinstance(found, SSHCertificate)
    return found


def _request(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_a_users_certificate_says_what_was_asked_and_stands_in_the_ledger(site: Site) -> None:
    own = authority.load(site, "production")
    public = keys.public_text(keys.new_key())
    start, end = _now(), _now() + timedelta(hours=1)
    line = own.user_certificate(public, ["audit@web"], "someone/T-1", start, end, ["192.0.2.0/28"], ["permit-pty"])
    found = _certificate(line)
    assert found.valid_principals == [b"audit@web"]
    assert found.critical_options == {b"source-address": b"192.0.2.0/28"}
    assert found.extensions == {b"permit-pty": b""}
    assert found.key_id == b"someone/T-1"
    assert (found.valid_after, found.valid_before) == (int(start.timestamp()), int(end.timestamp()))
    assert found.signature_key().public_bytes_raw() == own.user_ca.public_key().public_bytes_raw()
    last = list(own.ledger.entries())[-1]
    assert (last.serial, last.key_id, last.names) == (found.serial, "someone/T-1", ("audit@web",))


@pytest.mark.parametrize(("principals", "sources"), [([], ["192.0.2.1"]), (["audit@web"], [])])
def test_a_certificate_for_everybody_or_from_everywhere_is_not_made(
    site: Site, principals: list[str], sources: list[str]
) -> None:
    own = authority.load(site, "production")
    before = list(own.ledger.entries())
    with pytest.raises(InputError, match="at least one principal and one source address"):
        own.user_certificate(
            keys.public_text(keys.new_key()), principals, "x/y", _now(), _now() + timedelta(hours=1), sources
        )
    assert list(own.ledger.entries()) == before


def test_ssh_keygen_reads_host_certificates_and_their_year_is_the_most(site: Site, tmp_path: Path) -> None:
    own = authority.load(site, "vault")
    public = keys.public_text(keys.new_key())
    (tmp_path / "host-cert.pub").write_text(own.host_certificate(public, ["vault", "198.18.64.15"], 365))
    said = subprocess.run(
        ["ssh-keygen", "-Lf", tmp_path / "host-cert.pub"], capture_output=True, text=True, check=True
    ).stdout
    assert "host certificate" in said
    assert "Principals: \n                vault\n                198.18.64.15\n" in said
    with pytest.raises(InputError, match="1 to 365 days"):
        own.host_certificate(public, ["vault"], 366)


def test_tls_certificates_verify_with_openssl_and_names_come_from_the_caller(site: Site, tmp_path: Path) -> None:
    own = authority.load(site, "production")
    leaf = own.tls_certificate(_request(ec.generate_private_key(ec.SECP256R1())), ["web", "198.18.64.11"], 90)
    (tmp_path / "leaf.pem").write_text(leaf)
    (tmp_path / "ca.pem").write_text(own.tls_ca_pem)
    for purpose in ("sslserver", "sslclient"):
        command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", "ca.pem", "leaf.pem"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    parsed = x509.load_pem_x509_certificate(leaf.encode())
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["web"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["198.18.64.11"]


def test_weak_keys_get_no_tls_certificate(site: Site) -> None:
    own = authority.load(site, "production")
    with pytest.raises(InputError, match="too weak"):
        own.tls_certificate(_request(rsa.generate_private_key(65537, 2048)), ["web"], 90)


def test_the_secrets_are_ansible_vaults_and_hold_no_plain_key(site: Site) -> None:
    data = (site.path / "secrets/vault.yml").read_text()
    assert data.startswith("$ANSIBLE_VAULT;1.2;AES256;vault\n")
    assert "PRIVATE" not in data
    vault_id = f"vault@{domain_secrets.password_path(site, 'vault')}"
    program = Path(sys.executable).with_name("ansible-vault")
    command = [program, "view", "--vault-id", vault_id, site.path / "secrets/vault.yml"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "BEGIN OPENSSH PRIVATE KEY" in listed.stdout, listed.stderr


def test_without_the_password_a_domain_is_not_at_hand_and_its_keeper_is_named(site: Site) -> None:
    (holders_dir(site) / "vault" / "vault-password").unlink()
    assert authority.domains_at_hand(site) == ["production", "log"]
    with pytest.raises(KeysNotAtHand, match=r"vault are not at hand.*kept by sato"):
        authority.load(site, "vault")


def test_another_domains_password_opens_nothing(site: Site) -> None:
    held = holders_dir(site)
    (held / "vault" / "vault-password").write_text((held / "log" / "vault-password").read_text())
    with pytest.raises(KeysNotAtHand, match="not this file's password"):
        authority.load(site, "vault")


@pytest.mark.parametrize("name", ["user.pub", "host.pub", "tls.pem"])
def test_what_servers_do_not_trust_is_not_signed_with(site: Site, name: str) -> None:
    folder = site.path / "keys/ca"
    (folder / f"vault_{name}").write_bytes((folder / f"production_{name}").read_bytes())
    with pytest.raises(InputError, match=f"vault_{name} is not the public half of"):
        identity.automation(site, "apply")
    with pytest.raises(InputError, match=f"vault_{name} is not the public half of"):
        identity.issue_auditor(site, ["vault"])
    with identity.automation(site, "audit") as own:  # it judges what is declared, and must be able to say so
        assert "vault" in own.hosts


def test_existing_keys_are_not_overwritten(site: Site) -> None:
    with pytest.raises(InputError, match="has its keys already"):
        authority.create(site, "log")


def test_a_revoked_serial_is_on_the_list_and_ssh_keygen_agrees(site: Site, tmp_path: Path) -> None:
    own = authority.load(site, "production")
    lines = [
        own.user_certificate(
            keys.public_text(keys.new_key()), ["a@web"], f"p/{n}", _now(), _now() + timedelta(hours=1), ["192.0.2.1"]
        )
        for n in range(2)
    ]
    revoked, good = _certificate(lines[0]), _certificate(lines[1])
    own.revoke(revoked.serial, "p/0", "lost")
    made = datetime(2026, 11, 25, tzinfo=UTC)
    data = own.revocation_list(made)
    assert data == own.revocation_list(made)
    said = krl.read(data)
    assert said.generated == made
    assert list(said.serials.values()) == [{revoked.serial, REVOKED_DECOY_SERIAL}]
    assert good.serial not in next(iter(said.serials.values()))
    (tmp_path / "list").write_bytes(data)
    for number, line in enumerate(lines):
        (tmp_path / f"{number}-cert.pub").write_text(line)
    verdicts = [
        subprocess.run(["ssh-keygen", "-Qf", "list", f"{n}-cert.pub"], cwd=tmp_path, capture_output=True, check=False)
        for n in range(2)
    ]
    assert [done.returncode for done in verdicts] == [1, 0]


def test_one_list_for_several_domains(site: Site) -> None:
    all_three = [authority.load(site, domain) for domain in ("production", "vault", "log")]
    said = krl.read(authority.combined_revocation_list(all_three))
    assert len(said.serials) == 3
    assert said.comment == "production vault log"


def test_a_ledger_with_a_line_altered_or_taken_out_names_the_line(tmp_path: Path, site: Site) -> None:
    whole = authority.ledger(site, "production").path
    own = authority.load(site, "production")
    for number in range(3):
        own.revoke(100 + number, f"p/{number}", "test")
    lines = whole.read_bytes().splitlines(keepends=True)
    altered = json.loads(lines[1])
    altered["serial"] = 7
    cases = {
        "altered": [lines[0], json.dumps(altered).encode() + b"\n", *lines[2:]],
        "taken out": [lines[0], *lines[2:]],
        "first gone": lines[1:],
        "not whole": [*lines[:-1], lines[-1][:20]],
    }
    for name, changed in cases.items():
        (tmp_path / name).write_bytes(b"".join(changed))
        with pytest.raises(LedgerBroken, match="line"):
            list(Ledger(tmp_path / name).entries())
    assert len(list(Ledger(whole).entries())) == len(lines)


def test_a_ledger_of_years_is_read_in_a_moment(tmp_path: Path) -> None:
    grown = Ledger(tmp_path / "grown")
    many = [
        Entry("issued", "user", n, "automation/audit/x", ("audit@web",), "a", "b", ("192.0.2.1",)) for n in range(10000)
    ]
    grown.append([*many, Entry("revoked", "user", 7, "p/t", note="lost")])
    start = time.process_time()
    assert grown.revoked() == {7}
    assert time.process_time() - start < 0.5


class TestLabSite:
    def test_a_second_time_makes_nothing(self, site: Site) -> None:
        again = lab_site.make(site.path)
        assert again.made == ()
        assert not again.approved
        assert again.approval.state == "approved"

    def test_an_edit_stays_unapproved_until_the_office_is_asked(self, site: Site) -> None:
        contract = site.path / "group_vars/all/contract.yml"
        contract.write_text(contract.read_text() + "# an edit\n")
        assert lab_site.make(site.path).approval.changed == ("group_vars/all/contract.yml",)
        assert lab_site.make(site.path, sign=True).approval.state == "approved"

    def test_a_checkout_brought_to_another_machine_gets_new_keys(
        self, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AZUKARI_HOME", str(tmp_path / "other machine"))
        made = lab_site.make(site.path)
        assert "the authority of vault" in made.made
        assert made.approval.state == "approved"
        assert authority.load(load(site.path), "vault").domain == "vault"

    def test_a_real_site_is_left_alone(self, site: Site) -> None:
        settings = site.path / "group_vars/all/site.yml"
        settings.write_text(settings.read_text().replace("lab: true", "lab: false"))
        with pytest.raises(InputError):
            lab_site.make(site.path)

    def test_private_things_are_closed(self, site: Site) -> None:
        private = [p for p in holders_dir(site).rglob("*") if p.is_file() and p.suffix != ".pub"]
        assert len(private) > 10
        assert {p.stat().st_mode & 0o077 for p in private} == {0}
        assert approval(site).state == "approved"
