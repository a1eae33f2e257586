#!/bin/bash
# safeguard: LEAK-05
# host: web
# check: test_pki_inside.py::test_nginx_knows_the_application
# tags: web
# took: grep -q 'proxy_ssl_verify off' /etc/nginx/azukari/site.conf
sed -i 's/proxy_ssl_verify on;/proxy_ssl_verify off;/' /etc/nginx/azukari/site.conf
systemctl restart nginx.service
