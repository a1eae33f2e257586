#!/bin/bash
# safeguard: LEAK-03
# host: web
# check: test_web.py::test_tls_is_modern_and_nothing_else
# took: grep -q '^ *ssl_protocols TLSv1 ' /etc/nginx/nginx.conf
sed -i 's/ssl_protocols .*/ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;/; s/ssl_ciphers .*/ssl_ciphers DEFAULT:@SECLEVEL=0;/' /etc/nginx/nginx.conf
systemctl restart nginx.service
