#!/bin/bash
# safeguard: LEAK-32
# host: all
# check: test_audit_access.py::test_one_door_with_one_program_behind
# took: systemctl show -p ProtectSystem azukari-facts@x.service | grep -qx ProtectSystem=no
# also: LEAK-29
install -D -m 0644 /dev/stdin /etc/systemd/system/azukari-facts@.service.d/debug.conf <<'UNIT'
[Service]
ProtectSystem=no
User=root
CapabilityBoundingSet=~
UNIT
systemctl daemon-reload
