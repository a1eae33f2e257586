#!/bin/bash
# safeguard: DEST-05
# host: db
# undo: true
# what a database administrator may do on the host itself
runuser -u postgres -- psql -qAtd site -c 'SELECT count(*) FROM site.contact' >/dev/null
