#!/bin/bash
# safeguard: LEAK-09
# host: web
# check: test_web.py::test_floods_are_bounded
# took: grep -q 'client_max_body_size 100m' /etc/nginx/nginx.conf
sed -i 's/client_max_body_size 16k/client_max_body_size 100m/' /etc/nginx/nginx.conf
systemctl restart nginx.service
