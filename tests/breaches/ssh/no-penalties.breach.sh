#!/bin/bash
# safeguard: LEAK-09
# host: bastion
# check: test_ssh.py::test_the_bastion_drops_who_fails_repeatedly, test_ssh.py::test_the_limits_of_sshd
# took: /usr/sbin/sshd -T | grep -qx 'persourcepenalties no'
sed -i 's/^PerSourcePenalties .*/PerSourcePenalties no/' /etc/ssh/sshd_config
systemctl reload ssh.service
