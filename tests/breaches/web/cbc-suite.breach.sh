#!/bin/bash
# safeguard: LEAK-03
# host: web
# check: test_web.py::test_tls_is_modern_and_nothing_else
# took: grep -q ECDHE-ECDSA-AES128-SHA256 /etc/nginx/nginx.conf
sed -i 's/ssl_ciphers \(.*\);/ssl_ciphers \1:ECDHE-ECDSA-AES128-SHA256;/' /etc/nginx/nginx.conf
systemctl restart nginx.service
