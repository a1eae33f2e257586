#!/bin/bash
# safeguard: LEAK-07
# host: web
# check: test_web.py::test_nothing_is_betrayed
# also: DEST-07
# took: test -f /srv/azukari/release/current/.git/HEAD
# the folder of a checkout, and a server that shows it
install -D -m 0644 /dev/stdin /srv/azukari/release/current/.git/HEAD <<<'ref: refs/heads/main'
sed -i '/# No dot files/,/^    }/d' /etc/nginx/azukari/site.conf
systemctl restart nginx.service
