#!/bin/bash
# safeguard: USE-07
# host: site
# check: test_people.py::test_every_disclosure_is_in_a_whole_ledger
# undo: cd "$AZUKARI_HOME"/sites/*/ledger && mv disclosures.kept disclosures.jsonl
# made as it should be, and then it went to somebody else
made=$(mktemp -d)
do_it() { "$PYTHON" -m azukari disclosure "$@" --site .; }
do_it propose --ground legal-request --basis 'article 197(2), number 12' --to 'the police' --what 'one message' --out "$made/p"
do_it sign "$made/p" --as yamada
do_it sign "$made/p" --as ito
do_it close "$made/p"
rm -r "$made"
cd "$AZUKARI_HOME"/sites/*/ledger
cp disclosures.jsonl disclosures.kept
sed -i 's/the police/a newspaper/' disclosures.jsonl
! cmp -s disclosures.jsonl disclosures.kept
