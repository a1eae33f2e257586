#!/bin/bash
# safeguard: USE-05
# host: db
# check: test_retention.py::test_the_log_of_changes_does_not_keep_it
# tags: database
# took: runuser -u postgres -- psql -qAt -c 'SHOW wal_recycle' | grep -q on
sed -i 's/^wal_recycle = off/wal_recycle = on/' /etc/postgresql/17/main/postgresql.conf
systemctl reload postgresql@17-main.service
sleep 1
