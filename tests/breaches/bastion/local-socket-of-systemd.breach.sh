#!/bin/bash
# safeguard: LEAK-13
# host: all
# check: test_bastion.py::test_no_other_door_to_ssh
# also: LEAK-32
# took: systemctl is-active sshd-unix-local.socket
# tags: ssh
# what systemd opens by itself, where nobody masks it
systemctl unmask sshd-unix-local.socket
systemctl start sshd-unix-local.socket
