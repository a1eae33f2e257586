#!/bin/bash
# safeguard: USE-04
# host: db
# check: test_database_rights.py::test_nothing_else_is_kept
# took: runuser -u postgres -- psql -qAt -d site -c '\d site.contact' | grep -q comments
runuser -u postgres -- psql -qd site -c 'ALTER TABLE site.contact ADD COLUMN comments text'
