#!/bin/bash
# safeguard: USE-03
# host: web
# undo: cp -p /root/near-miss.saved /etc/nginx/nginx.conf && rm /root/near-miss.saved && systemctl restart nginx.service
# not even along with a link from elsewhere
cp -p /etc/nginx/nginx.conf /root/near-miss.saved
sed -i 's|SameSite=Lax|SameSite=Strict|' /etc/nginx/nginx.conf
systemctl restart nginx.service
