#!/bin/bash
# safeguard: USE-01
# host: web
# check: test_web_edge.py::test_the_edge_drops_what_is_not_declared
# took: nginx -T 2>/dev/null | grep -q X-DCMGUID
# the number of a visitor's telephone, to the forms
sed -i 's/^    proxy_set_header Host \$host;/&\n    proxy_set_header X-DCMGUID $http_x_dcmguid;/' /etc/nginx/azukari/site.conf
systemctl restart nginx.service
