#!/bin/bash
# safeguard: USE-04
# host: db
# check: test_database_rights.py::test_no_service_gets_more_than_is_its_own@mail, test_database_rights.py::test_rights_are_the_declared_ones
# alone: yes
# took: runuser -u postgres -- psql -qAt -d site -c "SELECT has_function_privilege('letters', 'site.confirm(text)', 'EXECUTE')" | grep -q t
# whoever has the mail tier could register anybody, and confirm it too
runuser -u postgres -- psql -qd site -c 'GRANT EXECUTE ON FUNCTION site.keep(text, uuid, jsonb, jsonb), site.confirm(text) TO letters'
