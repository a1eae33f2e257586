#!/bin/bash
# safeguard: USE-01
# host: web
# check: test_site_collects.py::test_log_has_what_is_declared
# also: LEAK-23
# tags: web
# took: grep -q http_user_agent /etc/nginx/nginx.conf
sed -i 's|"tls":"$ssl_protocol"|&,"agent":"$http_user_agent"|' /etc/nginx/nginx.conf
systemctl restart nginx.service
