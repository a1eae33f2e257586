#!/bin/bash
# safeguard: LEAK-29
# host: mail
# check: test_base.py::test_services_are_sandboxed
# also: LEAK-21, DEST-10
# tags: mail
# took: systemctl show --property=PrivateDevices azukari-finder.service | grep -q '=no$'
mkdir -p /etc/systemd/system/azukari-finder.service.d
cat > /etc/systemd/system/azukari-finder.service.d/zz-open.conf <<'END'
[Service]
PrivateDevices=no
SystemCallFilter=
CapabilityBoundingSet=~
RestrictAddressFamilies=
END
systemctl daemon-reload
