#!/bin/bash
# safeguard: LEAK-21
# host: app
# check: test_site_letters.py::test_the_key_is_handed_to_the_mail_tier_alone
# also: DEST-10
# tags: site
# took: systemctl cat azukari-site.service | grep -q delivery.key && systemctl is-active --quiet azukari-site.service
# undo: rm -f /run/delivery.key
# The forms are at work as before, and are handed a key that opens addresses.
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out /run/delivery.key
chmod 600 /run/delivery.key
mkdir -p /etc/systemd/system/azukari-site.service.d
printf '[Service]\nLoadCredential=delivery.key:/run/delivery.key\n' > /etc/systemd/system/azukari-site.service.d/key.conf
systemctl daemon-reload
systemctl restart azukari-site.service
