#!/bin/bash
# safeguard: USE-05
# host: web
# check: test_web_domains.py::test_counts_by_domain_are_purged
# took: systemctl is-active --quiet azukari-domains.timer && ! systemctl is-enabled --quiet azukari-domains.timer
# it goes on until the next reboot
systemctl disable azukari-domains.timer
