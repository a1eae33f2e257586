#!/bin/bash
# safeguard: USE-04
# host: mail
# undo: true
# as whoever looks into a fault would: what the role is there for, with its own credentials, from its own host
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cp /etc/azukari/letters/database.password /etc/azukari/tls/letters.key "$folder"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/srv/azukari/letters python3 - "$folder" <<'ASK'
import json, pathlib, sys, uuid
import psycopg
from reference_site.database import parameters
told = json.loads(pathlib.Path("/etc/azukari/letters/letters.json").read_text())
with psycopg.connect(**parameters(told["database"], pathlib.Path(sys.argv[1]))) as connection:
    connection.execute("SELECT id FROM site.due(%s, %s)", (uuid.UUID(int=0), 1)).fetchall()
    connection.execute("SELECT id FROM site.subscribers(%s, %s)", (uuid.UUID(int=0), 1)).fetchall()
ASK
