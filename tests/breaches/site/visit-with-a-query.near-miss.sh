#!/bin/bash
# safeguard: USE-01
# host: web
# undo: true
# what a visitor types is heard, and not written down
exec 3<>/dev/tcp/127.0.0.1/80
printf 'GET /contact/?name=Yamada-Taro HTTP/1.0\r\nHost: www.lab.test\r\nUser-Agent: Yamada-Taro\r\n\r\n' >&3
grep -q '301 Moved' <&3
sleep 2
tail -n 50 /var/log/nginx/access.log | grep -q '"page":"/contact/"'
! grep -rq Yamada-Taro /var/log/nginx
