#!/bin/bash
# safeguard: USE-06
# host: web
# undo: cp -p /root/near-miss.saved /etc/nginx/nginx.conf && rm /root/near-miss.saved && systemctl restart nginx.service
# the same header, with an address of the site's own
cp -p /etc/nginx/nginx.conf /root/near-miss.saved
style=$(basename /srv/azukari/release/current/assets/site-*.css)
sed -i "s|^    add_header X-Frame-Options DENY always;|&\n    add_header Link \"</assets/$style>; rel=preload; as=style\" always;|" /etc/nginx/nginx.conf
systemctl restart nginx.service
