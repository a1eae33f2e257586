#!/bin/bash
# safeguard: USE-04
# host: db
# undo: true
runuser -u postgres -- psql -qd site -c 'VACUUM ANALYZE site.contact' -c 'REINDEX TABLE site.contact'
