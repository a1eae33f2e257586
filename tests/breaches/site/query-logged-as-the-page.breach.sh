#!/bin/bash
# safeguard: USE-01
# host: web
# check: test_site_collects.py::test_log_has_what_is_declared
# also: LEAK-23
# tags: web
# took: grep -q '(?<path>\.\*)' /etc/nginx/nginx.conf
# the format is untouched; what it calls the page is all that was asked for
sed -i 's|(?<path>\[^?\]\*)|(?<path>.*)|' /etc/nginx/nginx.conf
systemctl restart nginx.service
