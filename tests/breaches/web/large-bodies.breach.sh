#!/bin/bash
# safeguard: LEAK-09
# host: web
# check: test_web.py::test_floods_are_bounded
# also: USE-03
# took: grep -q 'client_max_body_size 100m' /etc/nginx/nginx.conf
# A body that is too large is then answered with a page, which sets the cookie that an error must not set.
sed -i 's/client_max_body_size 16k/client_max_body_size 100m/' /etc/nginx/nginx.conf
systemctl restart nginx.service
