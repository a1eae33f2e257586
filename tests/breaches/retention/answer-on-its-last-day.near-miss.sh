#!/bin/bash
# safeguard: USE-05
# host: db
# given: "$PYTHON" -c "import json; print(json.dumps({'kid': json.load(open('keys/sealing/contact.json'))['kid']}))"
# undo: runuser -u postgres -- psql -qd site -c "DELETE FROM site.contact WHERE id = '00000000-0000-4000-8000-000000000506'"
# its last day is today; neither judged nor purged
header=$(tr -d '\n' </run/given | base64 -w0 | tr -d '=' | tr '+/' '-_')
runuser -u postgres -- psql -qd site -c "INSERT INTO site.contact (id, purpose, sealed, received) VALUES ('00000000-0000-4000-8000-000000000506', 'reply', '$header.a.b.c.d', CURRENT_DATE - 365)"
systemctl start --wait azukari-retention-db.service
runuser -u postgres -- psql -qAt -d site -c 'SELECT count(*) FROM site.contact WHERE received = CURRENT_DATE - 365' | grep -qx 1
