#!/bin/bash
# safeguard: LEAK-20
# host: db
# check: test_site_forms.py::test_everything_kept_is_sealed_for_a_stated_key
# tags: database
# took: runuser -u postgres -- psql -qAt -d site -c 'SELECT key FROM site.sealed()' | grep -q foreign
# undo: runuser -u postgres -- psql -qd site -c "DELETE FROM site.contact WHERE id = '00000000-0000-4000-8000-000000000000'"
header=$(printf '{"kid":"foreign"}' | base64 -w0 | tr -d '=' | tr '+/' '-_')
runuser -u postgres -- psql -qd site -c "INSERT INTO site.contact (id, purpose, sealed) VALUES ('00000000-0000-4000-8000-000000000000', 'reply', '$header.a.b.c.d')"
