#!/bin/bash
# safeguard: LEAK-06
# host: web
# check: test_web.py::test_every_answer_protects_the_browser
# took: grep -q X-Form /etc/nginx/azukari/site.conf
# the page that takes what people write loses what protects it from being framed
sed -i 's/^    location = \/en\/contact\/ {/&\n        add_header X-Form yes always;/' /etc/nginx/azukari/site.conf
systemctl restart nginx.service
