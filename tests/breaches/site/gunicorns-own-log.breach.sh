#!/bin/bash
# safeguard: USE-01
# host: app
# check: test_site_collects.py::test_only_the_declared_program_collects
# also: LEAK-23
# took: systemctl show azukari-site.service --property=Environment | grep -q access-logfile
# no file of the program is touched; its requests are in the journal
install -D -m 0644 /dev/stdin /etc/systemd/system/azukari-site.service.d/log.conf <<'END'
[Service]
Environment="GUNICORN_CMD_ARGS=--access-logfile=-"
END
systemctl daemon-reload
systemctl restart azukari-site.service
