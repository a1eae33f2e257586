#!/bin/bash
# safeguard: LEAK-22
# host: db
# check: test_database.py::test_other_ways_in_are_refused@mail, test_database.py::test_who_may_come
# also: USE-04
# alone: yes
# took: runuser -u postgres -- psql -qAt -c "SELECT has_database_privilege('letters', 'postgres', 'CONNECT')" | grep -q t
# with certificate and password, but into a database in which nobody looks
sed -i 's/^hostssl site letters /hostssl site,postgres letters /' /etc/postgresql/17/main/pg_hba.conf
systemctl reload postgresql@17-main.service
runuser -u postgres -- psql -qc 'GRANT CONNECT ON DATABASE postgres TO letters'
