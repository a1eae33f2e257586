#!/bin/bash
# safeguard: USE-11
# host: web
# check: test_web_pages.py::test_only_declared_names_are_served
# took: ! grep -q 'return 444' /etc/nginx/azukari/site.conf
# whoever points a name at this address gets the office's site under it
sed -i 's/ssl_reject_handshake on;/ssl_certificate \/etc\/azukari\/tls\/public.pem; ssl_certificate_key \/etc\/azukari\/tls\/public.key;/; /return 444/d' /etc/nginx/azukari/site.conf
systemctl restart nginx.service
