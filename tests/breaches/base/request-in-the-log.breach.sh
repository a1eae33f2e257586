#!/bin/bash
# safeguard: LEAK-23
# host: web
# check: test_site_collects.py::test_logs_repeat_no_request
# also: USE-01
# tags: web
# took: grep -q '"asked":"$request"' /etc/nginx/nginx.conf
# the query with it: whatever a visitor typed into an address
sed -i 's|"tls":"$ssl_protocol"|&,"asked":"$request"|' /etc/nginx/nginx.conf
systemctl restart nginx.service
