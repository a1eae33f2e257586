#!/bin/bash
# safeguard: USE-01
# host: web
# check: test_site_collects.py::test_log_has_what_is_declared
# also: LEAK-23
# tags: web
# took: grep -q more.log /etc/nginx/azukari/site.conf
# undo: rm -f /var/log/nginx/more.log
# nginx's own “combined” format: user agent, referrer and query
sed -i 's|^    ssl_certificate /etc/azukari/tls/public.pem;|&\n    access_log /var/log/nginx/more.log;|' \
    /etc/nginx/azukari/site.conf
systemctl restart nginx.service
