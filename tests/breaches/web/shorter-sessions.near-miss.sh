#!/bin/bash
# safeguard: LEAK-03
# host: web
# undo: cp -p /root/near-miss.saved /etc/nginx/nginx.conf && rm /root/near-miss.saved && systemctl restart nginx.service
cp -p /etc/nginx/nginx.conf /root/near-miss.saved
sed -i 's/ssl_session_timeout 1h/ssl_session_timeout 10m/' /etc/nginx/nginx.conf
systemctl restart nginx.service
