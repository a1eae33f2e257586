#!/bin/bash
# safeguard: USE-01
# host: web
# check: test_web_domains.py::test_of_names_the_domain_alone_is_kept
# took: grep -q 192.0.2.7 /var/lib/azukari-domains/*.json
# in a day's own file, under a word that the policy does not have
day=$(TZ=Asia/Tokyo date --date='5 days ago' +%F)
echo '{"day": "'"$day"'", "domains": {}, "unknown": 0, "not_looked_up": 0, "names": {"192.0.2.7": "pc-7.example.jp"}}' \
    >"/var/lib/azukari-domains/$day.json"
