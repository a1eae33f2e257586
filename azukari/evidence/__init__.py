"""Signed evidence: one folder a run, verified with the public key alone."""

from azukari.evidence.folder import FILES, Evidence, folder_of, listed, newest, write
from azukari.evidence.record import Kind, Record, of_drill, of_plan, of_run
from azukari.evidence.shapes import EvidenceInvalid
from azukari.evidence.verifier import Verified, fault_of, verify

__all__ = [
    "FILES",
    "Evidence",
    "EvidenceInvalid",
    "Kind",
    "Record",
    "Verified",
    "fault_of",
    "folder_of",
    "listed",
    "newest",
    "of_drill",
    "of_plan",
    "of_run",
    "verify",
    "write",
]
