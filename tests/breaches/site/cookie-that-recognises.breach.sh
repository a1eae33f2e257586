#!/bin/bash
# safeguard: USE-03
# host: web
# check: test_site_cookies.py::test_cookies_serve_their_purpose_alone
# tags: web
# took: grep -q '"visit=$request_id;' /etc/nginx/nginx.conf
# the declared name; another value for each
sed -i 's|"visit=1;|"visit=$request_id;|' /etc/nginx/nginx.conf
systemctl restart nginx.service
