#!/bin/bash
# safeguard: USE-05
# host: db
# check: test_retention.py::test_unsubscribing_erases
# also: DEST-10
# tags: database
# took: runuser -u postgres -- psql -qAt -d site -c "SELECT prosrc FROM pg_proc WHERE proname = 'unsubscribe'" | grep -q UPDATE
# Who leaves gets no more letters, and the address stays.
runuser -u postgres -- psql -qd site <<'SQL'
CREATE OR REPLACE FUNCTION site.unsubscribe(secret text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE site.mail_service SET confirmed = NULL WHERE leave = secret;
$$;
SQL
