#!/bin/bash
# safeguard: USE-04
# host: db
# check: test_database_rights.py::test_no_service_gets_more_than_is_its_own@mail, test_database_rights.py::test_rights_are_the_declared_ones
# alone: yes
# took: runuser -u postgres -- psql -qAt -d site -c "SELECT has_table_privilege('letters', 'site.contact', 'SELECT')" | grep -q t
# the mail tier sends letters: what somebody wrote to the office is none of its business
runuser -u postgres -- psql -qd site -c 'GRANT SELECT ON site.contact TO letters'
