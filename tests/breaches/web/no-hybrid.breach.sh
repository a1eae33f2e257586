#!/bin/bash
# safeguard: LEAK-03
# host: web
# check: test_web.py::test_tls_is_modern_and_nothing_else
# took: ! grep -q MLKEM /etc/nginx/nginx.conf
sed -i 's/X25519MLKEM768://' /etc/nginx/nginx.conf
systemctl restart nginx.service
