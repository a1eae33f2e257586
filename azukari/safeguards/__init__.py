"""Loads the catalogue: what was promised, which clause asks for it, and which role, check and breach answer."""

from azukari.safeguards.catalogue import Catalogue, CatalogueInvalid, digest, load
from azukari.safeguards.models import Citation, Family, Kind, Proof, Safeguard, Status, Text

__all__ = [
    "Catalogue",
    "CatalogueInvalid",
    "Citation",
    "Family",
    "Kind",
    "Proof",
    "Safeguard",
    "Status",
    "Text",
    "digest",
    "load",
]
