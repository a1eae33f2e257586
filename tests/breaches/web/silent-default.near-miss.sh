#!/bin/bash
# safeguard: USE-11
# host: web
# undo: cp -p /root/near-miss.saved /etc/nginx/azukari/site.conf && rm /root/near-miss.saved && systemctl restart nginx.service
cp -p /etc/nginx/azukari/site.conf /root/near-miss.saved
sed -i 's/^    ssl_reject_handshake on;/&\n    access_log off;/' /etc/nginx/azukari/site.conf
systemctl restart nginx.service
