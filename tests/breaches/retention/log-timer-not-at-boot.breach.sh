#!/bin/bash
# safeguard: USE-05
# host: web
# check: test_retention.py::test_the_log_is_purged
# took: systemctl is-active --quiet azukari-retention-web.timer && ! systemctl is-enabled --quiet azukari-retention-web.timer
# it goes on until the next reboot
systemctl disable azukari-retention-web.timer
