#!/bin/bash
# safeguard: USE-09
# host: web
# undo: cp -p /root/near-miss.saved /etc/nginx/nginx.conf && rm /root/near-miss.saved && systemctl restart nginx.service
cp -p /etc/nginx/nginx.conf /root/near-miss.saved
sed -i 's/^    sendfile on;/&\n    gzip on;/' /etc/nginx/nginx.conf
systemctl restart nginx.service
