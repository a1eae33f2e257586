#!/bin/bash
# safeguard: USE-04
# host: db
# check: test_database_rights.py::test_no_service_gets_more_than_is_its_own@app, test_database_rights.py::test_rights_are_the_declared_ones
# alone: yes
# took: runuser -u postgres -- psql -qAt -d site -c "SELECT has_function_privilege('intake', 'lo_create(oid)', 'EXECUTE')" | grep -q t
# a place where any role keeps what it likes, and which no purge empties
runuser -u postgres -- psql -qd site -c 'GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC'
