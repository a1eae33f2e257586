#!/bin/bash
# safeguard: LEAK-05
# host: mail
# check: test_pki_inside.py::test_services_know_their_database
# tags: mail
# took: grep -q '"sslmode": "require"' /etc/azukari/letters/letters.json
# letters leave as before, over TLS: but any host of the domain could answer in the database's place, and be told addresses
sed -i 's/^\( *\)"dbname": "site",/&\n\1"sslmode": "require",/' /etc/azukari/letters/letters.json
systemctl restart azukari-letters.service
