#!/bin/bash
# safeguard: LOSS-12
# host: mail
# check: test_site_letters.py::test_letters_never_stop_for_good
# also: DEST-10
# tags: mail
# took: test "$(systemctl show --property=Restart --value azukari-letters.service)" = no
mkdir -p /etc/systemd/system/azukari-letters.service.d
printf '[Unit]\nStartLimitIntervalSec=10\n[Service]\nRestart=no\n' > /etc/systemd/system/azukari-letters.service.d/once.conf
systemctl daemon-reload
systemctl restart azukari-letters.service
