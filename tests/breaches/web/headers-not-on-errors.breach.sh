#!/bin/bash
# safeguard: LEAK-06
# host: web
# check: test_web.py::test_every_answer_protects_the_browser
# took: ! grep -q 'Content-Security-Policy.*always' /etc/nginx/nginx.conf
sed -i '/Content-Security-Policy/s/ always;/;/' /etc/nginx/nginx.conf
systemctl restart nginx.service
