#!/bin/bash
# safeguard: USE-08
# host: db
# check: test_site_statistics.py::test_no_small_group_is_shown, test_site_statistics.py::test_counts_lead_to_nobody
# tags: database
# undo: runuser -u postgres -- psql -qd site -c "DELETE FROM site.tally WHERE item = 'gender' AND choice = 'other'"
# took: runuser -u postgres -- psql -qAt -d site -c 'SELECT count(*) FROM site.statistics() WHERE answers < 10' | grep -qv '^0$'
# whoever waits to be counted is shown at once
runuser -u postgres -- psql -qd site -c "INSERT INTO site.tally VALUES ('contact', 'gender', 'other', 3)"
runuser -u postgres -- psql -qAt -d site -c '\sf site.statistics' | sed 's/site\.counts/site.tally/; s/>= 10/>= 1/' >/run/statistics.sql
runuser -u postgres -- psql -qd site </run/statistics.sql
rm /run/statistics.sql
