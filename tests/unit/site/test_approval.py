"""What the office's signature is worth: over the site as it stands, by the office, and nothing else."""

import subprocess
from pathlib import Path

import pytest
from site_documents import new_key

from azukari.errors import InputError
from azukari.site import Site, approval, approve, changes, fingerprint, load, remember


def _public(key: Path) -> str:
    return " ".join(key.with_suffix(".pub").read_text("utf-8").split()[:2])


def _append(site: Site, path: str, text: str) -> None:
    file = site.path / path
    file.write_text(file.read_text("utf-8") + text, "utf-8")


def test_missing(site: Site, office_key: Path) -> None:
    found = approval(site)
    assert (found.state, found.changed) == ("missing", ())
    assert found.signer == fingerprint(_public(office_key))


def test_missing_in_a_lab_without_keys(site: Site) -> None:
    (site.path / "keys/office_approval.pub").unlink()
    assert approval(site).state == "missing"
    assert approval(site).signer == ""


def test_approved(site: Site, office_key: Path) -> None:
    assert approve(site, office_key).state == "approved"
    assert approval(load(site.path)).state == "approved"


def test_approving_again_after_a_change(site: Site, office_key: Path) -> None:
    approve(site, office_key)
    _append(site, "hosts.yml", "# later\n")
    assert approval(site).state == "changed"
    assert approve(site, office_key).state == "approved"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("group_vars/all/exceptions.yml", "# a comment counts: the office approves files, not our reading of them\n"),
        ("group_vars/all/flows.yml", "  - {from: mail, to: office, port: 25, why: x}\n"),
        ("keys/people/tanaka.pub", "ssh-ed25519 AAAA another\n"),
        ("hosts.yml", "\n"),
    ],
)
def test_a_changed_file_is_named(site: Site, office_key: Path, path: str, text: str) -> None:
    approve(site, office_key)
    _append(site, path, text)
    found = approval(site)
    assert (found.state, found.changed) == ("changed", (path,))


def test_an_added_and_a_removed_file_are_named(site: Site, office_key: Path) -> None:
    approve(site, office_key)
    (site.path / "keys/people/new.pub").write_text("x", "utf-8")
    (site.path / "keys/people/sato.pub").unlink()
    assert approval(site).changed == ("keys/people/new.pub", "keys/people/sato.pub")


@pytest.mark.parametrize("path", ["secrets/vault.yml", ".gitignore", "hosts.yml~", ".cache/x", "secrets/deep/er.yml"])
def test_what_no_approval_covers(site: Site, office_key: Path, path: str) -> None:
    approve(site, office_key)
    (site.path / path).parent.mkdir(parents=True, exist_ok=True)
    (site.path / path).write_text("x", "utf-8")
    assert approval(site).state == "approved"


def test_signed_by_another_key(site: Site, office_key: Path, tmp_path: Path) -> None:
    approve(site, office_key)
    other = new_key(tmp_path / "other")
    with pytest.raises(InputError, match="is not the office's"):
        approve(site, other)
    assert approval(site).state == "approved", "nothing was written"


def test_forged_with_another_key(site: Site, tmp_path: Path) -> None:
    other = new_key(tmp_path / "other")
    listing = "".join(f"{digest}  {path}\n" for path, digest in site.listing().items())
    (site.path / "approval.txt").write_text(listing, "utf-8")
    arguments = ["-Y", "sign", "-q", "-n", "azukari-site", "-f", str(other), str(site.path / "approval.txt")]
    subprocess.run(["ssh-keygen", *arguments], check=True)
    (site.path / "approval.txt.sig").rename(site.path / "approval.sig")
    assert approval(site).state == "forged"


def test_forged_in_another_namespace(site: Site, office_key: Path, tmp_path: Path) -> None:
    """A signature that the office gave for something else approves nothing."""
    listing = tmp_path / "listing"
    listing.write_text("".join(f"{digest}  {path}\n" for path, digest in site.listing().items()), "utf-8")
    subprocess.run(["ssh-keygen", "-Y", "sign", "-q", "-n", "git", "-f", str(office_key), str(listing)], check=True)
    (site.path / "approval.sig").write_bytes(listing.with_suffix(".sig").read_bytes())
    (site.path / "approval.txt").write_bytes(listing.read_bytes())
    assert approval(site).state == "forged"


def test_altered_listing(site: Site, office_key: Path) -> None:
    approve(site, office_key)
    _append(site, "hosts.yml", "# changed\n")
    _append(site, "approval.txt", f"{'0' * 64}  more\n")
    assert approval(site).state == "forged"


def test_listing_lost(site: Site, office_key: Path) -> None:
    approve(site, office_key)
    (site.path / "approval.txt").unlink()
    assert approval(site).state == "approved", "the signature covers the site as it stands"
    _append(site, "hosts.yml", "# changed\n")
    assert approval(site).state == "forged", "nobody can say what was signed"


def test_signature_of_nonsense(site: Site) -> None:
    (site.path / "approval.sig").write_bytes(b"\x00\xff nonsense")
    assert approval(site).state == "forged"


def test_the_key_that_the_office_itself_gave(site: Site, office_key: Path, tmp_path: Path) -> None:
    """A contractor who swaps the office's key in the site and signs anew satisfies the site, not the office."""
    other = new_key(tmp_path / "other")
    (site.path / "keys/office_approval.pub").write_text(_public(other), "utf-8")
    approve(site, other)
    assert approval(site).state == "approved"
    assert approval(site, _public(office_key)).state == "forged"


def test_a_key_that_cannot_sign(site: Site, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("nonsense", "utf-8")
    broken.chmod(0o600)
    with pytest.raises(InputError, match="is no OpenSSH key"):
        approve(site, broken)
    with pytest.raises(InputError, match="cannot be read \\(no such file or directory\\)"):
        approve(site, tmp_path / "missing")
    broken.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nnonsense\n", "utf-8")
    with pytest.raises(InputError, match="could not sign"):
        approve(site, broken)
    assert not (site.path / "approval.sig").exists()


def test_digest_is_sha256_over_the_listing(site: Site) -> None:
    """By tools that are not ours: what the office signs can be made with find and sha256sum."""
    command = (
        "find . -type f ! -path './secrets/*' ! -name '.*' ! -name '*~' ! -path './approval.*' -printf '%P\\n'"
        " | LC_ALL=C sort | xargs sha256sum | sha256sum"
    )
    ran = subprocess.run(["sh", "-c", command], cwd=site.path, check=True, capture_output=True, text=True)
    assert ran.stdout.split()[0] == site.digest()


def test_changes_show_lines_of_what_was_seen_approved(site: Site, office_key: Path) -> None:
    approve(site, office_key)
    remember(site)
    flows = site.path / "group_vars/all/flows.yml"
    flows.write_text(flows.read_text("utf-8").replace("to: web, port: 443,", "to: web, port: 8444,"), "utf-8")
    (site.path / "README.md").write_text("new\n", "utf-8")
    found = {change.path: change for change in changes(site)}
    assert {path: change.what for path, change in found.items()} == {
        "README.md": "added",
        "group_vars/all/flows.yml": "changed",
    }
    assert found["README.md"].lines is not None
    assert "+new" in found["README.md"].lines
    lines = found["group_vars/all/flows.yml"].lines
    assert lines is not None
    assert [line[:1] for line in lines if "to: web, port: 443," in line or "port: 8444," in line] == ["-", "+"]


def test_changes_without_the_approved_text(site: Site, office_key: Path, home: Path) -> None:
    approve(site, office_key)
    (site.path / "README.md").write_text("new\n", "utf-8")
    (site.path / "hosts.yml").write_text("# all\n", "utf-8")
    assert [(change.path, change.lines is None) for change in changes(site)] == [
        ("README.md", False),
        ("hosts.yml", True),
    ]


def test_a_kept_text_that_was_altered_is_not_shown(site: Site, office_key: Path, home: Path) -> None:
    approve(site, office_key)
    remember(site)
    digest = site.listing()["hosts.yml"]
    kept = home / "sites" / "example" / "approved" / digest
    assert kept.is_file()
    kept.write_text("something else", "utf-8")
    (site.path / "hosts.yml").write_text("# all\n", "utf-8")
    assert changes(site)[0].lines is None


def test_changes_need_an_approval(site: Site) -> None:
    with pytest.raises(InputError, match="has not approved"):
        changes(site)
