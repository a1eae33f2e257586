#!/bin/bash
# safeguard: USE-05
# host: web
# undo: rm -f "/var/lib/azukari-domains/$(TZ=Asia/Tokyo date --date='90 days ago' +%F).json"
# neither judged nor purged
day=$(TZ=Asia/Tokyo date --date='90 days ago' +%F)
echo '{"day": "'"$day"'", "domains": {"example.jp": 12}, "unknown": 0, "not_looked_up": 0}' \
    >"/var/lib/azukari-domains/$day.json"
systemctl start --wait azukari-domains.service
test -s "/var/lib/azukari-domains/$day.json"
