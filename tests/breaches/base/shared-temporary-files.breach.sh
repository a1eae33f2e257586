#!/bin/bash
# safeguard: LEAK-23
# host: web
# check: test_base_traces.py::test_services_leave_nothing_behind
# also: LEAK-29
# tags: web
# took: systemctl show --property=PrivateTmp nginx.service | grep -qx PrivateTmp=no
install -D -m 0644 /dev/stdin /etc/systemd/system/nginx.service.d/tmp.conf <<'END'
[Service]
PrivateTmp=no
END
systemctl daemon-reload
systemctl restart nginx.service
