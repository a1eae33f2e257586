#!/bin/bash
# safeguard: USE-04
# host: db
# check: test_database_rights.py::test_rights_are_the_declared_ones
# also: DEST-05
# alone: yes
# took: runuser -u postgres -- psql -qAt -d site -c "SELECT has_column_privilege('intake', 'site.contact', 'sealed', 'SELECT')" | grep -q t
runuser -u postgres -- psql -qd site -c 'GRANT SELECT (sealed) ON site.contact TO intake'
