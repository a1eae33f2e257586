#!/bin/bash
# safeguard: USE-01
# host: web
# undo: cp -p /root/near-miss.saved /etc/nginx/azukari/site.conf && rm /root/near-miss.saved && systemctl restart nginx.service
# what is only talked of is not done
cp -p /etc/nginx/azukari/site.conf /root/near-miss.saved
sed -i 's/^    proxy_set_header Host \$host;/&\n    # X-DCMGUID is not handed on: proxy_set_header X-DCMGUID $http_x_dcmguid;/' /etc/nginx/azukari/site.conf
systemctl restart nginx.service
