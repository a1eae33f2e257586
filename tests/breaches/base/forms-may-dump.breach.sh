#!/bin/bash
# safeguard: LEAK-23
# host: app
# check: test_base_traces.py::test_services_leave_nothing_behind
# tags: site
# took: systemctl show --property=LimitCORE azukari-site.service | grep -qx LimitCORE=infinity
# a crash would write to the disk what visitors had just sent
install -D -m 0644 /dev/stdin /etc/systemd/system/azukari-site.service.d/dump.conf <<'END'
[Service]
LimitCORE=infinity
END
systemctl daemon-reload
systemctl restart azukari-site.service
