#!/bin/bash
# safeguard: LEAK-06
# host: web
# undo: cp -p /root/near-miss.saved /etc/nginx/azukari/site.conf && rm /root/near-miss.saved && systemctl restart nginx.service
# a new location, which adds no header and so keeps all of them
cp -p /etc/nginx/azukari/site.conf /root/near-miss.saved
sed -i 's/^    location \/error\/ {/    location = \/moved {\n        return 404;\n    }\n&/' /etc/nginx/azukari/site.conf
systemctl restart nginx.service
