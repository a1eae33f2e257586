"""Section 4's procedure with real signatures: who is refused, and what the ledger shows afterwards."""

import datetime
import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from azukari.cli import disclosure as verb
from azukari.errors import InputError, SafeguardFails
from azukari.evidence.signer import Signer
from azukari.people.chain import FIRST, LedgerBroken
from azukari.rights import disclosure, proposal, rehearsal
from azukari.rights.ledger import Ledger
from azukari.site import Site, approve, holders_dir, load, sshsig

ROW = "00000000-0000-4000-8000-000000000001"
TEXTS = {"ground": "legal-request", "basis": "article 197(2), no. 12", "recipient": "the police", "what": "a message"}


def key_of(site: Site, name: str) -> Path:
    return holders_dir(site) / "people" / name / "id_ed25519"


def proposed(site: Site, file: Path, **texts: str) -> Path:
    disclosure.propose(site, file, **{**TEXTS, **texts}, records=[ROW])
    return file


def signed(site: Site, file: Path, *names: str) -> Path:
    for name in names:
        disclosure.sign(site, file, name, key_of(site, name))
    return file


def made(site: Site, contractor: Signer, file: Path, **texts: str) -> str:
    return disclosure.close(site, signed(site, proposed(site, file, **texts), "yamada", "ito"), contractor)[2].digest


def beside(file: Path, name: str, key: Path, text: bytes | None = None) -> None:
    """Put a signature beside a proposal as somebody would who does not go by our verb."""
    signature = sshsig.sign(text or file.read_bytes(), proposal.NAMESPACE, key)
    file.with_name(f"{file.name}.{name}.sig").write_bytes(signature)


def with_contract(site: Site, old: str, new: str) -> Site:
    """Change the contract, and have the office approve it."""
    file = site.path / "group_vars/all/contract.yml"
    assert old in file.read_text("utf-8")
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
    changed = load(site.path)
    approve(changed, holders_dir(site) / "office" / "approval")
    return changed


def run(site: Site, *arguments: object) -> str:
    done = CliRunner().invoke(verb.app, [*map(str, arguments), "--site", str(site.path)], standalone_mode=False)
    if isinstance(done.exception, Exception):
        raise done.exception
    return done.stdout


def test_two_people_disclose_and_the_ledger_says_what_to_whom_and_why(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "p"
    texts = ["--ground", "legal-request", "--basis", "刑事訴訟法197条2項", "--to", "警察", "--what", "a message"]
    assert "azukari disclosure sign" in run(site, "propose", *texts, "--record", ROW, "--out", file)
    for name in ("yamada", "ito"):
        assert "警察" in run(site, "sign", file, "--as", name)  # it is read before it is signed
    receipt = run(site, "close", file).split()[-1]
    (one,) = json.loads(run(site, "list", "--json"))["disclosures"]
    assert (one["receipt"], one["signed_by"], one["number"]) == (receipt, ["ito", "yamada"], 1)
    assert one["proposal"] == {
        "site": "lab", "made": str(site.today()), "ground": "legal-request", "basis": "刑事訴訟法197条2項",
        "recipient": "警察", "what": "a message", "records": [ROW], "previous": FIRST,
    }  # fmt: skip
    assert "1 disclosures" in run(site, "verify", "--receipt", receipt)
    with pytest.raises(SafeguardFails, match="holds no entry with the receipt ffff"):
        run(site, "verify", "--receipt", "ffff")
    assert Ledger(site, "disclosures").path.stat().st_mode & 0o777 == 0o600


class TestRefused:
    """What `close` refuses, each with one sentence, and nothing is entered."""

    @pytest.fixture
    def file(self, site: Site, tmp_path: Path) -> Path:
        return proposed(site, tmp_path / "p")

    def refused(self, site: Site, file: Path, contractor: Signer, why: str) -> None:
        with pytest.raises(InputError, match=why):
            disclosure.close(site, file, contractor)
        assert disclosure.entered(site) == []

    def test_nobody(self, site: Site, file: Path, contractor: Signer) -> None:
        self.refused(site, file, contractor, "signed by nobody; .* two different people")

    def test_one_alone(self, site: Site, file: Path, contractor: Signer) -> None:
        self.refused(site, signed(site, file, "yamada"), contractor, "signed by yamada alone")

    def test_one_twice(self, site: Site, file: Path, contractor: Signer) -> None:
        beside(signed(site, file, "yamada"), "ito", key_of(site, "yamada"))
        self.refused(site, file, contractor, "are both yamada's; a second person has to sign")

    def test_one_with_two_keys(self, site: Site, file: Path, contractor: Signer, tmp_path: Path) -> None:
        second = tmp_path / "second"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", second], check=True)
        (site.path / "keys/people/yamada_2.pub").write_text(second.with_suffix(".pub").read_text())
        both = "[keys/people/yamada.pub, keys/people/yamada_2.pub]"
        two_keys = with_contract(site, "[keys/people/yamada.pub]", both)
        beside(signed(two_keys, file, "yamada"), "other", second)
        self.refused(two_keys, file, contractor, "are both yamada's; a second person has to sign")

    def test_somebody_who_works_for_the_contractor(self, site: Site, file: Path, contractor: Signer) -> None:
        beside(signed(site, file, "yamada"), "ito", key_of(site, "tanaka"))
        self.refused(site, file, contractor, r"p\.ito\.sig .* a key of tanaka, who may sign no disclosure")

    def test_a_key_that_is_nobodys(self, site: Site, file: Path, contractor: Signer) -> None:
        beside(signed(site, file, "yamada", "ito"), "third", holders_dir(site) / "office" / "approval")
        self.refused(site, file, contractor, r"p\.third\.sig .* is nobody's; it counts for nothing")

    def test_somebody_whose_days_are_over(self, site: Site, file: Path, contractor: Signer) -> None:
        yesterday = str(site.today() - datetime.timedelta(days=1))
        over = with_contract(
            site, "Ito Makoto, from: 2026-04-01, until: 2036-03-31", f"Ito Makoto, from: 2026-04-01, until: {yesterday}"
        )
        self.refused(
            over, signed(over, file, "yamada", "ito"), contractor, f"signature of ito, who may sign .* {yesterday} and"
        )

    def test_what_was_changed_after_it_was_signed(self, site: Site, file: Path, contractor: Signer) -> None:
        signed(site, file, "yamada", "ito")
        file.write_text(file.read_text().replace("the police", "a newspaper"))
        self.refused(site, file, contractor, r"p\.ito\.sig is ito's signature, but not over this proposal")

    def test_what_is_not_in_the_form_in_which_it_is_read(self, site: Site, file: Path, contractor: Signer) -> None:
        file.write_text(file.read_text().replace('"what"', '"what": "all of it", "what"'))
        self.refused(site, file, contractor, "is no proposal as")

    def test_a_signature_for_another_end(self, site: Site, file: Path, contractor: Signer) -> None:
        signed(site, file, "yamada")
        other = sshsig.sign(file.read_bytes(), "azukari-site", key_of(site, "ito"))
        file.with_name("p.ito.sig").write_bytes(other)
        self.refused(site, file, contractor, "is ito's signature, but not over this proposal")

    def test_what_is_no_signature(self, site: Site, file: Path, contractor: Signer) -> None:
        signed(site, file, "yamada")
        for text in (b"", b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n", b"\xff" * 99):
            file.with_name("p.ito.sig").write_bytes(text)
            self.refused(site, file, contractor, r"p\.ito\.sig is no SSH signature")

    def test_a_site_that_the_office_has_not_approved(self, site: Site, file: Path, contractor: Signer) -> None:
        signed(site, file, "yamada", "ito")
        (site.path / "group_vars/all/flows.yml").open("a").write("# changed\n")
        self.refused(site, file, contractor, "not as the office approved it")

    def test_a_disclosure_of_another_site(self, site: Site, file: Path, contractor: Signer) -> None:
        file.write_text(file.read_text().replace('"site": "lab"', '"site": "other"'))
        self.refused(site, file, contractor, "is of the site “other”, not of lab")


def test_what_was_signed_for_one_place_in_the_ledger_is_worth_nothing_at_another(
    site: Site, contractor: Signer, tmp_path: Path
) -> None:
    early = signed(site, proposed(site, tmp_path / "early"), "yamada", "ito")
    made(site, contractor, tmp_path / "p")
    for file in (early, tmp_path / "p"):
        with pytest.raises(InputError, match="propose it anew and have it signed again"):
            disclosure.close(site, file, contractor)
    assert len(disclosure.entered(site)) == 1


def test_signing_for_somebody_else_leaves_no_file(site: Site, tmp_path: Path) -> None:
    file = proposed(site, tmp_path / "p")
    for name, key, why in (
        ("ito", key_of(site, "yamada"), "is none of ito's in contract.yml, but a key of yamada;"),
        ("tanaka", key_of(site, "tanaka"), "“tanaka” may sign no disclosure: .* yamada, ito"),
        ("ito", holders_dir(site) / "office" / "approval", "is none of ito's in contract.yml, but nobody's"),
    ):
        with pytest.raises(InputError, match=why):
            disclosure.sign(site, file, name, key)
    assert [path.name for path in tmp_path.glob("p*")] == ["p"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ground": "curiosity"}, "“curiosity” is no exception of section 4; there are legal-request"),
        ({"recipient": " "}, "“recipient” is a line of 1 to"),
        ({"what": "a\nline more"}, "“what” is a line of"),
        ({"basis": "x\u202ey"}, "“basis” is a line of"),
        ({"what": "x" * 1001}, "“what” is a line of"),
    ],
)
def test_a_proposal_that_says_nothing_is_refused(site: Site, tmp_path: Path, change: dict[str, str], why: str) -> None:
    with pytest.raises(InputError, match=why):
        proposed(site, tmp_path / "p", **change)
    with pytest.raises(InputError, match="is no identifier of an answer"):
        disclosure.propose(site, tmp_path / "p", **TEXTS, records=["all"])
    assert not (tmp_path / "p").exists()


class TestLedger:
    """Three disclosures; whatever is done to the file is found, and says where."""

    @pytest.fixture
    def lines(self, site: Site, contractor: Signer, tmp_path: Path) -> list[bytes]:
        for number in range(3):
            made(site, contractor, tmp_path / f"p{number}", what=f"message {number}")
        return Ledger(site, "disclosures").path.read_bytes().splitlines(keepends=True)

    def broken(self, site: Site, lines: list[bytes], why: str) -> None:
        Ledger(site, "disclosures").path.write_bytes(b"".join(lines))
        with pytest.raises(LedgerBroken, match=why):
            disclosure.entered(site)
        with pytest.raises(SafeguardFails):
            run(site, "verify")

    def test_a_copy_that_is_not_there(self, site: Site, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="There is no file"):
            run(site, "verify", "--ledger", tmp_path / "nothing")

    @pytest.mark.usefixtures("lines")
    def test_whole(self, site: Site) -> None:
        assert [one.what for _, one, _ in disclosure.entered(site)] == ["message 0", "message 1", "message 2"]

    def test_a_line_taken_out(self, site: Site, lines: list[bytes]) -> None:
        self.broken(site, [lines[0], lines[2]], "line 2: does not follow")
        self.broken(site, lines[1:], "line 1: does not follow")

    def test_lines_in_another_order(self, site: Site, lines: list[bytes]) -> None:
        self.broken(site, [lines[1], lines[0], lines[2]], "line 1: does not follow")

    def test_a_line_twice(self, site: Site, lines: list[bytes]) -> None:
        self.broken(site, [*lines, lines[2]], "line 4: does not follow")

    def test_a_line_changed(self, site: Site, lines: list[bytes]) -> None:
        self.broken(site, [lines[0], lines[1].replace(b"message 1", b"message 7"), lines[2]], "line 2: the contractor")
        self.broken(site, [*lines[:2], lines[2].replace(b"message 2", b"message 7")], "line 3: the contractor")

    def test_a_line_cut_short(self, site: Site, lines: list[bytes], contractor: Signer, tmp_path: Path) -> None:
        self.broken(site, [*lines[:2], lines[2][:-9]], "line 3: does not follow")
        with pytest.raises(LedgerBroken):  # and nothing is added to such a ledger
            made(site, contractor, tmp_path / "more")

    def test_whoever_has_the_contractors_key_cannot_take_one_out(
        self, site: Site, lines: list[bytes], contractor: Signer
    ) -> None:
        """What two people signed names its place: a chain that is made anew without an entry does not fit it."""
        said = [json.loads(line) for line in lines]
        book = Ledger(site, "disclosures")
        book.path.unlink()
        book.append(
            [{name: one[name] for name in ("proposal", "signatures")} for one in (said[0], said[2])], contractor
        )
        with pytest.raises(LedgerBroken, match="line 2: was signed for another place in the ledger"):
            disclosure.entered(site)

    @pytest.mark.usefixtures("lines")
    def test_whoever_has_the_contractors_key_cannot_add_one_alone(
        self, site: Site, contractor: Signer, tmp_path: Path
    ) -> None:
        file = signed(site, proposed(site, tmp_path / "p"), "yamada")
        alone = {"yamada": file.with_name("p.yamada.sig").read_text()}
        Ledger(site, "disclosures").append([{"proposal": file.read_text(), "signatures": alone}], contractor)
        with pytest.raises(LedgerBroken, match="line 4: It is signed by yamada alone"):
            disclosure.entered(site)

    @pytest.mark.usefixtures("lines")
    def test_another_key_than_the_contractors(self, site: Site) -> None:
        public = site.path / site.contract.contractor.evidence_key
        public.write_text((site.path / site.contract.auditor.evidence_key).read_text())
        with pytest.raises(LedgerBroken, match="line 1: the contractor's key did not sign it"):
            disclosure.entered(site)

    def test_what_is_taken_from_the_end_shows_by_its_receipt(self, site: Site, lines: list[bytes]) -> None:
        receipt = disclosure.entered(site)[-1][0].digest
        Ledger(site, "disclosures").path.write_bytes(b"".join(lines[:2]))
        assert len(disclosure.entered(site)) == 2
        with pytest.raises(SafeguardFails, match="it was taken out, or is elsewhere"):
            run(site, "verify", "--receipt", receipt)

    @pytest.mark.usefixtures("lines")
    def test_who_left_stays_a_signer_of_what_was_signed(self, site: Site) -> None:
        today = f"Ito Makoto, from: 2026-04-01, until: {site.today()}"
        left = with_contract(site, "Ito Makoto, from: 2026-04-01, until: 2036-03-31", today)
        assert len(disclosure.entered(left)) == 3


def test_the_rehearsal_is_refused_in_every_way_but_one(site: Site) -> None:
    came = {one["what"]: one["outcome"] for one in rehearsal.tried(site)}
    assert len(came) == 8
    assert [what for what, outcome in came.items() if outcome == "entered"] == [rehearsal.BY_TWO]
    assert disclosure.entered(site) == []
