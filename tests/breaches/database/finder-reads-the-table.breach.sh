#!/bin/bash
# safeguard: USE-04
# host: db
# check: test_database_rights.py::test_rights_are_the_declared_ones
# alone: yes
# took: runuser -u postgres -- psql -qAt -d site -c "SELECT has_table_privilege('finder', 'site.mail_service', 'SELECT')" | grep -q t
# Who finds one person could read whose each registration is.
runuser -u postgres -- psql -qd site -c 'GRANT SELECT ON site.mail_service TO finder'
