#!/bin/bash
# safeguard: USE-01
# host: web
# undo: rm -f "/var/lib/azukari-domains/$(TZ=Asia/Tokyo date --date='5 days ago' +%F).json"
# a day as the program writes it: of those without a name there were few
day=$(TZ=Asia/Tokyo date --date='5 days ago' +%F)
echo '{"day": "'"$day"'", "domains": {"example.jp": 10}, "unknown": null, "not_looked_up": 0}' \
    >"/var/lib/azukari-domains/$day.json"
