#!/bin/bash
# safeguard: USE-05
# host: db
# check: test_retention.py::test_answers_are_not_older
# given: "$PYTHON" -c "import json; print(json.dumps({'kid': json.load(open('keys/sealing/contact.json'))['kid']}))"
# took: runuser -u postgres -- psql -qAt -d site -c 'SELECT oldest < CURRENT_DATE - 365 FROM site.sealed()' | grep -q t
# a year and a day: nobody took it away
header=$(tr -d '\n' </run/given | base64 -w0 | tr -d '=' | tr '+/' '-_')
runuser -u postgres -- psql -qd site -c "INSERT INTO site.contact (id, purpose, sealed, received) VALUES ('00000000-0000-4000-8000-000000000505', 'reply', '$header.a.b.c.d', CURRENT_DATE - 366)"
