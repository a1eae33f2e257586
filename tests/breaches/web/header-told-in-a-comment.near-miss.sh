#!/bin/bash
# safeguard: USE-01
# host: web
# undo: sed -i '/# X-DCMGUID is not handed on/d' /etc/nginx/azukari/site.conf; systemctl reload nginx.service
# what is only talked of is not done
sed -i 's/^    proxy_set_header Host \$host;/&\n    # X-DCMGUID is not handed on: proxy_set_header X-DCMGUID $http_x_dcmguid;/' /etc/nginx/azukari/site.conf
systemctl reload nginx.service
