#!/bin/bash
# safeguard: LEAK-26
# host: db
# check: test_base_secrets.py::test_no_secret_in_sight
# tags: time
# took: pgrep -f -- '--password=correct-horse' >/dev/null
# a helper that somebody hung onto a service, with its password in sight of every account
cat > /etc/systemd/system/chrony.service.d/helper.conf <<'END'
[Service]
ExecStartPost=/bin/bash -c '(exec -a "sync --password=correct-horse" sleep 7200) &'
END
systemctl daemon-reload
systemctl restart chrony.service
timeout 40 chronyc waitsync 20 0.1 0 2 >/dev/null
systemctl start azukari-clock.service
