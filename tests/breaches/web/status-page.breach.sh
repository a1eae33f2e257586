#!/bin/bash
# safeguard: LEAK-07
# host: web
# check: test_web.py::test_nothing_is_betrayed
# took: grep -q stub_status /etc/nginx/azukari/site.conf
sed -i 's/^    location \/error\/ {/    location = \/nginx_status {\n        stub_status;\n    }\n&/' /etc/nginx/azukari/site.conf
systemctl restart nginx.service
