#!/bin/bash
# safeguard: LEAK-29
# host: all
# check: test_base.py::test_services_are_sandboxed
# tags: time
# took: ! systemctl show --property=DropInPaths chrony.service | grep -q azukari
rm /etc/systemd/system/chrony.service.d/azukari.conf
systemctl daemon-reload
