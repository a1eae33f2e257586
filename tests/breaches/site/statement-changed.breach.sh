#!/bin/bash
# safeguard: LEAK-20
# host: app
# check: test_site_forms.py::test_forms_seal_for_the_office_alone
# took: grep -q 2099-01-01 /etc/azukari/site/sealing/contact.json
sed -i 's/"until": "[0-9-]*"/"until": "2099-01-01"/' /etc/azukari/site/sealing/contact.json
systemctl restart azukari-site.service
