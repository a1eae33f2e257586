#!/bin/bash
# safeguard: LOSS-09
# host: db
# check: test_database.py::test_what_is_acknowledged_is_on_the_disk
# took: runuser -u postgres -- psql -qAt -c 'SHOW fsync' | grep -q off
sed -i 's/^fsync = on/fsync = off/' /etc/postgresql/17/main/postgresql.conf
systemctl reload postgresql@17-main.service
sleep 1
