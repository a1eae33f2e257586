#!/bin/bash
# safeguard: USE-05
# host: web
# undo: rm -f /var/log/nginx/access.log-of-its-last-day
# neither judged nor purged; a day of 25 hours is no matter
echo '{"time":"","address":"192.0.2.7"}' >/var/log/nginx/access.log-of-its-last-day
touch --date='90 days ago' /var/log/nginx/access.log-of-its-last-day
systemctl start --wait azukari-retention-web.service
test -s /var/log/nginx/access.log-of-its-last-day
