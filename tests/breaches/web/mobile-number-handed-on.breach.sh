#!/bin/bash
# safeguard: USE-01
# host: web
# check: test_site_collects.py::test_the_edge_drops_what_is_not_declared
# also: DEST-10
# took: nginx -T 2>/dev/null | grep -q X-DCMGUID
# the number of a visitor's telephone, to the forms
sed -i 's/^    proxy_set_header Host \$host;/&\n    proxy_set_header X-DCMGUID $http_x_dcmguid;/' /etc/nginx/azukari/site.conf
systemctl reload nginx.service
