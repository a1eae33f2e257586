#!/bin/bash
# safeguard: LEAK-10
# host: all
# check: test_ssh.py::test_the_listener_runs_with_these_settings
# also: LEAK-30
# took: ps -C sshd -o args= | grep -q LogLevel
# no configuration file shows it
echo "SSHD_OPTS='-o LogLevel=QUIET'" >/etc/default/ssh
systemctl restart ssh.service
