#!/bin/bash
# safeguard: USE-05
# host: web
# check: test_web_domains.py::test_counts_by_domain_are_not_older
# took: ls /var/lib/azukari-domains | grep -q "$(TZ=Asia/Tokyo date --date='92 days ago' +%F)"
day=$(TZ=Asia/Tokyo date --date='92 days ago' +%F)
echo '{"day": "'"$day"'", "domains": {"example.jp": 12}, "unknown": 0, "not_looked_up": 0}' \
    >"/var/lib/azukari-domains/$day.json"
