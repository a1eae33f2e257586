#!/bin/bash
# safeguard: LOSS-11
# host: web
# check: test_site_forms.py::test_what_dies_comes_back
# also: LEAK-29
# tags: web
# took: systemctl show -p StartLimitIntervalUSec nginx.service | grep -q =10s
printf '[Unit]\nStartLimitIntervalSec=10s\n' > /etc/systemd/system/nginx.service.d/zz.conf
systemctl daemon-reload
