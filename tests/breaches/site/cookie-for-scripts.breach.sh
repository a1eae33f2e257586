#!/bin/bash
# safeguard: USE-03
# host: web
# check: test_site_cookies.py::test_a_browser_is_left_with_declared_cookies, test_site_cookies.py::test_cookies_serve_their_purpose_alone
# tags: web
# took: grep -q 'SameSite=None' /etc/nginx/nginx.conf
# the declared cookie, sent along from everybody's pages and open to every script
sed -i 's|HttpOnly; SameSite=Lax|SameSite=None|' /etc/nginx/nginx.conf
systemctl restart nginx.service
