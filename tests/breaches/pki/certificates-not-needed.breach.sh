#!/bin/bash
# safeguard: LEAK-05
# host: app
# check: test_pki_inside.py::test_strangers_are_refused_inside
# also: LEAK-23, USE-01
# tags: site
# took: systemctl show azukari-site.service --property=Environment | grep -q cert-reqs=1
# Asked for, and not needed: nginx is answered as before; so is everybody else, if only by the list of names.
install -D -m 0644 /dev/stdin /etc/systemd/system/azukari-site.service.d/tls.conf <<'END'
[Service]
Environment="GUNICORN_CMD_ARGS=--cert-reqs=1"
END
systemctl daemon-reload
systemctl restart azukari-site.service
