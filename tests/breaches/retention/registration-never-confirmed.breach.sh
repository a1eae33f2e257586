#!/bin/bash
# safeguard: USE-05
# host: db
# check: test_retention.py::test_unconfirmed_registrations_are_not_older
# also: LEAK-20, LEAK-21
# tags: retention
# took: runuser -u postgres -- psql -qAt -d site -c "SELECT oldest FROM site.waiting() WHERE what = 'reader'" | grep -q -
header=$(printf '{"kid":"foreign"}' | base64 -w0 | tr -d '=' | tr '+/' '-_')
runuser -u postgres -- psql -qd site -c "INSERT INTO site.mail_service (id, purpose, sealed, received, lettered) VALUES ('00000000-0000-4000-8000-000000000023', 'delivery', '$header.a.b.c.d', CURRENT_DATE - 3, CURRENT_DATE - 3)"
