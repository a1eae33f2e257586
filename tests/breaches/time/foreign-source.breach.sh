#!/bin/bash
# safeguard: LOSS-10
# host: db
# check: test_time.py::test_sources_are_the_declared_ones, test_time.py::test_sources_are_authenticated
# took: grep -q 192.0.2.1 /etc/chrony/chrony.conf
echo 'server 192.0.2.1 iburst' >> /etc/chrony/chrony.conf
systemctl restart chrony.service
timeout 40 chronyc waitsync 20 0.1 0 2 >/dev/null || true
systemctl start azukari-clock.service
