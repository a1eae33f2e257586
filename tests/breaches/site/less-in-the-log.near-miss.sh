#!/bin/bash
# safeguard: USE-01
# host: web
# undo: cp -p /root/near-miss.saved /etc/nginx/nginx.conf && rm /root/near-miss.saved && systemctl restart nginx.service
cp -p /etc/nginx/nginx.conf /root/near-miss.saved
sed -i 's|,"tls":"$ssl_protocol"||' /etc/nginx/nginx.conf
systemctl restart nginx.service
