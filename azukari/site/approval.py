"""The office's approval: an SSH signature over the site's listing (`ssh-keygen -Y`, namespace azukari-site)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from azukari.errors import InputError, SafeguardFails
from azukari.site import digest as digests
from azukari.site import keys, sshsig
from azukari.site.loading import Site

NAMESPACE = "azukari-site"
_SIGNATURE, _LISTING = "approval.sig", "approval.txt"


@dataclass(frozen=True)
class Approval:
    """What the signature beside a site is worth now.

    Attributes:
        state: `approved`: signed by the office as it stands; `changed`: signed by the office, and changed since;
            `missing`: not signed; `forged`: there is a signature, but not by the office over this or the kept listing.
        changed: what differs from the signed listing, by path, sorted; empty unless `changed`.
        signer: the fingerprint of the office's declared key; empty when the key is not at hand.
    """

    state: Literal["approved", "changed", "missing", "forged"]
    changed: tuple[str, ...]
    signer: str


def approval(site: Site, office_key: str | None = None) -> Approval:
    """Judge a site's approval; read-only.

    Args:
        site: the site.
        office_key: the office's key as “TYPE BASE64”, from the office itself; default: the key that the contract
            names, which shows only that the site agrees with itself.

    Raises:
        InputError: `ssh-keygen` is not installed.
    """
    signature, kept = site.path / _SIGNATURE, site.path / _LISTING
    try:
        key = office_key or keys.public_key(site.path, site.contract.office.key)
    except InputError:
        if signature.exists():
            raise
        return Approval("missing", (), "")
    signer = keys.fingerprint(key)
    if not signature.exists():
        return Approval("missing", (), signer)
    now = site.listing()
    signed = _read(signature)
    if _signed(key, signed, digests.listing_text(now)):
        return Approval("approved", (), signer)
    try:
        text = kept.read_text(encoding="utf-8")
        before = digests.parse_listing(text)
    except (OSError, ValueError):
        return Approval("forged", (), signer)
    if not _signed(key, signed, text):
        return Approval("forged", (), signer)
    changed = sorted(path for path in {*now, *before} if now.get(path) != before.get(path))
    return Approval("changed", tuple(changed), signer)


def approve(site: Site, private_key: Path) -> Approval:
    """Sign a site's listing with the office's key and put `approval.sig` and `approval.txt` into its folder.

    Args:
        site: the site.
        private_key: the office's private key, or its public half when an ssh-agent holds the private one.

    Raises:
        InputError: the key cannot sign, or is not the one that the contract names.
    """
    text = digests.listing_text(site.listing())
    signature = sshsig.sign(text.encode(), NAMESPACE, private_key)
    key = keys.public_key(site.path, site.contract.office.key)
    if not _signed(key, signature, text):
        raise InputError(
            f"The key {private_key} is not the office's: the contract names {site.contract.office.key} "
            f"({keys.fingerprint(key)}); nothing was written. Sign with that key, or correct the contract."
        )
    _put(site.path, text, signature)
    return approval(site)


def _put(folder: Path, text: str, signature: bytes) -> None:
    """Put the listing and its signature into a site, each whole; on a fault, the approval before stays."""
    listing, signed = folder / ".approval.txt.new", folder / ".approval.sig.new"
    try:
        listing.write_text(text, encoding="utf-8")
        signed.write_bytes(signature)
        # The signature first: it holds for the site as it stands, whatever the listing beside it still says.
        signed.replace(folder / _SIGNATURE)
        listing.replace(folder / _LISTING)
    except OSError as error:
        raise InputError(
            f"The approval cannot be written into {folder}: {(error.strerror or str(error)).lower()}."
        ) from error
    finally:
        listing.unlink(missing_ok=True)
        signed.unlink(missing_ok=True)


def signed_listing(site: Site, office_key: str | None = None) -> dict[str, str]:
    """Return the listing that the office signed, be it the present one or an earlier one.

    Args:
        site: the site.
        office_key: as for `approval`.

    Raises:
        InputError: the site has no approval.
        SafeguardFails: it has one that the office did not sign.
    """
    found = approval(site, office_key)
    if found.state == "approved":
        return site.listing()
    if found.state == "changed":
        return digests.parse_listing((site.path / _LISTING).read_text(encoding="utf-8"))
    if found.state == "missing":
        raise InputError("The office has not approved this site yet; it does so with: azukari site approve")
    raise SafeguardFails(
        f"approval.sig is not the signature of the office's key {found.signer} over this site; "
        "have the office approve it anew: azukari site approve"
    )


def _read(signature: Path) -> bytes:
    try:
        return signature.read_bytes()
    except OSError:
        return b""  # which is nobody's signature


def _signed(key: str, signature: bytes, text: str) -> bool:
    return sshsig.verifies(text.encode(), NAMESPACE, signature, key)
