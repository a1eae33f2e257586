#!/bin/bash
# safeguard: USE-08
# host: db
# check: test_site_statistics.py::test_counts_lead_to_nobody
# also: USE-04
# tags: database
# took: runuser -u postgres -- psql -qAt -d site -c '\d site.tally' | grep -q uuid
runuser -u postgres -- psql -qd site -c 'ALTER TABLE site.tally ADD COLUMN answer uuid'
