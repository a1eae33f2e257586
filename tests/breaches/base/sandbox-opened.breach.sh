#!/bin/bash
# safeguard: LEAK-29
# host: all
# check: test_base.py::test_services_are_sandboxed
# tags: time
# took: systemctl show --property=ProtectSystem chrony.service | grep -q '=no$'
mkdir -p /etc/systemd/system/chrony.service.d
cat > /etc/systemd/system/chrony.service.d/zz-open.conf <<'END'
[Service]
ProtectSystem=no
ProtectHome=no
PrivateDevices=no
NoNewPrivileges=no
SystemCallFilter=
CapabilityBoundingSet=~
RestrictAddressFamilies=
END
systemctl daemon-reload
