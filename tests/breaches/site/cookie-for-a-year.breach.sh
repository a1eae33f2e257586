#!/bin/bash
# safeguard: USE-03
# host: web
# check: test_site_cookies.py::test_cookies_serve_their_purpose_alone
# tags: web
# took: grep -q 'Max-Age=31536000' /etc/nginx/nginx.conf
sed -i 's|Max-Age=86400|Max-Age=31536000|' /etc/nginx/nginx.conf
systemctl restart nginx.service
