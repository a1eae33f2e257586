#!/bin/bash
# safeguard: LOSS-12
# host: db
# given: $PYTHON -c "import json; print(json.load(open('keys/sealing/mail_service.json'))['kid'])"
# undo: runuser -u postgres -- psql -qd site -c "DELETE FROM site.mail_service WHERE id = '00000000-0000-4000-8000-000000000022'"
# A registration of yesterday whose reader has not yet opened the letter.
header=$(printf '{"kid":"%s"}' "$(cat /run/given)" | base64 -w0 | tr -d '=' | tr '+/' '-_')
runuser -u postgres -- psql -qd site -c "INSERT INTO site.mail_service (id, purpose, sealed, received, lettered) VALUES ('00000000-0000-4000-8000-000000000022', 'delivery', '$header.a.b.c.d', CURRENT_DATE - 1, CURRENT_DATE - 1)"
