#!/bin/bash
# safeguard: LEAK-06
# host: web
# check: test_web.py::test_every_answer_protects_the_browser
# also: LEAK-03
# took: grep -q X-Served-By /etc/nginx/azukari/site.conf
# one header more in one location: nginx then forgets those of the levels above
sed -i 's/^        index index.html;/&\n        add_header X-Served-By web always;/' /etc/nginx/azukari/site.conf
systemctl restart nginx.service
