#!/bin/bash
# safeguard: USE-04
# host: db
# check: test_database_rights.py::test_nothing_else_is_kept
# took: runuser -u postgres -- psql -qAt -d site -c "SELECT relpersistence FROM pg_class WHERE oid = 'site.contact'::regclass" | grep -q u
runuser -u postgres -- psql -qd site -c 'ALTER TABLE site.contact SET UNLOGGED'
