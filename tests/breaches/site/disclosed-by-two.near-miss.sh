#!/bin/bash
# safeguard: USE-07
# host: site
# one more disclosure, by two people
made=$(mktemp -d)
do_it() { "$PYTHON" -m azukari disclosure "$@" --site .; }
do_it propose --ground unlawful-act --basis 'threat, case 3' --to 'the police' --what 'log lines of 1 April' --out "$made/p"
do_it sign "$made/p" --as ito
do_it sign "$made/p" --as yamada
do_it close "$made/p"
rm -r "$made"
