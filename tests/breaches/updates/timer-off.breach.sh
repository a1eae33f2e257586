#!/bin/bash
# safeguard: LEAK-30
# host: all
# check: test_updates.py::test_updates_are_alive
# took: ! systemctl is-enabled --quiet apt-daily-upgrade.timer
systemctl disable --now apt-daily-upgrade.timer
