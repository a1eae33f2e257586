#!/bin/bash
# safeguard: USE-05
# host: db
# check: test_retention.py::test_the_database_is_purged
# also: LEAK-29
# took: ! systemctl is-active --quiet azukari-retention-db.timer
systemctl disable --now azukari-retention-db.timer
