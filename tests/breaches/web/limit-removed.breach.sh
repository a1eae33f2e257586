#!/bin/bash
# safeguard: LEAK-09
# host: web
# check: test_web.py::test_floods_are_bounded
# took: ! grep -q '^ *limit_req zone' /etc/nginx/nginx.conf
sed -i '/^ *limit_req zone/d' /etc/nginx/nginx.conf
systemctl restart nginx.service
