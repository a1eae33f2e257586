#!/bin/bash
# safeguard: LOSS-11
# host: db
# check: test_site_forms.py::test_a_commit_is_on_the_disk_first
# tags: database
# took: runuser -u postgres -- psql -qAt -c 'SELECT setconfig FROM pg_db_role_setting' | grep -q synchronous_commit
runuser -u postgres -- psql -qc 'ALTER ROLE intake SET synchronous_commit = off'
