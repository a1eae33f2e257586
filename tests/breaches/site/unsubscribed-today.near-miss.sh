#!/bin/bash
# safeguard: USE-10
# host: db
# undo: runuser -u postgres -- psql -qd site -c "DELETE FROM site.erased WHERE id = '00000000-0000-4000-8000-000000000025'"
# Somebody unsubscribed yesterday; today's `azukari request gather` is still to come.
runuser -u postgres -- psql -qd site -c "INSERT INTO site.erased VALUES ('00000000-0000-4000-8000-000000000025', CURRENT_DATE - 1)"
