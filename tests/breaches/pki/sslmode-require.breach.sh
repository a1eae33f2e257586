#!/bin/bash
# safeguard: LEAK-05
# host: app
# check: test_pki_inside.py::test_services_know_their_database
# tags: site
# took: grep -q '"sslmode": "require"' /etc/azukari/site/site.json
# TLS as before, and the forms work as before: but any host of the domain could answer in the database's place
sed -i 's/^\( *\)"dbname": "site",/&\n\1"sslmode": "require",/' /etc/azukari/site/site.json
systemctl restart azukari-site.service
