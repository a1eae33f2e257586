#!/bin/bash
# safeguard: LEAK-22
# host: db
# check: test_database.py::test_one_role_for_each_purpose
# also: USE-04
# alone: yes
# took: runuser -u postgres -- psql -qAt -c "SELECT pg_has_role('intake', 'pg_read_all_data', 'member')" | grep -q t
runuser -u postgres -- psql -qc 'GRANT pg_read_all_data TO intake WITH INHERIT TRUE'
