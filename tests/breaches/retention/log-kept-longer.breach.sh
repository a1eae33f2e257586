#!/bin/bash
# safeguard: USE-05
# host: web
# check: test_retention.py::test_the_log_is_purged
# took: systemctl show -P ExecStart azukari-retention-web.service | grep -q 'forget-log 900 '
# nothing is too old yet: it would be in time
sed -i 's/azukari-forget-log 90 /azukari-forget-log 900 /' /etc/systemd/system/azukari-retention-web.service
systemctl daemon-reload
