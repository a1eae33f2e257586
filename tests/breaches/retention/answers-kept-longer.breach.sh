#!/bin/bash
# safeguard: USE-05
# host: db
# check: test_retention.py::test_the_database_forgets_as_declared
# tags: database
# took: runuser -u postgres -- psql -qAt -d site -c '\sf site.forget' | grep -q -- '- 3650;'
# nothing is too old yet: it would be in time
runuser -u postgres -- psql -qAt -d site -c '\sf site.forget' | sed 's/- 365;/- 3650;/' >/run/forget.sql
runuser -u postgres -- psql -qd site </run/forget.sql
rm /run/forget.sql
