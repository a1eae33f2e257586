#!/bin/bash
# safeguard: LEAK-09
# host: web
# check: test_web.py::test_floods_are_bounded
# also: LEAK-06, DEST-07
# took: grep -q 'client_max_body_size 10m' /etc/nginx/azukari/site.conf
# what is announced is waited for, and never answered: hence the others
sed -i 's/client_max_body_size 160000/client_max_body_size 10m/' /etc/nginx/azukari/site.conf
systemctl restart nginx.service
