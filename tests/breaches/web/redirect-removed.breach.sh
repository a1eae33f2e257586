#!/bin/bash
# safeguard: LEAK-03
# host: web
# check: test_web.py::test_plain_http_only_redirects
# took: ! grep -q 'return 301' /etc/nginx/azukari/site.conf
# the whole site, readable by everybody on the way
sed -i 's/return 301 .*/try_files $uri $uri\/index.html =404;/' /etc/nginx/azukari/site.conf
systemctl restart nginx.service
