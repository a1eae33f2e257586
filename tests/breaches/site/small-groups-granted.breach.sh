#!/bin/bash
# safeguard: USE-08
# host: db
# check: test_site_statistics.py::test_no_small_group_is_shown
# also: USE-04, LEAK-32
# tags: database
# alone: yes
# took: runuser -u postgres -- psql -qAt -d site -c "SELECT has_table_privilege('azukari-audit', 'site.tally', 'SELECT')" | grep -q t
runuser -u postgres -- psql -qd site -c 'GRANT SELECT ON site.tally TO "azukari-audit"'
