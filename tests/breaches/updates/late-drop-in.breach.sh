#!/bin/bash
# safeguard: LEAK-30
# host: all
# check: test_updates.py::test_updates_are_alive
# took: apt-config dump APT::Periodic::Unattended-Upgrade | grep -q '"0"'
# sorts after every other name, so it has the last word
echo 'APT::Periodic::Unattended-Upgrade "0";' > /etc/apt/apt.conf.d/zzz-off
