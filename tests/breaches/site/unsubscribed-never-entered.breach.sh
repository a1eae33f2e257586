#!/bin/bash
# safeguard: USE-10
# host: db
# check: test_site_erasures.py::test_who_unsubscribed_is_entered
# tags: database
# took: runuser -u postgres -- psql -qAt -d site -c "SELECT oldest < CURRENT_DATE - 3 FROM site.waiting() WHERE what = 'ledger'" | grep -qx t
# undo: runuser -u postgres -- psql -qd site -c "DELETE FROM site.erased WHERE id = '00000000-0000-4000-8000-000000000024'"
# Somebody unsubscribed five days ago, and nobody has run `azukari request gather` since.
runuser -u postgres -- psql -qd site -c "INSERT INTO site.erased VALUES ('00000000-0000-4000-8000-000000000024', CURRENT_DATE - 5)"
