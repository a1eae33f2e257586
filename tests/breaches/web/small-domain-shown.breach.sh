#!/bin/bash
# safeguard: USE-08
# host: web
# check: test_web_domains.py::test_no_small_domain_is_shown
# took: grep -q '"example.jp": 9,' /var/lib/azukari-domains/*.json
# nine visitors of one domain, of a day like any other
day=$(TZ=Asia/Tokyo date --date='5 days ago' +%F)
echo '{"day": "'"$day"'", "domains": {"example.com": 12, "example.jp": 9, "example.org": 10}, "unknown": 0, "not_looked_up": 0}' \
    >"/var/lib/azukari-domains/$day.json"
