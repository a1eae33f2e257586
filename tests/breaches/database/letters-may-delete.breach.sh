#!/bin/bash
# safeguard: DEST-05
# host: db
# check: test_database_rights.py::test_no_service_can_destroy@mail, test_database_rights.py::test_nobody_is_granted_destruction
# also: USE-04
# alone: yes
# took: runuser -u postgres -- psql -qAt -d site -c "SELECT has_table_privilege('letters', 'site.mail_service', 'DELETE')" | grep -q t
runuser -u postgres -- psql -qd site -c 'GRANT DELETE ON site.mail_service TO letters'
