#!/bin/bash
# safeguard: USE-01
# host: web
# check: test_site_collects.py::test_log_has_what_is_declared
# also: LEAK-23
# tags: web
# took: grep -q 'error.log info' /etc/nginx/nginx.conf
sed -i 's|error.log crit|error.log info|' /etc/nginx/nginx.conf
systemctl restart nginx.service
