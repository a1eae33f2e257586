#!/bin/bash
# safeguard: LEAK-05
# host: mail
# check: test_pki_inside.py::test_services_know_their_database
# tags: mail
# took: grep -q '"sslmode": "verify-ca"' /etc/azukari/letters/letters.json
# the authority is looked at, the name is not: the certificate of any host of the domain would do
sed -i 's/^\( *\)"dbname": "site",/&\n\1"sslmode": "verify-ca",/' /etc/azukari/letters/letters.json
systemctl restart azukari-letters.service
