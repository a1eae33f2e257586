#!/bin/bash
# safeguard: LEAK-21
# host: db
# check: test_site_letters.py::test_of_a_subscriber_the_sealed_address_alone_is_kept
# also: LEAK-20
# tags: database
# took: runuser -u postgres -- psql -qAt -d site -c "SELECT key FROM site.sealed() WHERE form = 'mail_service'" | grep -q foreign
# undo: runuser -u postgres -- psql -qd site -c "DELETE FROM site.mail_service WHERE id = '00000000-0000-4000-8000-000000000021'"
header=$(printf '{"kid":"foreign"}' | base64 -w0 | tr -d '=' | tr '+/' '-_')
runuser -u postgres -- psql -qd site -c "INSERT INTO site.mail_service (id, purpose, sealed) VALUES ('00000000-0000-4000-8000-000000000021', 'delivery', '$header.a.b.c.d')"
