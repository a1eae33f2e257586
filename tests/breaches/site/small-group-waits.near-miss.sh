#!/bin/bash
# safeguard: USE-08
# host: db
# undo: runuser -u postgres -- psql -qd site -c "DELETE FROM site.tally WHERE item = 'gender' AND choice = 'male'"
# fewer than k: the night comes, and they go on waiting
runuser -u postgres -- psql -qd site -c "INSERT INTO site.tally VALUES ('contact', 'gender', 'male', 2)"
systemctl start --wait azukari-retention-db.service
