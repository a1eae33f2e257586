#!/bin/bash
# safeguard: LEAK-30
# host: all
# check: test_updates.py::test_updates_are_alive
# took: apt-config dump Unattended-Upgrade::Package-Blacklist | grep -q openssl
echo 'Unattended-Upgrade::Package-Blacklist { "openssl"; };' > /etc/apt/apt.conf.d/zzz-list
