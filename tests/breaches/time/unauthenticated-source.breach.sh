#!/bin/bash
# safeguard: LOSS-10
# host: db
# check: test_time.py::test_sources_are_authenticated
# took: ! grep -q ' nts' /etc/chrony/chrony.conf
sed -i 's/ nts / /' /etc/chrony/chrony.conf
systemctl restart chrony.service
timeout 40 chronyc waitsync 20 0.1 0 2 >/dev/null || true
systemctl start azukari-clock.service
