#!/bin/bash
# safeguard: LEAK-07
# host: web
# check: test_web.py::test_nothing_is_betrayed
# took: grep -q 'server_tokens on' /etc/nginx/nginx.conf
sed -i 's/server_tokens off/server_tokens on/; /more_clear_headers/d' /etc/nginx/nginx.conf
systemctl restart nginx.service
