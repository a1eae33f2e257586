#!/bin/bash
# safeguard: USE-10
# host: site
# check: test_site_erasures.py::test_the_erasure_ledger_is_whole
# undo: cd "$AZUKARI_HOME"/sites/*/ledger && mv erasures.kept erasures.jsonl
# A line of it says another day than it did.
cd "$AZUKARI_HOME"/sites/*/ledger
cp erasures.jsonl erasures.kept
sed -i '1s/"day": "[0-9-]*"/"day": "2026-01-01"/' erasures.jsonl
! cmp -s erasures.jsonl erasures.kept
