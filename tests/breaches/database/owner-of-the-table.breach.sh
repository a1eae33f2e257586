#!/bin/bash
# safeguard: DEST-05
# host: db
# check: test_database_rights.py::test_nobody_is_granted_destruction
# also: USE-04 LEAK-20
# alone: yes
# took: runuser -u postgres -- psql -qAt -d site -c '\dt site.*' | grep -q intake
# no right is granted: an owner needs none
runuser -u postgres -- psql -qd site -c 'ALTER TABLE site.contact OWNER TO intake'
